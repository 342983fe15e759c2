import {ReColor} from './recolor.js';
import {Sequence} from './sequence.js';
import {recommendedSmooth} from './smooth.js';
import {StAdv} from './stadv.js';
import type {ThreatModel} from './threat_model.js';

/**
 * The same threat model, in which each C and S without a bound on the difference
 * of neighbors has the recommended one. Other terms stay as they are.
 */
export function withRecommendedSmooth(threatModel: ThreatModel): ThreatModel {
  if (threatModel instanceof Sequence) {
    return new Sequence(threatModel.terms.map(withRecommendedSmooth));
  }
  if (threatModel instanceof ReColor && threatModel.smooth === Infinity) {
    const {space, epsilon, resolution, variant} = threatModel;
    const smooth = recommendedSmooth('C', Math.max(...epsilon));
    return new ReColor({space, epsilon, smooth, resolution, variant});
  }
  if (threatModel instanceof StAdv && threatModel.smooth === Infinity) {
    const {epsilon, variant} = threatModel;
    const smooth = recommendedSmooth('S', epsilon);
    return new StAdv({epsilon, smooth, variant});
  }
  return threatModel;
}
