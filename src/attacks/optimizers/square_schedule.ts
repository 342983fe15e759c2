/** Of 10,000 steps, those at which the boxes are halved. */
const HALVINGS = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000];

/** The share of the image that the first boxes cover. */
const FIRST = 0.8;

/**
 * The share of all entries that a box covers at a step: 0.8, halved at steps 10,
 * 50, 200, … of 10,000, and at the same fractions of a shorter search.
 *
 * Source: Andriushchenko et al. 2020, section 4.1; 0.8 as in Croce & Hein 2020.
 *
 * @param step Counted from 1.
 */
export function squareShare(step: number, steps: number): number {
  const scaled = ((step - 1) * 10_000) / Math.max(steps, 1);
  return FIRST / 2 ** HALVINGS.filter(at => scaled > at).length;
}
