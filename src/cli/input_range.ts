import * as tf from '@tensorflow/tfjs';
import {type Command, InvalidArgumentError} from 'commander';
import {type Classifier, type ImageSet, withPreprocessing} from '../index.js';
import {logits} from '../models/logits.js';

/** Options that say what range of values the model was trained on. */
export interface RangeOptions {
  range?: [number, number];
  mean?: number[];
  std?: number[];
}

/** x ↦ (x − mean)/stddev, for x in [0, 1]. */
export interface Scaling {
  name: string;
  mean: number | number[];
  stddev: number | number[];
}

const IMAGENET: Scaling = {
  name: "standardized by ImageNet's mean and deviation",
  mean: [0.485, 0.456, 0.406],
  stddev: [0.229, 0.224, 0.225],
};

function numbers(count: number[]) {
  return (text: string): number[] => {
    const values = text.split(',').map(Number);
    if (!count.includes(values.length) || !values.every(Number.isFinite)) {
      throw new InvalidArgumentError(
        `It must be ${count.join(' or ')} numbers, separated by commas.`,
      );
    }
    return values;
  };
}

export function addRangeOptions(program: Command): Command {
  return program
    .option(
      '--range <low,high>',
      'what the model was trained on: 0,1 or 0,255 or -1,1 (default: 0,1 for cifar10, else guessed from its accuracy)',
      numbers([2]),
    )
    .option(
      '--mean <numbers>',
      'with --std: the model was trained on (x − mean)/std, for x in [0, 1]; one number or one for each channel',
      numbers([1, 3]),
    )
    .option('--std <numbers>', 'see --mean', numbers([1, 3]));
}

const UNIT: Scaling = {name: '[0, 1]', mean: 0, stddev: 1};

function ofRange([low, high]: number[]): Scaling {
  if (!(high > low)) {
    throw new Error(`--range: ${high} must be above ${low}.`);
  }
  const stddev = 1 / (high - low);
  return {name: `[${low}, ${high}]`, mean: -low * stddev, stddev};
}

/** What was said of the range; undefined if nothing was. */
function given({range, mean, std}: RangeOptions): Scaling | undefined {
  if ((mean === undefined) !== (std === undefined)) {
    throw new Error('--mean and --std are given together.');
  }
  if (range && mean) {
    throw new Error('Give either --range, or --mean and --std.');
  }
  if (range) return ofRange(range);
  if (!mean || !std) return undefined;
  const one = (list: number[]) => (list.length === 1 ? list[0] : list);
  const name = `(x − ${mean})/${std}`;
  return {name, mean: one(mean), stddev: one(std)};
}

/** @throws Error if the options contradict one another. */
export function checkRange(options: RangeOptions): void {
  given(options);
}

/** Pictures that a guess looks at. */
const SAMPLE = 100;

/**
 * The model as a classifier of images in [0, 1].
 *
 * Where nothing was said, the scaling is taken under which the model is right the
 * most often, and said.
 *
 * @param standard taken without a guess, for data that this is known of.
 * @throws Error if the model is right no more often than by guessing under any.
 */
export async function withRange<M extends tf.LayersModel | tf.GraphModel>(
  model: M,
  data: ImageSet,
  options: RangeOptions,
  {guess, notes}: {guess: boolean; notes: string[]},
): Promise<M | Classifier> {
  const chosen = given(options);
  if (chosen) return scaled(model, chosen);
  if (!guess) return model;
  const candidates = [UNIT, ofRange([0, 255]), ofRange([-1, 1])];
  if (data.shape[2] === 3) candidates.push(IMAGENET);
  const count = Math.min(SAMPLE, data.size);
  const right: number[] = [];
  for (const candidate of candidates) {
    right.push(await countRight(scaled(model, candidate), data, count));
  }
  const best = right.indexOf(Math.max(...right));
  const percent = (n: number) => `${Math.round((100 * n) / count)} %`;
  const tried = candidates
    .map(({name}, i) => `${percent(right[i])} in ${name}`)
    .join(', ');
  const chance = mostFrequent(data) / data.size;
  const deviation = Math.sqrt((chance * (1 - chance)) / count);
  if (right[best] / count < chance + 1.64 * deviation) {
    throw new Error(
      `The model is right no more often than by guessing (${tried} of ${count} pictures): are the classes in the order of its outputs (--classes), and the values what it was trained on (--range, or --mean and --std)?`,
    );
  }
  const spread = 1.64 * Math.sqrt(2 * right[best] * (1 - right[best] / count));
  const close = candidates.filter(
    (_, i) => i !== best && right[i] >= right[best] - spread,
  );
  if (close.length > 0) {
    notes.push(
      `The pictures do not tell which values the model was trained on: ${close.map(({name}) => name).join(', ')} would do as well. What attacks find depends on it: say it with --range.`,
    );
  }
  notes.push(
    `Guessed that the model was trained on values ${candidates[best].name}: clean accuracy ${tried}. --range says it.`,
  );
  return best === 0 ? model : scaled(model, candidates[best]);
}

/** The scalings of classifiers that {@link scaled} has made. */
const scalings = new WeakMap<object, Scaling>();

/** How the images of a classifier that {@link withRange} returned are scaled; undefined if they are not. */
export function scalingOf(classifier: Classifier): Scaling | undefined {
  return scalings.get(classifier);
}

/** The model as a classifier of images in [0, 1], which are scaled first. */
export function scaled(
  model: tf.LayersModel | tf.GraphModel,
  scaling: Scaling,
): Classifier {
  if (scaling.name === UNIT.name) return model;
  const classifier = scaledModel(model, scaling);
  scalings.set(classifier, scaling);
  return classifier;
}

function scaledModel(
  model: tf.LayersModel | tf.GraphModel,
  {mean, stddev}: Scaling,
): Classifier {
  if (model instanceof tf.LayersModel) {
    return withPreprocessing(model, {mean, stddev});
  }
  return images =>
    tf.tidy(() =>
      logits(
        model,
        tf.div(tf.sub(images, mean as number), stddev as number) as tf.Tensor4D,
      ),
    );
}

/** How many of `count` images, evenly spread, are classified correctly. */
async function countRight(
  classifier: Classifier,
  data: ImageSet,
  count: number,
): Promise<number> {
  let right = 0;
  for (let i = 0; i < count; i += 25) {
    const places = Array.from({length: Math.min(25, count - i)}, (_, k) =>
      Math.floor(((i + k) * data.size) / count),
    );
    const predicted = tf.tidy(() => {
      const images = tf.concat(places.map(p => data.tensor(p, p + 1)));
      return tf.argMax(logits(classifier, images as tf.Tensor4D), 1);
    });
    const classes = await predicted.data();
    predicted.dispose();
    right += places.filter((p, k) => classes[k] === data.labels[p]).length;
  }
  return right;
}

function mostFrequent({labels, classNames}: ImageSet): number {
  const counts = new Array<number>(classNames.length).fill(0);
  labels.forEach((label: number) => counts[label]++);
  return Math.max(...counts);
}
