import {type Command, Option} from 'commander';
import * as tf from '@tensorflow/tfjs';
import {
  adversarialTraining,
  evaluateRobustness,
  imageDataset,
  ImageSet,
} from '../index.js';
import {makeFolder} from '../io/cache.js';
import {progressBar} from '../io/progress.js';
import {permutation, randomStream} from '../data/random.js';
import {logits} from '../models/logits.js';
import {saveModel} from '../node.js';
import {
  command,
  define,
  exitIfStopped,
  requiredOption,
  stopOnInterrupt,
} from './command_line.js';
import {loadSubject} from './subject.js';
import {addImageOptions, type ImageOptions} from './images.js';
import {addRangeOptions, checkRange, type RangeOptions} from './input_range.js';
import {MODEL_HELP} from './models.js';
import {
  backendOption,
  batchOption,
  path,
  positive,
  seedOption,
  threadsOption,
  whole,
} from './options.js';
import {checkSpec} from './search_options.js';

interface Options extends ImageOptions, RangeOptions {
  model: string;
  attack: string;
  out: string;
  epochs: number;
  batch: number;
  learningRate: number;
  crafting: 'fast' | 'pgd';
  steps: number;
  mix: string;
  holdOut: number;
  augment?: boolean;
  seed: number;
  backend?: string;
  threads?: number;
}

/** The command that fine-tunes a model against an attack. */
export function trainCommand(name: string): Command {
  const program = command(name, {
    description:
      'Fine-tunes a layers model on adversarial examples of your pictures, and saves the most robust epoch.',
    examples: [
      `${name} --model my-model --images pictures --attack C+S+D --out my-robust-model`,
      `${name} --model my-model --images pictures --attack D --crafting pgd --epochs 10 --out robust`,
    ],
  })
    .addOption(requiredOption('--model <path>', MODEL_HELP))
    .option('--attack <spec>', 'what to train against', 'C+S+D')
    .addOption(
      requiredOption('--out <dir>', 'folder for the model').argParser(path),
    );
  addImageOptions(program);
  addRangeOptions(program)
    .addOption(
      new Option('--examples <n>', 'number of images to read')
        .argParser(whole(2))
        .default(50_000),
    )
    .addOption(
      new Option('--epochs <n>', 'passes over the images')
        .argParser(whole(1))
        .default(3),
    )
    .addOption(batchOption())
    .addOption(
      new Option('--learning-rate <x>', 'of Adam, which trains the model')
        .argParser(positive)
        .default(1e-4),
    )
    .addOption(
      new Option(
        '--crafting <how>',
        'fast: one step from large noise; pgd: --steps steps',
      )
        .choices(['fast', 'pgd'])
        .default('fast'),
    )
    .addOption(
      new Option('--steps <n>', 'of the attack on each batch, for pgd')
        .argParser(whole(1))
        .default(10),
    )
    .option(
      '--mix <how>',
      'adversarial, both, or the share of each batch to attack',
      '0.5',
    )
    .addOption(
      new Option(
        '--hold-out <n>',
        'images that are not trained on; they choose the epoch (default: a tenth, at most 200)',
      ).argParser(whole(1)),
    )
    .option('--augment', 'flip and shift the pictures at random')
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(seedOption());
  return define<Options>(program, train);
}

