/** @throws Error naming the option that is no number of at least 0. */
export function checkWeights(
  objective: string,
  weights: Record<string, number>,
): void {
  for (const [name, value] of Object.entries(weights)) {
    if (!(typeof value === 'number' && value >= 0 && Number.isFinite(value))) {
      throw new Error(
        `${objective}: ${name} must be a number of at least 0, but is ${value}.`,
      );
    }
  }
}
