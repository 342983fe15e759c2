import Table from 'cli-table3';
import {wilsonInterval} from './wilson_interval.js';

/** One line of the table of `evaluate`. */
export interface EvaluationRow {
  attack: string;
  /** One character for each example, 1 where it is classified correctly; undefined if the attack is unfinished. */
  correct?: string;
  /** The same after the perturbed images were rounded to 8 bits. */
  rounded?: string;
  seconds?: number;
  /** For an unfinished attack: how far it got. */
  done?: number;
  examples: number;
}

const percent = (share: number) => (100 * share).toFixed(1);

const ones = (correct: string) => correct.split('1').length - 1;

function cells(correct: string): [accuracy: string, interval: string] {
  const right = ones(correct);
  const [low, high] = wilsonInterval(right, correct.length).map(percent);
  return [percent(right / correct.length), `${low}–${high}`];
}

/** The examples that every one of these classifies correctly. */
export function survivors(all: string[]): string {
  return Array.from(all[0], (_, i) =>
    all.every(correct => correct[i] === '1') ? '1' : '0',
  ).join('');
}

/**
 * The accuracy of a model under each attack, a line each, at most 80 columns
 * wide. The last line is the worst case over the finished attacks; it is left
 * out if fewer than two are finished.
 */
export function evaluationTable(rows: EvaluationRow[]): string {
  const done = rows.filter(row => row.correct !== undefined);
  const rounded = done.length > 0 && done.every(row => row.rounded);
  const table = new Table({
    head: [
      'attack',
      'accuracy %',
      '95 % interval',
      ...(rounded ? ['8 bits %'] : []),
      'seconds',
    ],
    colAligns: ['left', ...new Array(4).fill('right' as const)],
    style: {head: [], border: []},
  });
  for (const row of rows) {
    if (row.correct === undefined) {
      const content = row.done
        ? `unfinished, ${row.done} of ${row.examples} examples done`
        : 'not begun';
      table.push([row.attack, {content, colSpan: rounded ? 4 : 3}]);
      continue;
    }
    table.push([
      row.attack,
      ...cells(row.correct),
      ...(rounded ? [cells(row.rounded!)[0]] : []),
      row.seconds?.toFixed(1) ?? '',
    ]);
  }
  if (done.length > 1) {
    const finished = done.length < rows.length ? ' of the finished' : '';
    table.push([
      `worst case${finished}`,
      ...cells(survivors(done.map(row => row.correct!))),
      ...(rounded ? [cells(survivors(done.map(row => row.rounded!)))[0]] : []),
      '',
    ]);
  }
  return table.toString();
}
