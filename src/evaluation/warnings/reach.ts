import type {Attack} from '../../attacks/attack.js';
import {Delta} from '../../attacks/threat_models/delta.js';
import {Sequence} from '../../attacks/threat_models/sequence.js';
import type {ThreatModel} from '../../attacks/threat_models/threat_model.js';
import type {EvaluationWarning} from './warning.js';

/** Of Adam, whose steps are no longer than this if the gradient keeps its sign. */
const DEFAULT_RATE = 0.001;

/** Whether the steps of a search, laid end to end, are as long as its bound. */
export function checkReach({
  name,
  threatModel,
  options: {optimizer, learningRate, steps},
}: Attack): EvaluationWarning[] {
  const bounded = threatModel.bounds().length > 0 && steps > 0;
  const known =
    optimizer === 'adam' ||
    (optimizer === 'sign' && learningRate !== undefined);
  // The length of an image's difference grows with its number of pixels.
  if (!bounded || !known || hasEuclidean(threatModel)) return [];
  const reach = steps * (learningRate ?? DEFAULT_RATE);
  const bound = Math.max(...threatModel.bounds());
  if (reach >= bound * (1 - 1e-6)) return [];
  return [
    {
      code: 'bound-out-of-reach',
      attack: name,
      message: `${name}: ${steps} steps of ${learningRate ?? DEFAULT_RATE} reach ${reach.toPrecision(2)} of a bound of ${bound.toPrecision(2)} at most, so the attack is weaker than its name says. Set learningRate to ${(Math.max(0.1, 2.5 * bound) / steps).toPrecision(2)} or take more steps.`,
    },
  ];
}

function hasEuclidean(threatModel: ThreatModel): boolean {
  if (threatModel instanceof Sequence)
    return threatModel.terms.some(hasEuclidean);
  return threatModel instanceof Delta && threatModel.norm === 'l2';
}
