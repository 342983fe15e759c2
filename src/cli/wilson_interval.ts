/** The 97.5 % point of the normal distribution: intervals of 95 %. */
const Z = 1.959963984540054;

/**
 * Wilson's interval for a share of which `successes` of `n` were seen; of 95 %
 * unless `z` says otherwise. Unlike the usual ± it holds near 0 and 1.
 *
 * Source: Wilson 1927; Brown, Cai & DasGupta 2001, equation 4.
 */
export function wilsonInterval(
  successes: number,
  n: number,
  z = Z,
): [low: number, high: number] {
  if (n === 0) return [0, 1];
  const p = successes / n;
  const middle = p + (z * z) / (2 * n);
  const half = z * Math.sqrt((p * (1 - p) + (z * z) / (4 * n)) / n);
  const scale = 1 + (z * z) / n;
  // At its ends it is exact; rounding would put it just inside.
  const low = successes === 0 ? 0 : (middle - half) / scale;
  const high = successes === n ? 1 : (middle + half) / scale;
  return [low, high];
}

/**
 * Whether a share of `n` is no more above an earlier one than chance explains: it
 * is inside the earlier one's interval.
 */
export function isWithinChance(
  before: number,
  after: number,
  n: number,
): boolean {
  return after <= wilsonInterval(Math.round(before * n), n)[1];
}
