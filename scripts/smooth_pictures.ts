import * as tf from '@tensorflow/tfjs';
import {
  attack,
  type PictureRow,
  RECOMMENDED_SMOOTH,
  ReColor,
  rowsPicture,
  StAdv,
} from '../src/index.js';
import {loadCifar10, savePng} from '../src/node.js';
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

/** Output pixels per image pixel. */
const ZOOM = 3;
/** Places in the test set: a ship, a frog and a car. */
const PLACES = [1, 4, 9];

await run<Options>(program, async options => {
  await startBackend(options.backend, options.threads);
  const model = await readCifar10Model(options.model);
  const data = await loadCifar10({examples: 20});
  const images = tf.tidy(() => tf.gather(data.tensor(), PLACES));
  const labels = tf.tidy(() => tf.gather(data.labelTensor(), PLACES));
  const rows: PictureRow[] = [];
  for (const [name, term, recommended] of [
    ['C', C, RECOMMENDED_SMOOTH.C],
    ['S', S, RECOMMENDED_SMOOTH.S],
  ] as const) {
    const columns = [images.clone()];
    const captions = [{text: 'clean'}];
    for (const scale of [0.5, 1, 2, Infinity]) {
      const {adversarial, ...rest} = attack(term(scale), {
        ...{optimizer: 'apgd', loss: 'crossEntropy', steps: 30},
        smoothnessWeight: 0,
      }).perturb(model, images, labels);
      columns.push(adversarial);
      const bound = Number((scale * recommended).toPrecision(2));
      captions.push({text: scale < Infinity ? `smooth ${bound}` : 'no bound'});
      tf.dispose(rest as unknown as tf.TensorContainer);
    }
    for (const place of PLACES.keys()) {
      const row = tf.tidy(() =>
        tf.concat(columns.map(images => tf.slice(images, place, 1))),
      );
      rows.push({name, images: row, captions});
    }
    tf.dispose(columns);
  }
  const picture = rowsPicture(rows, {zoom: ZOOM});
  await savePng(options.out, picture);
  tf.dispose([images, labels, picture.pixels, ...rows.map(r => r.images)]);
});

function C(scale: number): ReColor {
  return new ReColor({smooth: RECOMMENDED_SMOOTH.C * scale});
}

function S(scale: number): StAdv {
  return new StAdv({smooth: RECOMMENDED_SMOOTH.S * scale});
}
