export function size(shape: readonly number[]): number {
  return shape.reduce((product, d) => product * d, 1);
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((d, i) => d === b[i]);
}

export function inverse(permutation: readonly number[]): number[] {
  const result: number[] = [];
  permutation.forEach((from, to) => (result[from] = to));
  return result;
}

/** The shape that two operands broadcast to; throws if they do not fit. */
export function broadcast(
  a: readonly number[],
  b: readonly number[],
): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({length: rank}, (_, i) => {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new Error(
        `shapes [${a.join()}] and [${b.join()}] do not broadcast`,
      );
    }
    return x === 1 ? y : x;
  });
}

/** `shape` with leading ones, up to `rank`. */
export function padRank(shape: readonly number[], rank: number): number[] {
  return [...Array<number>(rank - shape.length).fill(1), ...shape];
}

/** Axes without negative ones, sorted, each once. */
export function positiveAxes(axes: readonly number[], rank: number): number[] {
  return [...new Set(axes.map(a => (a < 0 ? a + rank : a)))].sort(
    (a, b) => a - b,
  );
}
