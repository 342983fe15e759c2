import type {Variant} from '../../src/index.js';
import {wilsonInterval} from '../../src/cli/wilson_interval.js';
import {paperAccuracy} from '../paper_rows.js';
import type {Cell, Row} from './types.js';

/** A row of the table from the results of its finished cells. */
export function tableRow(
  name: string,
  model: string,
  variant: Variant,
  columns: string[],
  correct: Array<string | null>,
): Row {
  const cells = columns.map((attack, i): Cell | null => {
    const found = correct[i];
    if (found === null) return null;
    const paper = paperAccuracy(name, attack);
    const share = shareOf(found);
    const [low, high] = share.interval;
    return {
      attack,
      ...share,
      ...(paper !== undefined && {
        paper,
        differs: paper < low || paper > high,
      }),
    };
  });
  const done = correct.filter(c => c !== null);
  const worstCase =
    done.length === columns.length ? shareOf(survivors(done)) : null;
  return {name, model, variant, cells, worstCase};
}

/** The examples that are classified correctly in every column. */
function survivors(columns: string[]): string {
  return Array.from(columns[0], (_, i) =>
    columns.every(column => column[i] === '1') ? '1' : '0',
  ).join('');
}

function shareOf(correct: string) {
  const right = correct.split('1').length - 1;
  return {
    correct,
    accuracy: right / correct.length,
    interval: wilsonInterval(right, correct.length),
  };
}
