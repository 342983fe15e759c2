import {RECOMMENDED_SMOOTH} from '../../src/index.js';
import type {PaperRow} from '../paper_rows.js';

/**
 * What keeps recolorings and flows smooth: the price of the paper, which its
 * attacker may refuse to pay, or the bound that strong evaluations have.
 */
export type Smoothness = 'price' | 'bound';

/** Specs of the attacks that a defense is trained against and judged by. */
export function attacksOf(
  {training}: PaperRow,
  smoothness: Smoothness | null,
): string[] {
  const specs = [training?.attack ?? []].flat();
  return smoothness === 'bound' ? specs.map(bounded) : specs;
}

/** Gives the terms C and S of a row's spec, which have no bounds of their own, one. */
function bounded(spec: string): string {
  return spec
    .split('+')
    .map(term =>
      term === 'C' || term === 'S'
        ? `${term}(smooth=${RECOMMENDED_SMOOTH[term]})`
        : term,
    )
    .join('+');
}
