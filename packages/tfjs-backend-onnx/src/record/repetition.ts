import type {Call} from '../trace/value.js';

/**
 * How many of `calls`, counted from the first, are whole repetitions of the
 * same sequence; all of them where nothing repeats itself at their end.
 *
 * The shortest repetition at the end is found as the shortest border of the
 * reversed sequence is (Knuth, Morris and Pratt's failure function).
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
  // A repetition that covers little is not what the program is doing.
  if (length < n / 4) return n;
  return n - length + Math.floor(length / period) * period;
}
