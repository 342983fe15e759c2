import {resolve} from 'node:path';
import {type Command, Option} from 'commander';
import * as tf from '@tensorflow/tfjs';
import {
  adversarialTraining,
  evaluateRobustness,
  imageDataset,
  ImageSet,
  learningRate,
  oneCycle,
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
import {isWithinChance} from './wilson_interval.js';

interface Options extends ImageOptions, RangeOptions {
  model: string;
  attack: string;
  out: string;
  epochs?: number;
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

/** Updates that take a small model from none to most of the robustness that its pictures allow. */
const UPDATES = 1000;
const [FEWEST, MOST] = [3, 200];
/** A measurement costs as much as several epochs of few pictures. */
const MEASUREMENTS = 10;

/** The command that fine-tunes a model against an attack. */
export function trainCommand(name: string): Command {
  const program = command(name, {
    description:
      'Fine-tunes a layers model on adversarial examples of your pictures, and saves it as it was most robust.',
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
      new Option(
        '--epochs <n>',
        `passes over the images (default: as many as make ${UPDATES} updates, from ${FEWEST} to ${MOST})`,
      ).argParser(whole(1)),
    )
    .addOption(batchOption())
    .addOption(
      new Option(
        '--learning-rate <x>',
        'of Adam at its highest: it rises and falls once',
      )
        .argParser(positive)
        .default(1e-3),
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
      'adversarial, both, or the share of each batch to attack: less keeps more of the clean accuracy',
      'adversarial',
    )
    .addOption(
      new Option(
        '--hold-out <n>',
        'images that are not trained on; they choose the epoch (default: a fifth, at most 200)',
      ).argParser(whole(1)),
    )
    .option('--augment', 'flip and shift the pictures at random')
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(seedOption());
  return define<Options>(program, train);
}

async function train(options: Options): Promise<void> {
  const {attack, out, batch, crafting, steps, seed} = options;
  checkSpec(attack);
  checkRange(options);
  if (resolve(out) === resolve(options.model)) {
    throw new Error('--out must be another folder than --model.');
  }
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
  let best = {epoch: 0, accuracies: before};
  console.log(`Before: ${describe(before)}.`);
  // The first candidate: training may make a model worse.
  await saveModel(model, out);

  const perEpoch = Math.ceil(rest.size / batch);
  const epochs =
    options.epochs ??
    Math.min(MOST, Math.max(FEWEST, Math.round(UPDATES / perEpoch)));
  const total = perEpoch * epochs;
  const interval = Math.ceil(epochs / MEASUREMENTS);
  const bar = progressBar(`Training against ${attack}`, total);
  let updates = 0;
  const watch = new tf.CustomCallback({
    onBatchEnd: async () => {
      bar.update(++updates);
      if (stop.aborted) model.stopTraining = true;
    },
    onEpochEnd: async index => {
      const epoch = index + 1;
      // Where it came after the last batch.
      if (stop.aborted) model.stopTraining = true;
      const last = epoch === epochs || stop.aborted;
      if (epoch % interval !== 0 && !last) return;
      const now = await measure();
      const saves = better(now, best.accuracies);
      if (saves) {
        await saveModel(model, out);
        best = {epoch, accuracies: now};
      }
      console.log(`Epoch ${epoch}: ${describe(now)}${saves ? ', saved' : ''}.`);
    },
  });
  const defense = adversarialTraining({
    ...{attack, mix, seed, progress: false},
    ...(crafting === 'fast'
      ? {crafting, guard: false}
      : {steps, cleanMetrics: false}),
  });
  const ending = () => {
    const help =
      'More pictures, more --epochs, --crafting pgd or smaller bounds in --attack may help.';
    if (best.epoch === 0) {
      return `No epoch was more robust than the model before training, which is in ${out} unchanged, except that it takes images in [0, 1]. ${help}`;
    }
    const [from, to] = [before[1], best.accuracies[1]];
    return [
      `The model of epoch ${best.epoch}, the most robust that was measured, is in ${out}; it takes images in [0, 1].`,
      isWithinChance(from, to, held.size)
        ? `But ${percent(to)} under ${attack}, ${percent(from)} before, may be chance among ${held.size} images. ${help}`
        : `Measure it with strong(${attack}) on pictures that are not among these: short attacks say too much.`,
    ].join('\n');
  };
  const rate = oneCycle({peak: options.learningRate, steps: total});
  try {
    await model.fitDataset(
      imageDataset(rest, {batchSize: batch, seed, augment: options.augment}),
      {epochs, verbose: 0, callbacks: [watch, defense, learningRate(rate)]},
    );
  } finally {
    bar.stop();
  }
  console.log(ending());
  exitIfStopped(stop);
}

/** By the accuracy under attack; where that is equal, by the clean one. */
function better(a: [number, number], b: [number, number]): boolean {
  return a[1] > b[1] || (a[1] === b[1] && a[0] > b[0]);
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
  const count = holdOut ?? Math.min(200, Math.ceil(images.size / 5));
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
