import * as tf from '@tensorflow/tfjs';
import {
  attack,
  Delta,
  ReColor,
  Sequence,
  type ThreatModel,
} from '../../src/index.js';

/** The bound of both threat models, in gray values. */
export const EPSILON = 0.06;

/** Two colors need few points between them. */
const RESOLUTION = [6, 6, 6] as const;

/** An attack that was run on a linear classifier of two pixels. */
export interface TheoremAttack {
  threat: 'C' | 'D' | 'C+D';
  /** Whether the classifier was fooled. */
  success: boolean;
  /** What the attack changed, in multiples of the bound. */
  change: [number, number];
}

/** An image of two pixels, a classifier, and who can fool it. */
export interface TheoremCase {
  /** The gray values. */
  pixels: [number, number];
  /** Fooled where direction · change > threshold (in multiples of the bound). */
  direction: [number, number];
  threshold: number;
  attacks: TheoremAttack[];
}

const CASES: Omit<TheoremCase, 'attacks'>[] = [
  // Two colors: a function may move both by the whole bound.
  {pixels: [0.3, 0.7], direction: [Math.SQRT1_2, Math.SQRT1_2], threshold: 1.2},
  // One color twice: a function moves both alike.
  {
    pixels: [0.5, 0.5],
    direction: [Math.SQRT1_2, -Math.SQRT1_2],
    threshold: 0.5,
  },
  {pixels: [0.5, 0.5], direction: [1, 0], threshold: 1.5},
];

/**
 * Theorem 1 of Laidlaw & Feizi 2019 by running it: combining a functional and an
 * additive threat model allows examples that neither of them allows. The
 * statement here is ours, after the sense of theirs: their wording and the
 * conditions of their proof were not at hand.
 *
 * On gray images of two pixels, with one bound ε for C (‖f(c) − c‖ ≤ ε for each
 * color) and for D (Euclidean norm of the whole change ≤ ε), each of these has
 * a linear classifier that shows it:
 * 1. Of two different colors both move by ε, a change of norm √2 ε, which C
 *    allows and D does not.
 * 2. Where both pixels have one color they move alike, so that C does not allow
 *    what D does.
 * 3. C+D moves the first of two equal pixels by 2ε, which neither allows.
 */
export function runTheorem(): TheoremCase[] {
  return CASES.map(({pixels, direction, threshold}) => {
    const attacks = (['C', 'D', 'C+D'] as const).map(threat =>
      tf.tidy(() => {
        const images = grayImages(pixels, 1);
        const labels = tf.zeros([1], 'int32') as tf.Tensor1D;
        const classify = (x: tf.Tensor4D) => {
          const along = tf.sum(tf.mul(change(x, images), direction), 1, true);
          const over = tf.sub(along, threshold);
          return tf.concat([tf.neg(over), over], 1) as tf.Tensor2D;
        };
        const {adversarial, success} = attack(threatModel(threat), {
          earlyStop: false,
          optimizer: 'sign',
          steps: 10,
          smoothnessWeight: 0,
        }).perturb(classify, images, labels);
        return {
          threat,
          success: success.dataSync()[0] === 1,
          change: [...change(adversarial, images).dataSync()] as [
            number,
            number,
          ],
        };
      }),
    );
    return {pixels, direction, threshold, attacks};
  });
}

/** Changes that a threat model allows, from random functions and vectors: [count, 2], in multiples of ε. */
export function sampleChanges(
  threat: TheoremAttack['threat'],
  pixels: [number, number],
  count: number,
  seed: number,
): number[][] {
  return tf.tidy(() => {
    const images = grayImages(pixels, count);
    const model = threatModel(threat);
    const random = (i: number) =>
      tf.randomUniform([count, 1, 1, 1], -1, 1, 'float32', seed + i);
    const parameters: tf.Tensor[] = [];
    if (threat !== 'D') {
      // Slopes and offsets of functions c ↦ c + offset + slope · (c − ½).
      const at = tf.sub(
        tf.linspace(0, 1, RESOLUTION[0]).reshape([1, -1, 1, 1]),
        0.5,
      );
      const line = tf.add(
        tf.mul(random(0), 1.5),
        tf.mul(random(1), tf.mul(at, 6)),
      );
      const d = tf.mul(tf.broadcastTo(line, [count, ...RESOLUTION]), EPSILON);
      parameters.push(d, d, d);
    }
    if (threat !== 'C') {
      const d = tf.concat([random(2), random(3)], 2);
      const wide = tf.broadcastTo(tf.mul(d, EPSILON), [count, 1, 2, 3]);
      parameters.push(wide);
    }
    const x = model.apply(
      images,
      model.project(parameters, images, null),
      null,
    );
    return change(x, images).arraySync() as number[][];
  });
}

function threatModel(threat: TheoremAttack['threat']): ThreatModel {
  const functional = new ReColor({
    space: 'rgb',
    epsilon: EPSILON,
    resolution: RESOLUTION,
  });
  // Three equal channels: a gray change of norm ε is one of √3 ε.
  const additive = new Delta({norm: 'l2', epsilon: Math.sqrt(3) * EPSILON});
  if (threat === 'C') return functional;
  return threat === 'D' ? additive : new Sequence([functional, additive]);
}

/** [count, 1, 2, 3] */
function grayImages(pixels: [number, number], count: number): tf.Tensor4D {
  return tf.tile(tf.tensor(pixels, [1, 1, 2, 1]), [count, 1, 1, 3]);
}

/** What was changed of each pixel's gray value, in multiples of ε: [N, 2]. */
function change(x: tf.Tensor4D, images: tf.Tensor4D): tf.Tensor2D {
  return tf.div(
    tf.mean(tf.sub(x, images), -1).reshape([x.shape[0], 2]),
    EPSILON,
  );
}
