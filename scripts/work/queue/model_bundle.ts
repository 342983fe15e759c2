import {createHash, randomUUID} from 'node:crypto';
import {mkdir, rename, rm, stat, writeFile} from 'node:fs/promises';
import {basename, extname, join} from 'node:path';
import {promisify} from 'node:util';
import {gunzip, gzip} from 'node:zlib';
import {z} from 'zod';
import {
  cacheDirectory,
  readRegularFile,
  writeWhole,
} from '../../../src/io/cache.js';
import {modelFiles} from '../../models.js';
import {type Exchange, KEPT, MAX_BYTES, PREFIX} from './redis.js';

/** Names that the single file of a model has here, by its kind. */
const SINGLE = ['model.pt', 'model.h5', 'model.hdf5', 'model.keras'];

const singleName = (file: string) =>
  SINGLE.find(name => extname(name) === extname(file).toLowerCase()) ??
  SINGLE[0];

/** A name without a folder, so that no file is written anywhere else. */
const fileName = z.string().regex(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$/);

const schema = z
  .array(z.strictObject({name: fileName, base64: z.base64()}))
  .min(1)
  .max(1000);

const key = (digest: string) => `${PREFIX}:model:${digest}`;

/** The files of a model as one compressed piece of data. */
export async function packModel(path: string): Promise<Buffer> {
  const files = await modelFiles(path);
  const single = files.length === 1 && !files[0].file.endsWith('.json');
  const bundle = [];
  for (const {name, file} of files) {
    bundle.push({
      name: single ? singleName(file) : name,
      base64: (await readRegularFile(file)).toString('base64'),
    });
  }
  const {data, error} = schema.safeParse(bundle);
  if (error) {
    throw new Error(
      `${path} cannot be sent: the names of its weight files must be letters, digits, points, dashes and underscores.`,
    );
  }
  return promisify(gzip)(JSON.stringify(data));
}

/** Puts a model where workers find it. */
export async function sendModel(
  {redis, weights}: Exchange,
  digest: string,
  path: string,
): Promise<void> {
  if (weights !== undefined) {
    return writeWhole(join(weights, digest), await packModel(path));
  }
  if (await redis.expire(key(digest), KEPT)) return;
  const bundle = await packModel(path);
  if (bundle.length > MAX_BYTES) {
    throw new Error(
      `${path} has ${Math.ceil(bundle.length / 2 ** 20)} MiB, and at most ${MAX_BYTES / 2 ** 20} go through Redis: give --weights with a folder that all workers see.`,
    );
  }
  await redis.set(key(digest), bundle, 'EX', KEPT);
}

/**
 * The path of a model on this machine, received if it is not there yet.
 *
 * @param digest SHA-256 of its files, which names it.
 */
export async function receiveModel(
  {redis, weights}: Exchange,
  digest: string,
): Promise<string> {
  const folder = join(cacheDirectory('models'), digest);
  const there = await modelIn(folder);
  if (there) return there;
  const bundle =
    weights === undefined
      ? await redis.getBuffer(key(digest))
      : await readRegularFile(join(weights, digest), 8 * MAX_BYTES);
  if (!bundle) throw new Error(`the model ${digest} is not in Redis`);
  const files = await unpackModel(bundle, digest);
  const temporary = `${folder}.${process.pid}.${randomUUID()}.tmp`;
  await mkdir(temporary, {recursive: true});
  try {
    for (const {name, data} of files) {
      await writeFile(join(temporary, basename(name)), data);
    }
    // Another worker of this machine may have been faster.
    await rename(temporary, folder).catch(() => {});
  } finally {
    await rm(temporary, {recursive: true, force: true});
  }
  const path = await modelIn(folder);
  if (!path) throw new Error(`the model ${digest} could not be stored`);
  return path;
}

/**
 * Checks a bundle: its names are plain, its contents are those of the digest, and
 * a model.json names only files of the bundle.
 */
export async function unpackModel(bundle: Buffer, digest: string) {
  const maxOutputLength = 16 * MAX_BYTES;
  const wrong = (what: string) =>
    new Error(`the model ${digest} is damaged: ${what}`);
  const text = await promisify(gunzip)(bundle, {maxOutputLength}).catch(() => {
    throw wrong('it is not compressed data');
  });
  const {data, error} = schema.safeParse(parseJson(text.toString()));
  if (error) throw wrong('it is no list of files');
  const hash = createHash('sha256');
  const files = data.map(({name, base64}) => ({
    name,
    data: Buffer.from(base64, 'base64'),
  }));
  for (const file of files) hash.update(file.data);
  if (hash.digest('hex') !== digest) throw wrong('its SHA-256 is another');
  const [first, ...rest] = files;
  if (first.name === 'model.json') {
    const named = manifestPaths(first.data.toString());
    const names = rest.map(({name}) => name);
    if (JSON.stringify(named) !== JSON.stringify(names)) {
      throw wrong('its model.json names other files');
    }
  } else if (!SINGLE.includes(first.name) || rest.length > 0) {
    throw wrong('it is no model');
  }
  return files;
}

function manifestPaths(text: string): unknown[] | undefined {
  const manifest = z
    .object({
      weightsManifest: z.array(z.object({paths: z.array(z.string())})),
    })
    .safeParse(parseJson(text));
  return manifest.data?.weightsManifest.flatMap(({paths}) => paths);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function modelIn(folder: string): Promise<string | undefined> {
  for (const name of SINGLE) {
    const file = join(folder, name);
    if (await stat(file).catch(() => null)) return file;
  }
  const json = await stat(join(folder, 'model.json')).catch(() => null);
  return json ? folder : undefined;
}
