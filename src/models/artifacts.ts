import {realpath, stat} from 'node:fs/promises';
import {dirname, isAbsolute, join, relative, sep} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {fileError, readRegularFile} from '../io/cache.js';

/** Bytes of one value of each type that a weight may have. */
const BYTES: Readonly<Record<string, number>> = {
  float32: 4,
  int32: 4,
  complex64: 8,
  bool: 1,
  uint8: 1,
  uint16: 2,
  float16: 2,
};

/**
 * Reads a saved model's description and weights and checks that they fit
 * together.
 *
 * @param path a folder with a `model.json`, or the path of such a file.
 */
export async function readArtifacts(
  path: string,
): Promise<tf.io.ModelArtifacts> {
  const isFolder = await stat(path).then(
    found => found.isDirectory(),
    error => {
      throw fileError(error, path, 'read');
    },
  );
  const file = isFolder ? join(path, 'model.json') : path;
  const description = await readDescription(file);
  const {weightsManifest, ...rest} = description;
  const folder = await realpath(dirname(file));
  const weightSpecs: tf.io.WeightsManifestEntry[] = [];
  const weightData: Buffer[] = [];
  for (const {paths, weights} of weightsManifest) {
    const parts = await Promise.all(
      paths.map(name => readWeights(folder, name, file)),
    );
    const given = parts.reduce((sum, part) => sum + part.length, 0);
    const wanted = weights.reduce((sum, spec) => sum + bytes(spec, file), 0);
    if (given !== wanted) {
      throw new Error(
        `${paths.join(', ')} should have ${wanted} bytes for the weights that ${file} lists, but has ${given}${given < wanted ? ': truncated?' : '.'}`,
      );
    }
    weightSpecs.push(...weights);
    weightData.push(...parts);
  }
  const data = Buffer.concat(weightData);
  return {
    ...rest,
    weightSpecs,
    weightData: data.buffer.slice(
      data.byteOffset,
      data.byteOffset + data.byteLength,
    ) as ArrayBuffer,
  };
}

async function readDescription(file: string): Promise<tf.io.ModelJSON> {
  const text = (await readRegularFile(file, 2 ** 28)).toString();
  let description: Partial<tf.io.ModelJSON> | null;
  try {
    description = JSON.parse(text);
  } catch {
    throw new Error(`${file} is not JSON: truncated or not a model.json.`);
  }
  const {modelTopology, weightsManifest} = description ?? {};
  const valid =
    typeof modelTopology === 'object' &&
    modelTopology !== null &&
    Array.isArray(weightsManifest) &&
    weightsManifest.every(
      group =>
        Array.isArray(group?.paths) &&
        group.paths.every(name => typeof name === 'string') &&
        Array.isArray(group.weights),
    );
  if (!valid) {
    throw new Error(
      `${file} describes no TensorFlow.js model: modelTopology and weightsManifest are wanted.`,
    );
  }
  return description as tf.io.ModelJSON;
}

/** Only plain files inside the folder, links followed. */
async function readWeights(
  folder: string,
  name: string,
  description: string,
): Promise<Buffer> {
  const file = join(folder, name);
  const leaves = (path: string) => {
    const inside = relative(folder, path);
    return isAbsolute(inside) || inside.split(sep)[0] === '..';
  };
  const refused = new Error(
    `${description} refers to weights outside its folder: ${name}.`,
  );
  if (isAbsolute(name) || leaves(file)) throw refused;
  const target = await realpath(file).catch(error => {
    throw fileError(error, file, 'read');
  });
  if (leaves(target)) throw refused;
  return readRegularFile(target);
}

/** Bytes that a weight takes in the file. */
function bytes(spec: tf.io.WeightsManifestEntry, file: string): number {
  const {name, shape, dtype, quantization} = spec ?? {};
  const size =
    Array.isArray(shape) && shape.every(n => Number.isSafeInteger(n) && n >= 0)
      ? tf.util.sizeFromShape(shape)
      : NaN;
  const type = quantization?.dtype ?? dtype;
  const total = Object.hasOwn(BYTES, type) ? size * BYTES[type] : NaN;
  if (!Number.isSafeInteger(total)) {
    throw new Error(
      `${file} lists the weight ${name} with the shape ${JSON.stringify(shape)} and type ${type}, which cannot be read.`,
    );
  }
  return total;
}
