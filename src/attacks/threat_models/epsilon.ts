/** Throws unless `epsilon` is a number from 0 to `max`. */
export function checkEpsilon(what: string, epsilon: number, max = 1): number {
  if (typeof epsilon !== 'number' || !(epsilon >= 0 && epsilon <= max)) {
    throw new Error(
      `${what}: the bound must be a number from 0 to ${max}, but it is ${epsilon}.` +
        (epsilon > 1 ? ' Images are in [0, 1]: write 8/255 for 8.' : ''),
    );
  }
  return epsilon;
}

/** A bound as a spec writes it: `8/255` where it is a whole number of 255ths. */
export function formatEpsilon(epsilon: number): string {
  const levels = epsilon * 255;
  return Math.abs(levels - Math.round(levels)) < 1e-6
    ? `${Math.round(levels)}/255`
    : String(Number(epsilon.toPrecision(6)));
}
