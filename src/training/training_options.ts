import type {AttackOptions} from '../attacks/options.js';

/**
 * The options of an attack on training batches: 10 steps unless said otherwise,
 * and with `adam` a learning rate of 0.1/steps, so that few steps reach as far as
 * the 100 of 0.001 of an evaluation.
 */
export function trainingOptions(options: AttackOptions): AttackOptions {
  const {steps = 10, optimizer = 'adam', learningRate} = options;
  const reach = optimizer === 'adam' && steps > 0 ? 0.1 / steps : undefined;
  return {...options, steps, learningRate: learningRate ?? reach};
}
