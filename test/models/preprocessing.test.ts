import test from 'ava';
import * as tf from '@tensorflow/tfjs';
import {
  NormalizationLayer,
  adversarialTraining,
  attack,
  withPreprocessing,
} from '../../src/index.js';

function modelOfBytes(): tf.LayersModel {
  return tf.sequential({
    layers: [
      tf.layers.flatten({inputShape: [4, 4, 3]}),
      tf.layers.dense({
        units: 3,
        activation: 'softmax',
        kernelInitializer: tf.initializers.randomNormal({
          stddev: 0.01,
          seed: 1,
        }),
      }),
    ],
  });
}

test('a model of 0 … 255 becomes one of [0, 1], with the same output', async t => {
  await tf.setBackend('cpu');
  const model = modelOfBytes();
  const wrapped = withPreprocessing(model, {stddev: 1 / 255});
  const images = tf.randomUniform([5, 4, 4, 3]) as tf.Tensor4D;
  const a = (model.predict(tf.mul(images, 255)) as tf.Tensor).dataSync();
  const b = (wrapped.predict(images) as tf.Tensor).dataSync();
  a.forEach((x, i) => t.true(Math.abs(x - b[i]) < 1e-5));
});

test('it is attacked through the layer, trains the model, and is saved with it', async t => {
  await tf.setBackend('cpu');
  const model = modelOfBytes();
  const wrapped = withPreprocessing(model, {
    mean: [0.5, 0.4, 0.3],
    stddev: [1 / 255, 1 / 255, 1 / 255],
  });
  wrapped.compile({optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy'});
  const images = tf.randomUniform([6, 4, 4, 3]) as tf.Tensor4D;
  const labels = tf.tensor1d([0, 1, 2, 0, 1, 2]);
  const before = model.getWeights()[0].dataSync().slice();
  const clean = attack('None').perturb(wrapped, images, labels);
  const attacked = attack('D', {steps: 5, learningRate: 0.01}).perturb(
    wrapped,
    images,
    labels,
  );
  const margins = attacked.margin.dataSync();
  clean.margin.dataSync().forEach((m, i) => t.true(margins[i] < m));
  await wrapped.fit(images, labels, {
    epochs: 1,
    verbose: 0,
    callbacks: adversarialTraining({attack: 'D', steps: 2}),
  });
  t.notDeepEqual(model.getWeights()[0].dataSync(), before);

  let saved: tf.io.ModelArtifacts | undefined;
  await wrapped.save(
    tf.io.withSaveHandler(async artifacts => {
      saved = artifacts;
      return {
        modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts),
      };
    }),
  );
  const again = await tf.loadLayersModel(tf.io.fromMemory(saved!));
  t.deepEqual(
    (again.predict(images) as tf.Tensor).dataSync(),
    (wrapped.predict(images) as tf.Tensor).dataSync(),
  );
});

test('the former name of the standard deviation still works', t => {
  const images = tf.randomUniform([2, 4, 4, 3]);
  const [now, before] = [{stddev: 0.5}, {deviation: 0.5}].map(args =>
    withPreprocessing(modelOfBytes(), args),
  );
  before.setWeights(now.getWeights());
  t.deepEqual(
    (before.predict(images) as tf.Tensor).dataSync(),
    (now.predict(images) as tf.Tensor).dataSync(),
  );
  const layer = new NormalizationLayer({mean: [0], deviation: [2]});
  t.deepEqual(layer.getConfig().stddev, [2]);
});

test('bad arguments', t => {
  const model = modelOfBytes();
  t.throws(() => withPreprocessing(model, {mean: [1, 2]}), {
    message: /for each channel/,
  });
  t.throws(() => withPreprocessing(model, {stddev: 0}), {
    message: /positive standard deviation/,
  });
  const dense = tf.sequential({
    layers: [tf.layers.dense({units: 2, inputShape: [3]})],
  });
  t.throws(() => withPreprocessing(dense, {}), {message: /\[N, H, W, C\]/});
});
