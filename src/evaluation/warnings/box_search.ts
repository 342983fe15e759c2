import * as tf from '@tensorflow/tfjs';
import type {Attack} from '../../attacks/attack.js';
import {attackMargin} from '../../attacks/outcome.js';
import {randomStream} from '../../data/random.js';
import {type Classifier, logits} from '../../models/logits.js';
import {breathe} from '../../ops/event_loop.js';
import {whereExample} from '../../ops/finite.js';
import {dispose, tidy} from '../../ops/tidy.js';
import type {Sample} from './sample.js';

/** Forward passes of a search. */
const QUERIES = 100;

/** Side of a box as a share of each axis: from half at first to a tenth at last. */
const LARGEST = 0.5;
const SMALLEST = 0.1;

interface State {
  parameters: tf.Tensor[];
  constants: tf.Tensor[];
  /** Margin plus weighted smoothness: what the attack itself minimizes. */
  objective: tf.Tensor1D;
  /** The smallest margin so far. */
  margin: tf.Tensor1D;
}

/**
 * A short random search without gradients, for any threat model: parameters in a
 * random box are set to plus or minus their bound, and kept where that does not
 * raise the margin. The same random numbers at each call.
 *
 * Source: Andriushchenko et al. 2020 (Square), whose boxes and acceptance it
 * takes over.
 *
 * @returns The smallest margin found for each example.
 */
export async function boxSearch(
  {threatModel, options}: Attack,
  classifier: Classifier,
  {images, labels, classes}: Sample,
  {queries = QUERIES, signal}: {queries?: number; signal?: AbortSignal} = {},
): Promise<number[]> {
  const random = randomStream(options.seed ?? 0, queries);
  const bounds = threatModel.bounds();
  const evaluate = (parameters: tf.Tensor[], constants: tf.Tensor[]) => {
    const perturbed = threatModel.apply(images, parameters, constants);
    const oneHot = tf.cast(
      tf.oneHot(labels, classes),
      'float32',
    ) as tf.Tensor2D;
    const z = logits(classifier, perturbed);
    const margin = attackMargin(z, oneHot, options.targeted);
    const rough = threatModel.smoothness(parameters);
    const objective = rough
      ? tf.add(margin, tf.mul(rough, options.smoothnessWeight))
      : margin;
    return {margin, objective: objective as tf.Tensor1D};
  };
  let state: State = tidy(() => {
    const constants = threatModel.prepare(images);
    const parameters = threatModel
      .project(threatModel.zeros(images), images, constants)
      .map(p => tf.clone(p));
    return {parameters, constants, ...evaluate(parameters, constants)};
  });
  try {
    for (let query = 0; query < queries; query++) {
      const share =
        LARGEST * (SMALLEST / LARGEST) ** (query / Math.max(queries - 1, 1));
      const next = tidy((): State => {
        const {parameters, constants} = state;
        const proposed = threatModel.project(
          parameters.map((p, i) => withBox(p, bounds[i], share, random)),
          images,
          constants,
        );
        const {margin, objective} = evaluate(proposed, constants);
        const taken = tf.lessEqual(objective, state.objective) as tf.Tensor1D;
        return {
          parameters: parameters.map((p, i) =>
            whereExample(taken, proposed[i], p),
          ),
          constants: constants.map(c => tf.clone(c)),
          objective: tf.where(taken, objective, state.objective),
          margin: tf.minimum(margin, state.margin),
        };
      });
      dispose(state);
      state = next;
      await breathe();
      if (signal?.aborted) break;
    }
    return [...(await state.margin.data())];
  } finally {
    dispose(state);
  }
}

/** Parameters [N, …, channels] of which a random box has plus or minus `bound` in each channel. */
function withBox(
  parameters: tf.Tensor,
  bound: number,
  share: number,
  random: () => number,
): tf.Tensor {
  const [n, ...shape] = parameters.shape;
  const channels = shape[shape.length - 1];
  const inner = shape.slice(0, -1);
  const size = shape.reduce((a, b) => a * b, 1);
  const values = new Float32Array(n * size);
  const inside = new Uint8Array(n * size);
  for (let i = 0; i < n; i++) {
    const box = inner.map(length => {
      const side = Math.max(1, Math.round(length * share));
      const from = Math.floor(random() * (length - side + 1));
      return [from, from + side];
    });
    const signs = Array.from({length: channels}, () =>
      random() < 0.5 ? -bound : bound,
    );
    for (let at = 0; at < size; at += channels) {
      let rest = at / channels;
      let within = true;
      for (let axis = inner.length - 1; axis >= 0; axis--) {
        const place = rest % inner[axis];
        rest = Math.floor(rest / inner[axis]);
        within &&= place >= box[axis][0] && place < box[axis][1];
      }
      if (!within) continue;
      for (let k = 0; k < channels; k++) {
        values[i * size + at + k] = signs[k];
        inside[i * size + at + k] = 1;
      }
    }
  }
  return tf.where(
    tf.tensor(inside, parameters.shape, 'bool'),
    tf.tensor(values, parameters.shape),
    parameters,
  );
}
