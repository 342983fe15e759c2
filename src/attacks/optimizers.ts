import {adam} from './optimizers/adam.js';
import {apgd} from './optimizers/apgd.js';
import type {AttackOptimizer} from './optimizers/optimizer.js';
import {sign} from './optimizers/sign.js';
import {square} from './optimizers/square.js';
import type {ThreatModel} from './threat_models/threat_model.js';

export {adam} from './optimizers/adam.js';
export {apgd} from './optimizers/apgd.js';
export type {
  AttackOptimizer,
  Norm,
  OptimizerStep,
  UpdateArgs,
} from './optimizers/optimizer.js';
export {sign} from './optimizers/sign.js';
export {square} from './optimizers/square.js';

/** Optimizers with a name; see {@link AttackOptions.optimizer}. */
export type OptimizerName = 'adam' | 'sign' | 'apgd' | 'square';

/** The optimizer that an option names or is. */
export function optimizerOf(
  option: OptimizerName | AttackOptimizer,
  threatModel: ThreatModel,
  learningRate?: number,
): AttackOptimizer {
  if (typeof option === 'object') return option;
  switch (option) {
    case 'adam':
      return adam(learningRate ?? 0.001);
    case 'sign':
      return sign(learningRate);
    case 'apgd':
      return apgd(learningRate);
    case 'square':
      return square(threatModel);
  }
}
