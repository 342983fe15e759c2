import Table from 'cli-table3';
import type {RobustnessReport} from '../src/index.js';

/** Reports as a table of accuracies in %: a row for each report, a column for each attack and one for the worst case. */
export function robustnessTable(
  rows: Array<{name: string; report: RobustnessReport}>,
): string {
  const attacks = rows[0].report.results.map(result => result.attack);
  const table = new Table({
    head: ['', ...attacks, 'worst'],
    colAligns: ['left', ...attacks.map(() => 'right' as const), 'right'],
    style: {head: [], border: []},
  });
  const percent = (share: number) => (100 * share).toFixed(1);
  for (const {name, report} of rows) {
    table.push([
      name,
      ...report.results.map(result => percent(result.accuracy)),
      percent(report.worstCase),
    ]);
  }
  return table.toString();
}
