import test from 'ava';
import {
  findRow,
  folderName,
  matchRow,
  ROW_NAMES,
  ROWS,
} from '../../scripts/paper_rows.js';
import {parseRow} from '../../scripts/table1/row_models.js';

test('a name or a folder’s name is its row, without a word', t => {
  for (const row of ROWS) {
    for (const name of [row.name, folderName(row)]) {
      t.is(
        matchRow(name, () => t.fail(name)),
        row,
      );
    }
  }
});

test('another way to write a row is understood, and it is said which one', t => {
  const said: string[] = [];
  const say = (sentence: string) => void said.push(sentence);
  for (const [name, row] of [
    ['csd', 'C+S+D'],
    ['c+s+d', 'C+S+D'],
    ['c b&w', 'C (B&W)'],
    ['C_BW', 'C (B&W)'],
    ['undefended-bw', 'Undefended (B&W)'],
    ['trades', 'TRADES'],
    ['Union ', 'Union'],
  ]) {
    t.is(findRow(name, say).name, row);
    t.is(said.pop(), `'${name}' is read as the row ${row}.`);
  }
  t.deepEqual(said, []);
});

test('no other name is a row, and no two rows are read alike', t => {
  for (const name of ['', 'x', 'C2', 'dsc', 'S+C', 'C+S+D+', 'bw', '+', 'CC']) {
    const found = matchRow(name);
    // Signs alone do not count.
    t.is(found?.name, name === 'C+S+D+' ? 'C+S+D' : undefined, name);
  }
  t.throws(() => findRow('C+X'), {
    message: /'C\+X' is no row .* Undefended, C/,
  });
  t.is(new Set(ROWS.map(row => matchRow(row.name))).size, ROW_NAMES.length);
  t.is(ROWS.filter(row => row.paper).length, 11);
});

test('table1 takes any name, read as a row where it is one', t => {
  t.is(parseRow('csd=a=b').name, 'C+S+D');
  t.deepEqual(parseRow('mine=a=b'), {name: 'mine', path: 'a=b'});
  for (const text of ['', 'D', '=x', 'D=', ' =x']) {
    t.throws(() => parseRow(text), {message: /NAME=PATH/});
  }
});
