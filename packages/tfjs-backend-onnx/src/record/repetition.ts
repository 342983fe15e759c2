import type {Call} from '../trace/value.js';

/**
 * How many of `calls`, counted from the first, end with a whole repetition of the
 * sequence that repeats at their end; all of them if nothing repeats there.
 *
 * The shortest period at the end is found on the reversed sequence, with the
 * failure function of Knuth, Morris and Pratt.
 */
export function wholePeriods(calls: readonly Call[]): number {
  const ids = calls.map(c => c.signature.id).reverse();
  const n = ids.length;
  const border = new Array<number>(n + 1).fill(0);
  border[0] = -1;
  let longest = {length: 0, period: 1};
  for (let i = 0, k = -1; i < n;) {
    while (k >= 0 && ids[i] !== ids[k]) k = border[k];
    border[++i] = ++k;
    const period = i - k;
    if (i >= 2 * period) longest = {length: i, period};
  }
  const {length, period} = longest;
  // A repetition of a small part is not the program's loop.
  if (length < n / 4) return n;
  return n - length + Math.floor(length / period) * period;
}
