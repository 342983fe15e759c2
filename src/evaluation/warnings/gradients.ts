import * as tf from '@tensorflow/tfjs';
import {losses, margin} from '../../attacks/losses.js';
import {NON_FINITE} from '../../attacks/gradient_warnings.js';
import {objectiveGradients} from '../../attacks/objective_gradient.js';
import {logits} from '../../models/logits.js';
import {withoutNonFinite} from '../../ops/finite.js';
import {tidy} from '../../ops/tidy.js';
import {type Checked, median} from './sample.js';
import type {EvaluationWarning} from './warning.js';

/** Some images may lie where a network is flat; a quarter of them is a fault. */
const SHARE = 0.25;

/** Per pixel: Adam's ε is 1e-8, and squares of these begin to leave float32. */
const SMALLEST = 1e-6;
const LARGEST = 1e5;

/** Length of a step, in pixel values, along which a gradient has to foretell the margin. */
const STEP = 1e-3;

/** A network's curvature takes less than half from what its gradient foretells. */
const FORETOLD = 0.1;

/** What a gradient shows of each image. */
interface Slopes {
  /** The largest absolute entry. */
  largest: Float32Array;
  /** 1 where an entry is NaN or infinite. */
  faulty: Float32Array;
  /** The change of the margin in a step against the gradient: as foretold, and in fact. */
  foretold: Float32Array;
  actual: Float32Array;
}

/** Whether gradients with respect to pixels are there, finite, of a usual size, and true. */
export async function checkGradients(
  checked: Checked,
): Promise<EvaluationWarning[]> {
  const {attack, sample} = checked;
  const slopes = await measureSlopes(checked);
  const indices = Array.from({length: sample.size}, (_, i) => i);
  const count = (f: (i: number) => boolean) => indices.filter(f).length;
  const many = (n: number) => n > 0 && n >= SHARE * sample.size;
  const of = (n: number) => `For ${n} of ${sample.size} images`;
  const found: EvaluationWarning[] = [];

  const faulty = count(i => slopes.faulty[i] > 0);
  if (faulty > 0) {
    found.push({
      code: 'non-finite-gradients',
      message: `${of(faulty)} ${NON_FINITE}.`,
    });
  }
  const zero = count(i => !slopes.faulty[i] && slopes.largest[i] === 0);
  const tiny = count(
    i => slopes.largest[i] > 0 && slopes.largest[i] < SMALLEST,
  );
  const huge = count(i => slopes.largest[i] > LARGEST);
  if (many(zero)) {
    found.push({
      code: 'zero-gradients',
      message: `${of(zero)} the gradient of the margin is 0 everywhere, so a search by gradients goes nowhere and finds nothing, however weak the model is. Replace rounding, thresholds and saturated activations in the model by smooth ones for the attack (BPDA), or attack without gradients.`,
    });
  }
  if (many(tiny)) {
    found.push({
      code: 'vanishing-gradients',
      message: `${of(tiny)} the largest entry of the margin's gradient is below ${SMALLEST}, too small for Adam's steps. Multiply the logits by a constant, which changes no decision, or use the optimizer 'sign'.`,
    });
  }
  if (many(huge)) {
    found.push({
      code: 'exploding-gradients',
      message: `${of(huge)} the largest entry of the margin's gradient is above ${LARGEST}. Divide the logits by a constant, which changes no decision, and look for steep functions in the model.`,
    });
  }
  const ratios = indices
    .filter(i => slopes.foretold[i] < 0)
    .map(i => slopes.actual[i] / slopes.foretold[i]);
  if (ratios.length > 0 && many(ratios.length)) {
    const ratio = median(ratios);
    if (!(ratio > FORETOLD)) {
      found.push({
        code: 'misleading-gradients',
        message: `A step of ${STEP} along the gradient changes the margin by ${ratio.toPrecision(2)} of what the gradient foretells (the median of ${ratios.length} images), so a search by gradients is led astray. Take rapid oscillations, noise and rounding out of the model for the attack (BPDA), or attack without gradients.`,
      });
    }
  }
  const flat = many(zero) ? 0 : await countFlatLosses(checked);
  if (many(flat)) {
    found.push({
      code: 'zero-gradients',
      message: `${of(flat)} the gradient of the loss '${attack.options.loss}' is 0 everywhere although that of the margin is not: the softmax is saturated. Use the loss 'margin'.`,
    });
  }
  return found;
}

async function measureSlopes(checked: Checked): Promise<Slopes> {
  const tensors = tidy(() => {
    const {classifier, sample, attack} = checked;
    const labels = oneHot(checked);
    const marginOf = (x: tf.Tensor) => {
      const m = margin(logits(classifier, x as tf.Tensor4D), labels);
      return attack.options.targeted ? tf.neg(m) : m;
    };
    const x = beside(sample.images);
    const raw = objectiveGradients(y => tf.sum(marginOf(y)), [x])[0];
    const gradient = withoutNonFinite(raw);
    const step = tf.sub(
      tf.clipByValue(tf.sub(x, tf.mul(tf.sign(gradient), STEP)), 0, 1),
      x,
    );
    const each = [1, 2, 3];
    return {
      largest: tf.max(tf.abs(gradient), each),
      faulty: tf.max(tf.cast(tf.logicalNot(tf.isFinite(raw)), 'float32'), each),
      foretold: tf.sum(tf.mul(gradient, step), each),
      actual: tf.sub(marginOf(tf.add(x, step)), marginOf(x)),
    };
  });
  try {
    const values = await Promise.all(
      Object.values(tensors).map(t => t.data() as Promise<Float32Array>),
    );
    return Object.fromEntries(
      Object.keys(tensors).map((key, i) => [key, values[i]]),
    ) as unknown as Slopes;
  } finally {
    tf.dispose(tensors);
  }
}

/** For how many images the loss that the attack uses has a gradient of 0. */
async function countFlatLosses(checked: Checked): Promise<number> {
  const {classifier, sample, attack} = checked;
  const {loss, targeted, confidence} = attack.options;
  const objective = losses[loss as keyof typeof losses];
  if (loss === 'margin' || !objective) return 0;
  const largest = tidy(() => {
    const labels = oneHot(checked);
    const cleanLogits = logits(classifier, sample.images);
    const total = (x: tf.Tensor): tf.Scalar =>
      tf.sum(
        objective({
          logits: logits(classifier, x as tf.Tensor4D),
          labels,
          cleanLogits,
          targeted,
          confidence,
        }),
      );
    const [gradient] = objectiveGradients(total, [beside(sample.images)]);
    return tf.max(tf.abs(withoutNonFinite(gradient)), [1, 2, 3]);
  });
  try {
    return [...(await largest.data())].filter(x => x === 0).length;
  } finally {
    largest.dispose();
  }
}

/** A little beside the images, where a divergence from them has a slope too. */
function beside(images: tf.Tensor4D): tf.Tensor4D {
  const noise = tf.randomUniform(images.shape, -STEP, STEP, 'float32', 1);
  return tf.clipByValue(tf.add(images, noise) as tf.Tensor4D, 0, 1);
}

function oneHot({sample}: Checked): tf.Tensor2D {
  return tf.cast(
    tf.oneHot(sample.labels, sample.classes),
    'float32',
  ) as tf.Tensor2D;
}
