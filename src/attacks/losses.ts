import {crossEntropy} from './losses/cross_entropy.js';
import {dlr} from './losses/dlr.js';
import {kl} from './losses/kl_divergence.js';
import {
  customLoss,
  type CustomLoss,
  type Loss,
  type LossName,
} from './losses/loss.js';
import {marginLoss} from './losses/margin.js';

export {klDivergence} from './losses/kl_divergence.js';
export type {CustomLoss, Loss, LossArgs, LossName} from './losses/loss.js';
export {margin, succeeded, withstands} from './losses/margin.js';

/** The losses that have a name. */
export const losses: Record<LossName, Loss> = {
  margin: marginLoss,
  crossEntropy,
  kl,
  dlr,
};

/** The loss that an option names or is. */
export function lossOf(option: LossName | CustomLoss): Loss {
  return typeof option === 'function' ? customLoss(option) : losses[option];
}
