import * as tf from '@tensorflow/tfjs';
import {type Classifier, logits} from '../models/logits.js';
import {dispose, tidy} from '../ops/tidy.js';
import {
  checkPair,
  checkWhole,
  differenceImages,
  largestDifference,
  magnification,
} from './difference.js';
import {type Caption, type Picture, rowsPicture} from './picture.js';

/** Classes: an index for each image, or a row of scores [N, classes], of which the highest counts. */
export type Classes = ArrayLike<number> | tf.Tensor1D | tf.Tensor2D;

/** Options of {@link attackPicture}. */
export interface AttackPictureOptions {
  /** What the images are attacked in: its predictions before and after become captions. */
  classifier?: Classifier;
  /** In the place of `classifier`: its predictions for the clean images. */
  before?: Classes;
  /** In the place of `classifier`: its predictions for the adversarial images. */
  after?: Classes;
  /** The true classes. A prediction that differs has another color. */
  labels?: Classes;
  /** Names of the classes. Default: their numbers. */
  classNames?: readonly string[];
  /** Images shown, a column each: the first ones. Default 8, or all where there are fewer. */
  count?: number;
  /** Factor by which differences are multiplied. Default: as high as none is cut off, at most 50. */
  magnify?: number;
  /** Output pixels per image pixel. Default: as many as make an image about 128 high. */
  zoom?: number;
}

/** What {@link attackPicture} draws. */
export interface AttackPicture extends Picture {
  /** Factor by which differences are multiplied. */
  magnify: number;
}

/**
 * What an attack did, in one picture: a row of the clean images with their classes,
 * a row of the adversarial images with the predictions before → after, and a row
 * of the differences,
 *
 *     1/2 + magnify × (adversarial − clean),
 *
 * gray where nothing has changed, with the factor beside it.
 *
 * ```js
 * const {adversarial} = attack('C+S+D').perturb(model, images, labels);
 * const picture = await attackPicture(images, adversarial, {classifier: model, labels});
 * await drawPicture(picture, document.querySelector('canvas')); // in a browser
 * await savePng('attacked.png', picture); // in Node
 * picture.pixels.dispose();
 * ```
 *
 * @param clean Images `[N, height, width, channels]` in [0, 1].
 * @param adversarial Images of the same shape.
 * @throws Error if the shapes are not those, or there are fewer classes than images.
 */
export async function attackPicture(
  clean: tf.Tensor4D,
  adversarial: tf.Tensor4D,
  options: AttackPictureOptions = {},
): Promise<AttackPicture> {
  const {classifier, count = 8, zoom} = options;
  checkPair(clean, adversarial);
  checkWhole({count, zoom});
  const shown = Math.min(count, clean.shape[0]);
  const [a, b] = [clean, adversarial].map(t => tf.slice(t, 0, shown));
  const made: unknown[] = [a, b];
  try {
    const predict = (images: tf.Tensor4D) => {
      if (!classifier) return undefined;
      const found = tidy(() => logits(classifier, images));
      made.push(found);
      return found;
    };
    const labels = await indices('labels', options.labels, shown);
    const before = await indices('before', options.before ?? predict(a), shown);
    const after = await indices('after', options.after ?? predict(b), shown);
    const largest = largestDifference(a, b);
    made.push(largest);
    const magnify = options.magnify ?? magnification((await largest.data())[0]);
    const name = (c: number) => options.classNames?.[c] ?? String(c);
    const captions = captionsOf({labels, before, after}, name);
    return tidy(() => ({
      ...rowsPicture(
        [
          {name: 'clean', images: a, captions: captions.clean},
          {name: 'adversarial', images: b, captions: captions.adversarial},
          {
            name: differenceName(magnify),
            images: differenceImages(a, b, magnify),
          },
        ],
        {zoom},
      ),
      magnify,
    }));
  } finally {
    dispose(made);
  }
}

/** `difference × 10` */
export function differenceName(magnify: number): string {
  return magnify === 1 ? 'difference' : `difference × ${magnify}`;
}

type Found = Record<'labels' | 'before' | 'after', number[] | undefined>;

/**
 * Below clean images what they are, and as what they were taken if that is wrong;
 * below adversarial images the predictions before → after.
 */
function captionsOf(
  {labels, before, after}: Found,
  name: (c: number) => string,
): {clean?: Caption[]; adversarial?: Caption[]} {
  const truth = labels ?? before;
  const clean = truth?.map((label, i) =>
    transition(label, before?.[i] ?? label, label, name),
  );
  const adversarial = after?.map((c, i) =>
    transition(before?.[i] ?? truth?.[i] ?? c, c, truth?.[i] ?? c, name),
  );
  return {clean, adversarial};
}

/** `cat`, or `cat → dog`. */
function transition(
  from: number,
  to: number,
  truth: number,
  name: (c: number) => string,
): Caption {
  const text = from === to ? name(to) : `${name(from)} → ${name(to)}`;
  return {text, wrong: to !== truth};
}

/** The first `count` classes. */
async function indices(
  option: string,
  classes: Classes | undefined,
  count: number,
): Promise<number[] | undefined> {
  if (classes === undefined) return undefined;
  const found = await read(classes);
  if (found.length < count) {
    throw new Error(
      `A picture of ${count} images needs as many classes, but ${option} has ${found.length}.`,
    );
  }
  return found.slice(0, count);
}

async function read(classes: Classes): Promise<number[]> {
  if (!(classes instanceof tf.Tensor)) return Array.from(classes);
  if (classes.rank !== 2) return [...(await classes.data())];
  const highest = tf.tidy(() => tf.argMax(classes, 1));
  try {
    return [...(await highest.data())];
  } finally {
    highest.dispose();
  }
}
