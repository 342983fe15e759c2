import test from 'ava';
import {
  isWithinChance,
  wilsonInterval,
} from '../../../src/cli/wilson_interval.js';
import {COLUMNS, paperAccuracy, ROWS} from '../../../scripts/paper_rows.js';
import {tableRow} from '../../../scripts/table1/table.js';

test("Wilson's interval is where the score test just rejects", t => {
  for (const [k, n] of [
    [0, 10],
    [3, 10],
    [10, 10],
    [33, 100],
    [881, 1000],
  ]) {
    const [low, high] = wilsonInterval(k, n);
    const z = (p: number) => (k / n - p) / Math.sqrt((p * (1 - p)) / n);
    if (k > 0) t.true(Math.abs(z(low) - 1.95996) < 1e-4);
    else t.is(low, 0);
    if (k < n) t.true(Math.abs(z(high) + 1.95996) < 1e-4);
    else t.is(high, 1);
  }
  t.deepEqual(wilsonInterval(0, 0), [0, 1]);
});

test("the paper's cells are at their places", t => {
  t.is(paperAccuracy('D', 'C'), 0.506);
  t.is(paperAccuracy('TRADES', 'S+D'), 0.086);
  t.is(paperAccuracy('C-BW', 'C+S+D'), 0.002);
  t.is(paperAccuracy('D', 'D(4/255)'), undefined);
  t.is(paperAccuracy('union', 'D'), undefined);
  for (const {name, paper} of ROWS) {
    if (!paper) continue;
    const cells = COLUMNS.map(column => paperAccuracy(name, column)!);
    t.true(cells.every(x => x >= 0 && x < 1));
    // A clean accuracy is the largest of its row.
    t.is(Math.max(...cells), cells[0]);
  }
});

test('a row counts, compares with the paper and takes the worst of each example', t => {
  const row = tableRow(
    'D',
    'abc',
    'paper',
    ['None', 'D', 'X'],
    ['1111111100', '1100000010', '0111111111'],
  );
  t.deepEqual(
    row.cells.map(cell => cell!.accuracy),
    [0.8, 0.3, 0.9],
  );
  t.is(row.cells[1]!.paper, 0.306);
  t.false(row.cells[1]!.differs);
  t.is(row.cells[2]!.paper, undefined);
  t.is(row.worstCase!.correct, '0100000000');
  t.is(row.worstCase!.accuracy, 0.1);
  const all = tableRow('Undefended', '', 'paper', ['D'], ['1'.repeat(50)]);
  t.true(all.cells[0]!.differs, '100 % is not the 0 % of the paper');
});

test('what is not finished is null, and so is the worst case', t => {
  const row = tableRow('D', '', 'paper', ['None', 'D'], ['11', null]);
  t.is(row.cells[1], null);
  t.is(row.worstCase, null);
});

test('a gain of one image in 80 may be chance, one of a quarter is not', t => {
  t.true(isWithinChance(0, 1 / 80, 80));
  t.true(isWithinChance(0.5, 0.5, 80));
  t.true(isWithinChance(0.4, 0.5, 20));
  t.false(isWithinChance(0, 8 / 80, 80));
  t.false(isWithinChance(0.4, 0.5, 2000));
  t.false(isWithinChance(0.25, 0.5, 80));
});
