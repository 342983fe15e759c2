import {
  logitPairing,
  mart,
  trades,
  type TrainingObjective,
} from '../../src/index.js';

/** What `train` can minimize; `loss` is the model's own loss on adversarial examples. */
export const OBJECTIVES = {
  loss: () => undefined,
  trades: () => trades({beta: 6}),
  mart: () => mart({beta: 5}),
  'logit-pairing': () => logitPairing({weight: 0.5}),
} satisfies Record<string, () => TrainingObjective | undefined>;

export type ObjectiveName = keyof typeof OBJECTIVES;
