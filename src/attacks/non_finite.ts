const warned = new WeakSet<object>();

/** What is said of gradients that are not finite, and what to do. */
export const NON_FINITE =
  'gradients were NaN or infinite, and those entries count as 0, so that the attack may be weaker than it could be: ' +
  'keep roots, powers, logarithms and divisions in the model away from 0, for instance by adding 1e-6 to what goes into them';

/** Warns on the console, once for each classifier. */
export function warnNonFinite(classifier: object): (examples: number) => void {
  return examples => {
    if (warned.has(classifier)) return;
    warned.add(classifier);
    console.warn(
      `tfjs-adversarial: for ${examples} ${examples === 1 ? 'image' : 'images'} ${NON_FINITE}.`,
    );
  };
}
