import {existsSync} from 'node:fs';
import {readFile, readdir} from 'node:fs/promises';
import {join} from 'node:path';
import {needSpace} from './cache.js';
import {linkTree} from './link.js';
import {wheelContent} from './libraries.js';
import {manylinux} from './platform.js';
import type {Progress} from './progress.js';
import {run} from '../io/run_command.js';

// Disk space for all of the libraries, and for the largest with its wheel.
const ALL_BYTES = 5.5e9;
const LARGEST_BYTES = 2e9;

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
  const cuda = join(cache, 'cuda');
  if (!existsSync(cuda)) await needSpace(cache, ALL_BYTES);
  for (const requirement of cudaRequirements(metadata)) {
    const folder = join(cuda, requirement.replace(/[^\w.-]+/g, '_'));
    await wheelContent(folder, {
      requirement,
      platforms: manylinux('x86_64'),
      bytes: LARGEST_BYTES,
      progress,
      wanted: name => /^nvidia\/(?!.*(\/include\/|\.py$))/.test(name),
    });
    await linkTree(
      join(folder, 'nvidia'),
      join(packageDirectory, 'deps', 'nvidia'),
    );
  }
}
