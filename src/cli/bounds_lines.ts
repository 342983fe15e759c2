import type {RobustnessReport} from '../index.js';

type Result = RobustnessReport['results'][number];

/** For each attack with C or S: its bounds, and the largest difference of neighbors that it reached. */
export function boundsLines(results: Result[]): string[] {
  return results.flatMap(({attack, bounds, neighborDifferences}) => {
    const reached = Object.entries(neighborDifferences ?? {});
    if (reached.length === 0) return [];
    const each = reached.map(([term, x]) => `${term} ${x.toPrecision(3)}`);
    return [
      `${attack}: bounds ${bounds}; neighbors differ by up to ${each.join(', ')}.`,
    ];
  });
}
