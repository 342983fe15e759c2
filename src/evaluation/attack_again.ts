import {attack as makeAttack, type Attack} from '../attacks/attack.js';
import type {AttackOptions} from '../attacks/options.js';
import type {ThreatModel} from '../attacks/threat_models/threat_model.js';

/** The same attack with other options. */
export function attackAgain(
  {options}: Attack,
  threatModel: ThreatModel,
  changes: AttackOptions,
): Attack {
  const merged = {...options, ...changes};
  return makeAttack(
    threatModel,
    Object.fromEntries(
      // The threat model is of its variant already.
      Object.entries(merged).filter(([name]) => name !== 'variant'),
    ),
  );
}

/** Whether an attack has anything to search for. */
export function isSearch({threatModel, options}: Attack): boolean {
  return threatModel.bounds().length > 0 && options.steps > 0;
}

/** Whether it needs the classifier's gradients. */
export function needsGradients(attack: Attack): boolean {
  const {optimizer} = attack.options;
  const without =
    typeof optimizer === 'object'
      ? optimizer.gradients === false
      : optimizer === 'square';
  return isSearch(attack) && !without;
}
