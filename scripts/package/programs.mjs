// What a user would write.

/** Ten lines of a user: a tiny model on 8×8 images, trained with the callback. */
export const TRAIN = `
const model = tf.sequential({layers: [
  tf.layers.conv2d({inputShape: [8, 8, 3], filters: 4, kernelSize: 3, activation: 'relu'}),
  tf.layers.flatten(),
  tf.layers.dense({units: 2, activation: 'softmax'}),
]});
model.compile({optimizer: 'adam', loss: 'categoricalCrossentropy', metrics: ['accuracy']});
const x = tf.randomUniform<RANK>([4, 8, 8, 3]);
const y = tf.oneHot(tf.tensor1d([0, 1, 0, 1], 'int32'), 2);
const callbacks = adversarialTraining({attack: 'C+S+D', steps: 1});
`;
const CHECK = `
const before = model.getWeights()[0].dataSync().slice();
model.fit(x, y, {epochs: 1, batchSize: 4, verbose: 0, callbacks}).then(({history}) => {
  const {loss, adv_acc, clean_margin, size_C, size_S, size_D} = history;
  for (const [value] of [loss, adv_acc, clean_margin, size_C, size_S, size_D]) {
    if (!Number.isFinite(value)) throw new Error('no figure in ' + JSON.stringify(history));
  }
  if (!(size_D[0] > 0 && size_D[0] <= 8 / 255 + 1e-6)) throw new Error('size_D is ' + size_D);
  if (model.getWeights()[0].dataSync().every((w, i) => w === before[i])) throw new Error('no weight has changed');
  console.log('trained on', tf.getBackend());
});
`;
/** The same in JavaScript, with a check that it has trained. */
export const javascript = TRAIN.replace('<RANK>', '') + CHECK;
/** The first lines of an ES module. */
export const imports = (tfjs, names = 'adversarialTraining') =>
  `import * as tf from '${tfjs}';\nimport {${names}} from 'tfjs-adversarial';\n`;

/** What the examples of the README take for granted. */
export const GIVEN = `
import type * as tf from '@tensorflow/tfjs';
declare global {
  const model: tf.LayersModel;
  const images: tf.Tensor4D, x: tf.Tensor4D;
  const labels: tf.Tensor2D, y: tf.Tensor2D;
  const dataset: tf.data.Dataset<tf.TensorContainer>;
}
`;
