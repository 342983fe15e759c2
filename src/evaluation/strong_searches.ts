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
 * broken. The targeted searches break most of those that are left, among them
 * the ones whose cross-entropy has no slope because the softmax is saturated.
 *
 * @param classes How many classes the classifier has.
 */
export function strongSearches(classes: number): StrongSearch[] {
  const apgd: AttackOptions = {
    optimizer: 'apgd',
    smoothness: 0,
    keep: 'best',
    earlyStop: true,
  };
  const targets = Math.min(9, classes - 1);
  return [
    {
      name: 'APGD-CE, 20 steps',
      options: {...apgd, loss: 'crossEntropy', steps: 20},
      targets: 0,
    },
    {
      name: 'APGD-T',
      options: {
        ...apgd,
        loss: classes < DLR_CLASSES ? 'margin' : 'dlr',
        steps: 50,
        restarts: targets,
      },
      targets,
    },
    {
      name: 'APGD-CE',
      options: {
        ...apgd,
        loss: 'crossEntropy',
        steps: 100,
        restarts: 2,
        randomStart: true,
      },
      targets: 0,
    },
    {
      name: 'Square',
      options: {...apgd, optimizer: 'square', loss: 'margin', steps: 200},
      targets: 0,
    },
  ];
}
