const warned = new WeakSet<object>();
const warnedOfZeros = new WeakSet<object>();

/** Some images may lie where a network is flat; a quarter of them is a fault. */
const SHARE = 0.25;

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

/** Warns on the console, once for each classifier, if it concerns many of `all` examples. */
export function warnZeroGradients(
  classifier: object,
  all: number,
): (examples: number) => void {
  return examples => {
    if (examples < SHARE * all || warnedOfZeros.has(classifier)) return;
    warnedOfZeros.add(classifier);
    console.warn(
      `tfjs-adversarial: for ${examples} of ${all} images the gradient was 0 at every step, so the attack went nowhere, however weak the classifier is: ` +
        "look for rounding, thresholds and saturated activations (return logits instead of probabilities or of a function of them), or attack without gradients, with the optimizer 'square'.",
    );
  };
}
