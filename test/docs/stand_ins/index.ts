// What `tfjs-adversarial` is to the code blocks of the documents: the package,
// with searches cut to a step or two and with small networks.
import type * as tf from '@tensorflow/tfjs';
import * as library from '../../../src/index.js';

export * from '../../../src/index.js';

/** Steps of an attack in a block, at most. */
const STEPS = 2;
/** Channels of the first convolution, at most. */
const WIDTH = 4;

const few = <T extends {steps?: number}>(options: T): T => ({
  ...options,
  steps: Math.min(options.steps ?? Infinity, STEPS),
});

export const attack: typeof library.attack = (spec, options = {}) =>
  library.attack(spec, few(options));

export const adversarialTraining: typeof library.adversarialTraining = args =>
  library.adversarialTraining(few(args));

export const adversarialDataset: typeof library.adversarialDataset = (
  dataset,
  model,
  args,
) => library.adversarialDataset(dataset, model, few(args));

export const evaluateRobustness: typeof library.evaluateRobustness = (
  classifier,
  data,
  args,
) => library.evaluateRobustness(classifier, data, few(args));

export const smallCnn = (
  options: library.SmallCnnOptions = {},
): tf.LayersModel =>
  library.smallCnn({
    ...options,
    width: Math.min(options.width ?? Infinity, WIDTH),
  });
