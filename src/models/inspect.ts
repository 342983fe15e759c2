import * as tf from '@tensorflow/tfjs';
import {readAndDispose, type Reading} from '../ops/reading.js';
import {
  checkClassifier,
  checkInputShape,
  type Classifier,
} from './classifier.js';
import {hasKnownLogits, logits} from './logits.js';
import {areProbabilities, type Rows} from './probabilities.js';

/** What a first look at a classifier shows. */
export interface Inspection {
  classes: number;
  /** Whether it gives the same image other logits each time. */
  randomized: boolean;
}

/** By classifier and image shape; a function may take images of several. */
const cache = new WeakMap<
  object,
  Map<string, {output: unknown; inspection: Inspection}>
>();

const randomized = new WeakSet<object>();

/** Notes that a classifier's outputs were found to differ in a later look. */
export function rememberRandomized(classifier: Classifier): void {
  randomized.add(classifier);
}

/** Images that a first look takes, where the structure shows the logits and where not. */
const FEW = 1;
const SEVERAL = 4;

/** Two draws of a noise differ by more than the rounding of a sum. */
const ROUNDING = 1e-4;

/**
 * Looks at what a classifier gives for a few images before an attack begins:
 * one forward pass, of each image twice, at the first call with it.
 *
 * @throws Error if it is no classifier, takes images of another shape, or gives
 *     probabilities, on which attacks seem to fail.
 */
export function* inspectClassifier(
  classifier: Classifier,
  images: tf.Tensor4D,
): Reading<Inspection> {
  checkClassifier(classifier);
  checkInputShape(classifier, images.shape);
  // A layers model has another output once layers are added.
  const output = classifier instanceof tf.LayersModel && classifier.outputs[0];
  const key = images.shape.slice(1).join();
  const seen = cache.get(classifier)?.get(key);
  const noted = randomized.has(classifier);
  if (seen?.output === output) {
    const {inspection} = seen;
    return noted ? {...inspection, randomized: true} : inspection;
  }
  const known = hasKnownLogits(classifier, images);
  const n = Math.min(images.shape[0], known ? FEW : SEVERAL);
  const rows = yield* readRows(classifier, () => {
    const sample = tf.slice(images, [0, 0, 0, 0], [n, -1, -1, -1]);
    return tf.concat([sample, sample]);
  });
  const inspection = {
    classes: rows.classes,
    randomized: noted || !halvesAgree(rows),
  };
  let certain = true;
  if (!known) {
    const verdict = yield* areProbabilities(
      {
        values: rows.values.subarray(0, n * rows.classes),
        classes: rows.classes,
      },
      images,
      make => readRows(classifier, make),
    );
    if (verdict === true) throw new Error(PROBABILITIES);
    certain = verdict === false;
  }
  if (certain) {
    const known = cache.get(classifier) ?? new Map();
    cache.set(classifier, known.set(key, {output, inspection}));
  }
  return inspection;
}

const PROBABILITIES =
  "The classifier's outputs are probabilities (none is negative and all rows have the same sum), whose gradients vanish where they saturate, so that attacks would seem to fail: " +
  'pass a model that ends in logits or in a softmax, or a function that returns logits, which are what goes into the softmax; ' +
  'where only probabilities p are to be had, return tf.log(tf.add(p, 1e-30)).';

function* readRows(
  classifier: Classifier,
  make: () => tf.Tensor4D,
): Reading<Rows> {
  const z = tf.tidy(() => tf.clone(logits(classifier, make())));
  const classes = z.shape[1];
  const values = yield* readAndDispose(z);
  return {values: Float32Array.from(values), classes};
}

function halvesAgree({values, classes}: Rows): boolean {
  const half = values.length / 2;
  for (let i = 0; i < half; i += classes) {
    const row = values.subarray(i, i + classes);
    const again = values.subarray(half + i, half + i + classes);
    const size = Math.max(...row.map(Math.abs).filter(Number.isFinite), 1e-6);
    const same = row.every(
      (x, k) =>
        Object.is(x, again[k]) ||
        Math.abs(x - again[k]) <= ROUNDING * size ||
        (Number.isNaN(x) && Number.isNaN(again[k])),
    );
    if (!same) return false;
  }
  return true;
}
