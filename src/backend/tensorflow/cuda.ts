import {existsSync} from 'node:fs';
import {readFile, readdir} from 'node:fs/promises';
import {join} from 'node:path';
import {linkOrCopy} from './link.js';
import {wheelContent} from './libraries.js';
import {manylinux} from './platform.js';
import type {Progress} from './progress.js';
import {run} from './run.js';

/** Whether an NVIDIA GPU and its driver are there. */
export async function hasGpu(): Promise<boolean> {
  if (existsSync('/proc/driver/nvidia/version')) return true;
  const {ok, stdout} = await run('nvidia-smi', ['-L'], {timeout: 20_000});
  return ok && stdout.includes('GPU');
}

/**
 * What the `and-cuda` extra of a TensorFlow wheel asks for.
 *
 * @param metadata the text of its METADATA file.
 * @returns requirements as pip takes them.
 */
export function cudaRequirements(metadata: string): string[] {
  return metadata
    .split('\n')
    .map(line =>
      /^Requires-Dist: ([^;]+);.*extra == ["']and-cuda["']/.exec(line),
    )
    .flatMap(match => (match ? [match[1].replace(/[\s()]/g, '')] : []));
}

/**
 * Puts the CUDA libraries where the TensorFlow libraries in the package's
 * `deps/lib` look for them: beside it, in `deps/nvidia`, as pip lays them out.
 */
export async function linkCudaLibraries(
  packageDirectory: string,
  tensorflow: string,
  cache: string,
  progress: Progress,
): Promise<void> {
  const info = (await readdir(tensorflow)).find(name =>
    name.endsWith('.dist-info'),
  );
  const metadata = await readFile(
    join(tensorflow, info ?? '', 'METADATA'),
    'utf8',
  );
  for (const requirement of cudaRequirements(metadata)) {
    const folder = join(cache, 'cuda', requirement.replace(/[^\w.-]+/g, '_'));
    await wheelContent(folder, {
      requirement,
      platforms: manylinux('x86_64'),
      bytes: 2e9,
      progress,
      wanted: name => name.startsWith('nvidia/') && !name.includes('/include/'),
    });
    for (const library of await readdir(join(folder, 'nvidia'))) {
      await linkOrCopy(
        join(folder, 'nvidia', library),
        join(packageDirectory, 'deps', 'nvidia', library),
      );
    }
  }
}
