/** The share of steps since the last checkpoint that must have lowered the loss. */
const RHO = 0.75;

/** What APGD's schedule says of one iterate. */
export interface Iterate {
  /** Whether the step size is looked at. */
  checkpoint: boolean;
  /** How many of the steps since the last checkpoint must have lowered the loss. */
  needed: number;
}

/**
 * The checkpoints of a search of N steps: w_j = ⌈p_j N⌉ with p_0 = 0, p_1 = 0.22,
 * p_{j+1} = p_j + max(p_j − p_{j−1} − 0.03, 0.06).
 *
 * Source: Croce & Hein 2020, section 3.2.
 */
export function checkpoints(steps: number): number[] {
  const found = [0];
  // In whole hundredths: sums of fractions would round.
  for (let p = 22, length = 22; p <= 100;) {
    found.push(Math.ceil((p * steps) / 100));
    length = Math.max(length - 3, 6);
    p += length;
  }
  return [...new Set(found)];
}

/**
 * What the schedule says of the iterate x⁽ᵏ⁾.
 *
 * @param k Counted from 0, where the search starts.
 */
export function iterateAt(checkpoints: number[], k: number): Iterate {
  const j = checkpoints.indexOf(k);
  return j > 0
    ? {checkpoint: true, needed: RHO * (k - checkpoints[j - 1])}
    : {checkpoint: false, needed: 0};
}
