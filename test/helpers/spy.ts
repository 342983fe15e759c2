import type * as tf from '@tensorflow/tfjs';
import type {ThreatModel} from '../../src/attacks/threat_models/threat_model.js';

/** What a threat model was asked to apply. */
export interface Applied {
  parameters: Float32Array[];
  perturbed: Float32Array;
}

/** The same threat model, keeping all parameters and results of `apply`. */
export function spyOn(model: ThreatModel): ThreatModel & {applied: Applied[]} {
  const applied: Applied[] = [];
  const apply: ThreatModel['apply'] = (images, parameters, constants) => {
    const perturbed = model.apply(images, parameters, constants);
    applied.push({
      parameters: parameters.map(p => copy(p)),
      perturbed: copy(perturbed),
    });
    return perturbed;
  };
  return new Proxy(model, {
    get(target, key) {
      if (key === 'applied') return applied;
      if (key === 'apply') return apply;
      const value = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  }) as ThreatModel & {applied: Applied[]};
}

function copy(t: tf.Tensor): Float32Array {
  return Float32Array.from(t.dataSync());
}
