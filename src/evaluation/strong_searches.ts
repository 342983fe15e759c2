import type {AttackOptions} from '../attacks/options.js';

/** One of the searches of a strong evaluation. */
export interface StrongSearch {
  /** As reports show it. */
  name: string;
  options: AttackOptions;
  /** Toward each of how many other classes, the likeliest first; 0: away from the label. */
  targets: number;
}

/** With fewer classes the targeted `dlr` is not defined. */
const DLR_CLASSES = 4;

/**
 * The searches of a strong evaluation after the clean pass, the cheapest first.
 *
 * Twenty steps on the cross-entropy break almost all examples that can be
 * broken. Twenty toward each of the likeliest classes break most of the rest:
 * those whose softmax is saturated, so that the cross-entropy has no slope, and
 * those whose nearest wrong class is not the one that the gradient favors. On
 * the models that this was measured on, the longer searches that follow found
 * nothing more; they are there for models that are harder to search.
 *
 * @param classes How many classes the classifier has.
 */
export function strongSearches(classes: number): StrongSearch[] {
  const search = (
    name: string,
    options: AttackOptions,
    targets = 0,
  ): StrongSearch => ({
    name,
    options: {
      optimizer: 'apgd',
      // Whatever is inside the bounds counts; nothing makes an attacker pay.
      smoothnessWeight: 0,
      keep: 'best',
      earlyStop: true,
      restarts: Math.max(targets, 1),
      ...options,
    },
    targets,
  });
  const others = classes - 1;
  const targeted = classes < DLR_CLASSES ? 'margin' : 'dlr';
  return [
    search('APGD-CE', {loss: 'crossEntropy', steps: 20}),
    search('APGD-T', {loss: targeted, steps: 20}, Math.min(9, others)),
    search('Square', {optimizer: 'square', loss: 'margin', steps: 200}),
    search('APGD-CE, random start', {
      loss: 'crossEntropy',
      steps: 100,
      randomStart: true,
    }),
    search(
      'APGD-T, random start',
      {loss: targeted, steps: 100, randomStart: true},
      Math.min(3, others),
    ),
  ];
}
