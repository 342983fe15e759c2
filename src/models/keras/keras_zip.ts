import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import type * as h5 from 'h5wasm/node';
import {readZipMembers} from '../../io/zip.js';
import {makeModel, setWeights, withHdf5} from './keras_parts.js';

const CONFIG = 'config.json';
const WEIGHTS = 'model.weights.h5';

/** The largest sizes that are unpacked, in bytes. */
const LARGEST = {[CONFIG]: 2 ** 26, [WEIGHTS]: 2 ** 31 - 1};

/** A layer, or a model with layers of its own, as the configuration has it. */
interface LayerConfig {
  class_name: string;
  config: {name: string; layers?: LayerConfig[]};
}

/** A model in the zip format of Keras 3: see {@link loadKeras}. */
export async function loadKerasZip(path: string): Promise<tf.LayersModel> {
  const members = await readZipMembers(path, LARGEST);
  const text = members.get(CONFIG)!.toString('utf8');
  const model = await makeModel(path, text);
  // The library reads files only.
  const folder = await mkdtemp(join(tmpdir(), 'tfjs-adversarial-keras-'));
  try {
    const file = join(folder, WEIGHTS);
    await writeFile(file, members.get(WEIGHTS)!);
    await withHdf5(file, `${WEIGHTS} in ${path}`, async opened =>
      setAll(path, opened, JSON.parse(text) as LayerConfig, model, ''),
    );
    return model;
  } catch (error) {
    model.dispose();
    throw error;
  } finally {
    await rm(folder, {recursive: true, force: true});
  }
}

/**
 * Sets the weights of a model's layers. The file numbers layers of one class in
 * their order, whatever their names: `layers/conv2d`, `layers/conv2d_1`.
 */
function setAll(
  path: string,
  file: h5.File,
  {config}: LayerConfig,
  model: tf.LayersModel,
  prefix: string,
): void {
  const counts = new Map<string, number>();
  for (const inner of config.layers ?? []) {
    const kind = snakeCase(inner.class_name);
    const before = counts.get(kind) ?? 0;
    counts.set(kind, before + 1);
    const group = `${prefix}layers/${before ? `${kind}_${before}` : kind}`;
    if (inner.class_name === 'InputLayer') continue;
    const layer = model.getLayer(inner.config.name);
    if (inner.config.layers) {
      setAll(path, file, inner, layer as tf.LayersModel, `${group}/`);
    } else {
      setWeights(path, layer, variables(file, `${group}/vars`));
    }
  }
}

function variables(file: h5.File, group: string): h5.Dataset[] {
  const found = file.get(group) as h5.Group | null;
  const names = found?.keys?.() ?? [];
  return names
    .sort((a, b) => Number(a) - Number(b))
    .map(name => found!.get(name) as h5.Dataset);
}

/** `DepthwiseConv2D` → `depthwise_conv2d`, as Keras does. */
function snakeCase(className: string): string {
  return className
    .replace(/\W+/g, '')
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
}
