import * as tf from '@tensorflow/tfjs';
import {
  agree,
  argMax,
  type Checked,
  median,
  readLogits,
  type Sample,
  scaleOf,
} from './sample.js';
import type {EvaluationWarning} from './warning.js';

/** Backends round otherwise in another batch, by less than this. */
const ROUNDING = 1e-4;

/** exp(−104) is 0 in float32, and with it the gradient of a softmax. */
const SATURATED = 104;

/** What is to be seen in the logits for clean images. */
export async function checkOutputs(
  checked: Checked,
): Promise<EvaluationWarning[]> {
  const rows = await readLogits(checked);
  const again = await readLogits(checked);
  const varied = await imagesVary(checked.sample);
  return [
    agree(rows, again, ROUNDING) ? await batchDependent(checked, rows) : DIFFER,
    nonFinite(rows),
    varied ? constant(rows) : null,
    saturated(rows, checked.attack.options.loss === 'margin'),
    ties(rows),
  ].filter(warning => warning !== null);
}

const DIFFER: EvaluationWarning = {
  code: 'outputs-differ',
  message:
    'The classifier gives other logits for the same images in a second pass, so an attack may win or lose by luck: results are judged by a fresh pass. ' +
    'Switch noise and dropout off for the evaluation, or, if they are the defense, set eotSamples to 10 or more.',
};

/** The first half of the sample by itself: does each image get what it gets among others? */
async function batchDependent(
  checked: Checked,
  rows: Float32Array[],
): Promise<EvaluationWarning | null> {
  const half = Math.ceil(rows.length / 2);
  if (half === rows.length) return null;
  const alone = await readLogits(checked, x => tf.slice(x, 0, half));
  if (agree(rows.slice(0, half), alone, 10 * ROUNDING)) return null;
  return {
    code: 'batch-dependent',
    message:
      'The logits of an image depend on the other images in its batch, as with batch normalization in training mode, so no result is that of the image alone. ' +
      'Run the model in inference mode.',
  };
}

function nonFinite(rows: Float32Array[]): EvaluationWarning | null {
  // −Infinity rules a class out.
  const bad = rows.filter(row =>
    row.some(x => Number.isNaN(x) || x === Infinity),
  );
  return bad.length === 0
    ? null
    : {
        code: 'non-finite-outputs',
        message: `Of ${rows.length} clean images ${bad.length} get logits that are NaN or Infinity. A NaN counts as wrong. Look for overflow and for divisions, roots and logarithms of 0 in the model.`,
      };
}

function constant(rows: Float32Array[]): EvaluationWarning | null {
  return rows.length < 2 || !rows.every(row => agree([rows[0]], [row], 1e-6))
    ? null
    : {
        code: 'constant-outputs',
        message: `The classifier gives the same logits for ${rows.length} different images, so there is nothing to attack. Check that its weights are loaded.`,
      };
}

function saturated(
  rows: Float32Array[],
  byMargin: boolean,
): EvaluationWarning | null {
  const gaps = rows.map(row => {
    const best = argMax(row);
    return row[best] - Math.max(...row.filter((_, k) => k !== best));
  });
  const values = rows.flatMap(row => [...row]);
  const atEnds = values.filter(
    x => Math.abs(x) < 1e-6 || Math.abs(x - 1) < 1e-6,
  );
  const likeProbabilities =
    values.every(x => x >= 0 && x <= 1) && atEnds.length > 0.9 * values.length;
  const gap = median(gaps.filter(Number.isFinite));
  if (!likeProbabilities && !(gap > SATURATED)) return null;
  return {
    code: 'saturated-outputs',
    message: likeProbabilities
      ? 'Nearly all outputs are 0 or 1, as those of a saturated softmax or sigmoid are, whose gradients vanish. Let the classifier return logits, which are what goes into it.'
      : `The best logit leads by ${gap.toPrecision(3)} (the median of ${rows.length} images), where a softmax is saturated and its gradient 0. Divide the logits by about ${Number((gap / 10).toPrecision(1))}, which changes no decision${byMargin ? ": only the loss 'margin' finds anything as it is" : ", or use the loss 'margin'"}.`,
  };
}

function ties(rows: Float32Array[]): EvaluationWarning | null {
  const tied = rows.filter(row => {
    const best = row[argMax(row)];
    return row.filter(x => x === best).length > 1;
  });
  return tied.length === 0
    ? null
    : {
        code: 'ties',
        message: `For ${tied.length} of ${rows.length} clean images two classes share the largest logit, and the first of them counts as chosen. Look for rounding, clipping or a dead layer at the end of the model${scaleOf(tied) === 0 ? ': all are 0' : ''}.`,
      };
}

/** Whether there are different images in the sample. */
async function imagesVary({images, size}: Sample): Promise<boolean> {
  if (size < 2) return false;
  const different = tf.tidy(() =>
    tf.any(tf.notEqual(images, tf.slice(images, 0, 1))),
  );
  try {
    return (await different.data())[0] !== 0;
  } finally {
    different.dispose();
  }
}
