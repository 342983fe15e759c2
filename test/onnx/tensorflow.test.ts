import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {existsSync} from 'node:fs';
import {loadBackend} from '../../src/tfjs_node/load_backend.js';
import {findTfjsNode} from '../../src/tfjs_node/package.js';
import {resnet32} from '../../src/models/resnet.js';
import {loadModel, saveModel} from '../../src/models/files.js';
import {skipped} from '../helpers/backends.js';
import {temporaryFolder} from '../helpers/folder.js';

const tfjsNode = findTfjsNode('@tensorflow/tfjs-node', process.cwd());

const BATCHES = 20;
const SIZE = 8;

function compiled(): tf.LayersModel {
  const model = resnet32({seed: 1});
  model.compile({
    optimizer: tf.train.momentum(0.001, 0.9),
    loss: 'categoricalCrossentropy',
    metrics: ['accuracy'],
  });
  return model;
}

/** Batch `i`: its classes can be told by their brightness. */
function batch(i: number): {x: tf.Tensor; y: tf.Tensor} {
  return tf.tidy(() => {
    const classes = Array.from({length: SIZE}, (_, k) => (i + 3 * k) % 10);
    const noise = tf.randomUniform([SIZE, 32, 32, 3], 0, 0.5, 'float32', i);
    const light = tf.tensor(
      classes.map(c => c / 20),
      [SIZE, 1, 1, 1],
    );
    return {
      x: tf.add(noise, light),
      y: tf.oneHot(tf.tensor1d(classes, 'int32'), 10),
    };
  });
}

/** Losses of a ResNet-32 in training, whose first weights are scaled by 1 + `nudge`. */
async function losses(backend: string, nudge = 0): Promise<number[]> {
  await loadBackend(backend);
  const model = compiled();
  tf.tidy(() =>
    model.setWeights(model.getWeights().map(w => tf.mul(w, 1 + nudge))),
  );
  const result: number[] = [];
  for (let i = 0; i < BATCHES; i++) {
    const {x, y} = batch(i);
    const [loss] = (await model.trainOnBatch(x, y)) as number[];
    result.push(loss);
    tf.dispose([x, y]);
  }
  model.dispose();
  return result;
}

async function outputs(backend: string, path: string, save: boolean) {
  await loadBackend(backend);
  const model = save ? compiled() : await loadModel(path);
  const {x, y} = batch(0);
  if (save) {
    await model.trainOnBatch(x, y);
    await saveModel(model, path);
  }
  const result = tf.tidy(() =>
    (model as tf.LayersModel).predict(x),
  ) as tf.Tensor;
  const values = [...result.dataSync()];
  tf.dispose([x, y, result]);
  model.dispose();
  return values;
}

const largest = (a: number[], b: number[]) =>
  Math.max(...a.map((v, i) => Math.abs(v - b[i])));

if (tfjsNode && existsSync(tfjsNode.binding)) {
  test.serial("ResNet-32's loss over 20 batches is tfjs-node's", async t => {
    const expected = await losses('tensorflow');
    const actual = await losses('onnx');
    // How much one rounding of each weight (2^-23) grows to on tfjs-node itself.
    let explained = 1e-5;
    const nudged = [
      await losses('tensorflow', 2 ** -23),
      await losses('tensorflow', -(2 ** -23)),
    ];
    const difference = (a: number[], i: number) => Math.abs(a[i] - expected[i]);
    for (let i = 0; i < BATCHES; i++) {
      for (const other of nudged) {
        explained = Math.max(explained, difference(other, i));
      }
      t.true(difference(actual, i) <= 20 * explained, `batch ${i}`);
    }
    t.true(expected[BATCHES - 1] !== expected[0]);
  });

  for (const [from, to] of [
    ['tensorflow', 'onnx'],
    ['onnx', 'tensorflow'],
  ]) {
    test.serial(`a model saved on ${from} is the same on ${to}`, async t => {
      const path = temporaryFolder(t);
      const saved = await outputs(from, path, true);
      t.true(largest(await outputs(to, path, false), saved) < 1e-4);
    });
  }
} else {
  skipped(
    test,
    'onnx against tensorflow',
    'tfjs-node is not set up (npm run setup:tensorflow)',
  );
}