async function train(options: Options): Promise<void> {
  const {attack, out, epochs, batch, crafting, steps, seed} = options;
  checkSpec(attack);
  checkRange(options);
  const mix = mixOf(options.mix);
  await makeFolder(out);
  const subject = await loadSubject({...options, split: 'train'}, loaded => {
    if (loaded instanceof tf.LayersModel) return;
    throw new Error(
      'Graph models can be attacked, not trained: convert the model as a layers model.',
    );
  });
  // Before this there is nothing to keep.
  const stop = stopOnInterrupt();
  const images = subject.data;
  const model = subject.model as tf.LayersModel;
  const [held, rest] = split(images, options.holdOut, seed);
  compile(model, held, options.learningRate);

  const measure = async () => {
    const {results} = await evaluateRobustness(model, held, {
      ...{
        attacks: ['None', attack],
        batchSize: batch,
        warnings: false,
        progress: false,
      },
      ...{steps: 20, learningRate: 0.005, smoothnessWeight: 0},
    });
    return results.map(({accuracy}) => accuracy) as [number, number];
  };
  const percent = (x: number) => `${(100 * x).toFixed(1)} %`;
  const describe = ([clean, robust]: [number, number]) =>
    `${percent(clean)} of ${held.size} held-out images right, ${percent(robust)} under ${attack}`;
  const before = await measure();
  console.log(`Before: ${describe(before)}.`);
  let best: [number, number] | undefined;

  const total = Math.ceil(rest.size / batch) * epochs;
  const bar = progressBar(`Training against ${attack}`, total);
  let updates = 0;
  const watch = new tf.CustomCallback({
    onBatchEnd: async () => {
      bar.update(++updates);
      if (stop.aborted) model.stopTraining = true;
    },
    onEpochEnd: async epoch => {
      const now = await measure();
      const saves = !best || isBetter(now, best);
      if (saves) {
        await saveModel(model, out);
        best = now;
      }
      console.log(
        `Epoch ${epoch + 1}: ${describe(now)}${saves ? ', saved' : ''}.`,
      );
    },
  });
  const defense = adversarialTraining({
    ...{attack, mix, seed, progress: false},
    ...(crafting === 'fast'
      ? {crafting, guard: false}
      : {steps, cleanMetrics: false}),
  });
  try {
    await model.fitDataset(
      imageDataset(rest, {batchSize: batch, seed, augment: options.augment}),
      {epochs, verbose: 0, callbacks: [watch, defense]},
    );
  } finally {
    bar.stop();
  }
  if (best) {
    console.log(
      `The model of the most robust epoch is in ${out}; it takes images in [0, 1].\nMeasure it with strong(${attack}): short attacks say too much.`,
    );
  }
  if (best && !isBetter(best, before)) {
    console.error(
      'No epoch was more robust than the model before: try more --epochs or images, a smaller bound, or another --learning-rate.',
    );
  }
  exitIfStopped(stop);
}

/** Clean and robust accuracy against others: the robust one counts, then the clean. */
function isBetter(
  [clean, robust]: [number, number],
  [otherClean, otherRobust]: [number, number],
): boolean {
  return robust > otherRobust || (robust === otherRobust && clean > otherClean);
}

function mixOf(text: string): 'adversarial' | 'both' | number {
  if (text === 'adversarial' || text === 'both') return text;
  const share = Number(text);
  if (!(share > 0 && share <= 1)) {
    throw new Error(
      `--mix must be adversarial, both or a number above 0 and at most 1, but is ${text}.`,
    );
  }
  return share === 1 ? 'adversarial' : share;
}

/** Held-out images and the rest, shuffled, so that each class is in both as far as chance has it. */
function split(
  images: ImageSet,
  holdOut: number | undefined,
  seed: number,
): [held: ImageSet, rest: ImageSet] {
  const count = holdOut ?? Math.min(200, Math.ceil(images.size / 10));
  if (count >= images.size) {
    throw new Error(
      `--hold-out must be below the number of images, ${images.size}, but is ${count}.`,
    );
  }
  const order = [...permutation(images.size, randomStream(seed))];
  return [
    pick(images, order.slice(0, count)),
    pick(images, order.slice(count)),
  ];
}

function pick(set: ImageSet, places: number[]): ImageSet {
  const size = set.imageSize;
  const bytes = new Uint8Array(places.length * size);
  places.forEach((p, i) =>
    bytes.set(set.images.subarray(p * size, (p + 1) * size), i * size),
  );
  const labels = Uint16Array.from(places, p => set.labels[p]);
  return new ImageSet(bytes, labels, set.shape, set.classNames);
}

/** For a model that ends in a softmax, or in logits. */
function compile(model: tf.LayersModel, data: ImageSet, rate: number): void {
  const equal = tf.tidy(() => {
    const x = data.tensor(0, Math.min(8, data.size));
    const outputs = model.predict(x) as tf.Tensor;
    const apart = tf.max(tf.abs(tf.sub(logits(model, x), outputs)));
    return apart.dataSync()[0] < 1e-6;
  });
  model.compile({
    optimizer: tf.train.adam(rate),
    loss: equal
      ? (labels: tf.Tensor, outputs: tf.Tensor) =>
          tf.losses.softmaxCrossEntropy(labels, outputs)
      : 'categoricalCrossentropy',
    metrics: ['accuracy'],
  });
}
