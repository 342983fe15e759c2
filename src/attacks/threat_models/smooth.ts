import {formatEpsilon} from './epsilon.js';

/**
 * Bounds on the difference of neighbors that are recommended for C and S at their
 * default ε, 0.06 and 0.05. For another ε they are scaled in proportion.
 *
 * The paper's price gives no bound to take over: at weight 0.05, after 100 steps
 * on CIFAR-10 test images, the largest difference within an image reaches what ε
 * alone allows (2√3 · 0.06 = 0.208 for C, 2√2 · 0.05 = 0.141 for S), on the
 * authors' D and undefended ResNet-32 alike. These are the root mean squares of
 * the differences there, on D: over all pairs of pixels for S (0.028), and over
 * pairs of lattice points that the image's colors use for C (0.044); 16 images.
 */
export const RECOMMENDED_SMOOTH: Readonly<Record<'C' | 'S', number>> = {
  C: 0.04,
  S: 0.03,
};

/** Default ε of the terms that have neighbors. */
export const DEFAULT_EPSILON = {C: 0.06, S: 0.05} as const;

/** {@link RECOMMENDED_SMOOTH} in the same proportion to another ε. */
export function recommendedSmooth(term: 'C' | 'S', epsilon: number): number {
  const scaled = (RECOMMENDED_SMOOTH[term] / DEFAULT_EPSILON[term]) * epsilon;
  return Number(scaled.toPrecision(6));
}

/** @throws Error unless `smooth` is a number of at least 0; Infinity is no bound. */
export function checkSmooth(what: string, smooth: number): number {
  if (typeof smooth !== 'number' || !(smooth >= 0)) {
    throw new Error(
      `${what}: smooth, the bound on the difference of neighbors, must be a number of at least 0, but it is ${smooth}.`,
    );
  }
  return smooth;
}

/** A term as a spec has it: `C`, `C(0.03)`, `C(smooth=0.01)`, `C(0.03, smooth=0.01)`. */
export function termName(
  term: string,
  epsilon: string | null,
  smooth: number,
): string {
  const bounds = [
    ...(epsilon === null ? [] : [epsilon]),
    ...(smooth === Infinity ? [] : [`smooth=${formatEpsilon(smooth)}`]),
  ];
  return bounds.length ? `${term}(${bounds.join(', ')})` : term;
}

/** `smooth` times `scale`, where there is a bound. */
export function scaledSmooth(smooth: number, scale: number): number {
  return smooth === Infinity ? Infinity : smooth * scale;
}

/**
 * Distance of the points of a coarse grid with values in [−ε, ε], in each of
 * several components, such that what is interpolated satisfies the bound.
 */
export function noiseSpacing(
  epsilon: number,
  smooth: number,
  components: number,
): number {
  const spacing = (2 * Math.sqrt(components) * epsilon) / smooth;
  return epsilon === 0 ? 1 : Math.max(1, spacing);
}
