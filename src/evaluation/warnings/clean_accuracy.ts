import * as tf from '@tensorflow/tfjs';
import {type Checked, countCorrect, readLogits} from './sample.js';
import type {EvaluationWarning} from './warning.js';

/** Below this number, an accuracy says nothing. */
const FEWEST = 8;

/** By what share of the sample accuracy has to rise for another form of the images to be theirs. */
const CLEARLY = 0.25;

/** Images divided by 255 twice reach 1/255. */
const DARK = 0.02;

/** Other scales that a model may have been trained on, and what to do. */
const SCALES: Array<
  [by: string, f: (x: tf.Tensor4D) => tf.Tensor, advice: string]
> = [
  ['0 … 255', x => tf.mul(x, 255), '{stddev: 1/255}'],
  ['−1 … 1', x => tf.sub(tf.mul(x, 2), 1), '{mean: 0.5, stddev: 0.5}'],
];

/**
 * Whether the classifier knows these images: its accuracy, their scale, the order
 * of their channels.
 *
 * @param comparable False where noise or ties alone may change the accuracy from
 *     one form of the images to another.
 */
export async function checkCleanAccuracy(
  checked: Checked,
  {comparable}: {comparable: boolean},
): Promise<EvaluationWarning[]> {
  const {sample, attack} = checked;
  const found: EvaluationWarning[] = [];
  const brightest = await largest(sample.images);
  if (brightest < DARK) {
    found.push({
      code: 'images-wrongly-scaled',
      message: `The brightest of ${sample.size} images reaches ${brightest.toPrecision(2)} of 1. Pixels may have been divided by 255 twice.`,
    });
  }
  // Labels of a targeted attack are not the classes of the images.
  if (sample.size < FEWEST || attack.options.targeted) return found;
  const accuracyOf = async (f?: (x: tf.Tensor4D) => tf.Tensor) =>
    (await countCorrect(
      await readLogits(checked, f as (x: tf.Tensor4D) => tf.Tensor4D),
      sample,
    )) / sample.size;
  const accuracy = await accuracyOf();
  // A scale at which the model gives one class alone is not theirs.
  const best = Math.max(accuracy, await shareOfMostFrequent(checked));
  const rises = (other: number) => comparable && other - best >= CLEARLY;
  const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
  for (const [range, scaled, advice] of SCALES) {
    const other = await accuracyOf(scaled);
    if (!rises(other)) continue;
    found.push({
      code: 'images-wrongly-scaled',
      message: `Clean accuracy on ${sample.size} images is ${percent(accuracy)}, but ${percent(other)} with pixels in ${range}. Put that scale into the model: withPreprocessing(model, ${advice}).`,
    });
    break;
  }
  if (sample.images.shape[3] === 3) {
    const other = await accuracyOf(x => tf.reverse(x, 3));
    if (rises(other)) {
      found.push({
        code: 'channel-order',
        message: `Clean accuracy on ${sample.size} images is ${percent(accuracy)}, but ${percent(other)} with the channels in reverse order. Give RGB to a model of RGB: tf.reverse(images, 3).`,
      });
    }
  }
  const chance = 1 / sample.classes;
  const deviation = Math.sqrt((chance * (1 - chance)) / sample.size);
  if (accuracy < chance + 1.64 * deviation) {
    found.push({
      code: 'clean-accuracy-at-chance',
      message: `Clean accuracy on ${sample.size} images is ${percent(accuracy)}, which guessing among ${sample.classes} classes reaches too, so robustness means nothing. Check the weights, the order of the classes and the preprocessing.`,
    });
  }
  return found;
}

/** The share of the examples that have the most frequent label. */
async function shareOfMostFrequent({sample}: Checked): Promise<number> {
  const counts = new Array<number>(sample.classes).fill(0);
  for (const label of await sample.labels.data()) counts[label]++;
  return Math.max(...counts) / sample.size;
}

async function largest(images: tf.Tensor4D): Promise<number> {
  const max = tf.max(images);
  try {
    return (await max.data())[0];
  } finally {
    max.dispose();
  }
}
