import {writeFile} from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs';
import {attack, RECOMMENDED_SMOOTH, ReColor, StAdv} from '../src/index.js';
import {encodePng, loadCifar10} from '../src/node.js';
import {
  command,
  requiredOption,
  run,
  startBackend,
} from '../src/cli/command_line.js';
import {readCifar10Model} from './models.js';
import {backendOption, threadsOption} from '../src/cli/options.js';

const program = command('smooth_pictures', {
  description:
    'Draws images under C and under S with half, once and twice the recommended bound on the difference of neighbors, and with none.',
  examples: [
    'node scripts/run.mjs smooth_pictures --model robust:D --out docs/smoothness.png',
  ],
})
  .addOption(requiredOption('--model <path>', 'as in npm run evaluate'))
  .addOption(requiredOption('--out <file>', 'the PNG'))
  .addOption(backendOption())
  .addOption(threadsOption());

interface Options {
  model: string;
  out: string;
  backend?: string;
  threads?: number;
}

/** Each pixel of an image is a square of so many pixels. */
const SCALE = 2;
/** White between images, in pixels of the PNG. */
const GAP = 4;
/** Places in the test set: a ship, a frog and a car. */
const PLACES = [1, 4, 9];

await run<Options>(program, async options => {
  await startBackend(options.backend, options.threads);
  const model = await readCifar10Model(options.model);
  const data = await loadCifar10({examples: 20});
  const images = tf.tidy(() => tf.gather(data.tensor(), PLACES));
  const labels = tf.tidy(() => tf.gather(data.labelTensor(), PLACES));
  const rows: tf.Tensor4D[] = [];
  for (const term of [C, S]) {
    const columns = [images.clone()];
    for (const scale of [0.5, 1, 2, Infinity]) {
      const {adversarial, ...rest} = attack(term(scale), {
        ...{optimizer: 'apgd', loss: 'crossEntropy', steps: 30},
        smoothnessWeight: 0,
      }).perturb(model, images, labels);
      columns.push(adversarial);
      tf.dispose(rest as unknown as tf.TensorContainer);
    }
    rows.push(tf.tidy(() => tf.concat(columns.map(framed), 2)));
    tf.dispose(columns);
  }
  const picture = tf.tidy(() => {
    const [n, height, width] = rows[0].shape;
    return tf.reshape(tf.concat(rows), [2 * n * height, width, 3] as const);
  });
  await writeFile(options.out, encodePng(picture as tf.Tensor3D));
  tf.dispose([images, labels, picture, ...rows]);
});

function C(scale: number): ReColor {
  return new ReColor({smooth: RECOMMENDED_SMOOTH.C * scale});
}

function S(scale: number): StAdv {
  return new StAdv({smooth: RECOMMENDED_SMOOTH.S * scale});
}

/** Images, enlarged, with white to the right and below. */
function framed(images: tf.Tensor4D): tf.Tensor4D {
  const [, height, width] = images.shape;
  const large = tf.image.resizeNearestNeighbor(images, [
    height * SCALE,
    width * SCALE,
  ]);
  const none: [number, number] = [0, 0];
  return tf.pad4d(large, [none, [0, GAP], [0, GAP], none], 1);
}
