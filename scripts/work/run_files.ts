import {mkdir, readdir, stat} from 'node:fs/promises';
import {dirname, join, relative} from 'node:path';
import {promisify} from 'node:util';
import {gunzip, gzip} from 'node:zlib';
import {z} from 'zod';
import {readRegularFile, writeWhole} from '../../src/io/cache.js';

/** A name, at most two folders deep, that leads nowhere else. */
const fileName = z
  .string()
  .max(300)
  .regex(
    /^(?:[A-Za-z0-9_-][A-Za-z0-9._-]*\/){0,2}[A-Za-z0-9_-][A-Za-z0-9._-]*$/,
  );

const schema = z
  .array(z.strictObject({name: fileName, base64: z.base64()}))
  .min(1)
  .max(1000);

/** Bytes of a run's files. */
const MAX_FILES = 2 ** 32 - 1;

/** The files of a training run as one compressed piece of data. */
export async function packRun(folder: string): Promise<Buffer> {
  const bundle = [];
  const names = await readdir(folder, {recursive: true});
  for (const name of names.sort()) {
    const path = relative(folder, join(folder, name)).replaceAll('\\', '/');
    const file = join(folder, name);
    if (/(^|\/)lock$|\.tmp$/.test(path) || !(await stat(file)).isFile()) {
      continue;
    }
    const data = await readRegularFile(file);
    bundle.push({name: path, base64: data.toString('base64')});
  }
  return promisify(gzip)(JSON.stringify(schema.parse(bundle)));
}

/**
 * Writes the files of a bundle into a folder: the checkpoint first and model.json
 * last, since a model without a checkpoint counts as finished.
 *
 * @returns The names of the files.
 * @throws Error with one sentence, before it writes anything, if it is no bundle.
 */
export async function unpackRun(
  bundle: Buffer,
  folder: string,
): Promise<string[]> {
  let files: z.infer<typeof schema>;
  try {
    const text = await promisify(gunzip)(bundle, {maxOutputLength: MAX_FILES});
    files = schema.parse(JSON.parse(text.toString()));
  } catch (error) {
    throw new Error('The files of a training run are damaged.', {cause: error});
  }
  const rank = (name: string) =>
    name.startsWith('checkpoint.') ? 0 : name === 'model.json' ? 2 : 1;
  files.sort((a, b) => rank(a.name) - rank(b.name));
  for (const {name, base64} of files) {
    const file = join(folder, name);
    await mkdir(dirname(file), {recursive: true});
    await writeWhole(file, Buffer.from(base64, 'base64'));
  }
  return files.map(({name}) => name);
}
