import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {efficientNetLite0} from '../../../scripts/figures/imagenet/efficientnet.js';
import {squareOf} from '../../../scripts/figures/imagenet/photographs.js';
import {loadEfficientNetLite0} from '../../../scripts/figures/imagenet/weights.js';

test.before(async () => {
  await tf.setBackend('cpu');
});

test.serial('EfficientNet-Lite0 has its shapes and parameters', t => {
  const model = efficientNetLite0();
  t.deepEqual(model.outputs[0].shape, [null, 1000]);
  const trained = model.trainableWeights.map(w =>
    w.shape.reduce<number>((product, size) => product * size!, 1),
  );
  t.is(
    trained.reduce((a, b) => a + b),
    4_652_008,
  );
  model.dispose();
});

test.serial('the middle square is scaled by averaging', t => {
  const image = tf.tensor3d(
    [0, 1, 0.5, 0.25, 1, 0, 1, 0.75].flatMap(v => [v, v, v]),
    [2, 4, 3],
  );
  t.deepEqual([...squareOf(image, 1).dataSync()], [0.625, 0.625, 0.625]);
  image.dispose();
});

/** Every 25th logit of PyTorch for the image below. */
const LOGITS = [
  0.77052, 0.11645, 0.70617, 3.06426, 0.34624, -0.65493, -0.02722, 1.4905,
  0.04866, -1.13522, -1.98242, 0.94963, 1.6586, -0.25184, 0.34893, 1.54949,
  -0.91743, 0.49404, -0.71376, 0.42812, -2.04527, -0.86432, -2.28076, -0.01966,
  1.35547, -0.11006, 3.33987, -0.51875, -1.71114, -2.17765, 0.00739, 0.07905,
  -1.62057, 2.03943, -2.38698, -1.28951, -1.45621, 0.67035, 0.24291, -1.32677,
];

/** Fetched where the cache does not have it; null without a network. */
async function weights() {
  try {
    return await loadEfficientNetLite0({progress: false});
  } catch (error) {
    if (/cannot be reached/.test((error as Error).message)) return null;
    throw error;
  }
}

test.serial('its logits are those of PyTorch', async t => {
  t.timeout(120_000);
  const before = tf.memory().numTensors;
  const model = await weights();
  if (!model) {
    t.log('skipped: the weights could not be fetched without a network');
    t.pass();
    return;
  }
  const values = new Float32Array(224 * 224 * 3);
  let i = 0;
  for (let y = 0; y < 224; y++)
    for (let x = 0; x < 224; x++)
      for (let c = 0; c < 3; c++)
        values[i++] =
          ((7 * y + 13 * x + 29 * c + ((x * y) % 17) * 5) % 256) / 255;
  const found = tf.tidy(() => {
    const logits = model.predict(tf.tensor4d(values, [1, 224, 224, 3]));
    return (logits as tf.Tensor).dataSync();
  });
  t.is(found.indexOf(Math.max(...found)), 858);
  const largest = Math.max(
    ...LOGITS.map((v, k) => Math.abs(v - found[25 * k])),
  );
  t.true(largest < 1e-4, `largest difference ${largest}`);
  model.dispose();
  t.is(tf.memory().numTensors, before);
});
