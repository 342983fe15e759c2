/**
 * Crafting by one step, or few. The defaults are those of N-FGSM (de Jorge et
 * al. 2022): noise uniform in ±2ε, one step of ε, no projection. FGSM-RS (Wong
 * et al. 2020) is `{noise: 1, step: 1.25, project: true}`, plain FGSM
 * `{noise: 0, step: 1}`. S takes a longer step.
 */
export interface FastArgs {
  /** Half-width of the uniform noise, in bounds. Default 2. */
  noise?: number;
  /** Length of all steps together, in bounds. Default 1. */
  step?: number;
  /**
   * The same for S. Default `step` where that is given, else 3: flows on a coarse
   * grid are a small part of those within the bounds. A ResNet-32 trained with
   * steps of one bound kept 43 % of 256 test images under one step of D and 38 %
   * under ten steps of PGD, but 52 and 22 % under S; under one step of S of three
   * bounds, 26 %.
   */
  flowStep?: number;
  /** Bring the result back inside the bounds. Default false: images are clipped to [0, 1] alone. */
  project?: boolean;
  /**
   * Of C and S, noise and step are drawn on a coarse grid, of which this is the
   * spacing, in points of the lattice or in pixels, and are interpolated between
   * its points. 1: each point by itself. Default 4. A term with a bound `smooth`
   * has a spacing of its own, with which one step respects it.
   */
  spacing?: number;
}

/** The size of noise and step in bounds, defaults filled in. */
export type ResolvedFast = Required<FastArgs>;

/** How adversarial examples for training are made. */
export type Crafting = 'pgd' | 'fast' | FastArgs;

/** Null for `pgd`. @throws Error naming the option that is not allowed. */
export function resolveCrafting(
  crafting: Crafting = 'pgd',
): ResolvedFast | null {
  if (crafting === 'pgd') return null;
  if (crafting !== 'fast' && (typeof crafting !== 'object' || !crafting)) {
    throw new Error(
      `crafting must be 'pgd', 'fast' or an object such as {noise: 2, step: 1}, but is ${JSON.stringify(crafting)}.`,
    );
  }
  const given = crafting === 'fast' ? {} : crafting;
  const known: ResolvedFast = {
    ...{noise: 2, step: 1, project: false, spacing: 4},
    flowStep: given.flowStep ?? given.step ?? 3,
  };
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(known, name)) {
      throw new Error(
        `crafting has no option '${name}'. There are ${Object.keys(known).join(', ')}.`,
      );
    }
    if (value === undefined) continue;
    if (name === 'project') {
      if (typeof value !== 'boolean') {
        throw new Error(
          `crafting: project must be true or false, but is ${JSON.stringify(value)}.`,
        );
      }
      known.project = value;
      continue;
    }
    const least = name === 'spacing' ? 1 : 0;
    if (!(Number.isFinite(value) && Number(value) >= least)) {
      throw new Error(
        `crafting: ${name} must be a number of at least ${least}, but is ${value}.`,
      );
    }
    known[name as Exclude<keyof FastArgs, 'project'>] = Number(value);
  }
  return known;
}
