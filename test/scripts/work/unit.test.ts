import test from 'ava';
import {checkResult, sameResult} from '../../../scripts/work/result.js';
import {
  makeUnit,
  parseUnit,
  unitName,
  VERSION,
} from '../../../scripts/work/unit.js';

const args = {
  ...{backend: 'cpu', model: 'a'.repeat(64), attack: 'C+S+D'},
  ...{variant: 'paper' as const, batch: 4, pictures: 2, begin: 0, end: 4},
  search: {steps: 3, restarts: 1, seed: 0},
};
const digest = 'b'.repeat(64);
const unit = makeUnit(args, digest);
const picture = 'iVBORw0KGgoAAAA=';
const result = {
  ...{unit: unitName(unit), version: VERSION, backend: 'cpu', worker: 'w'},
  ...{correct: '0110', pictures: [picture, picture], seconds: 1},
};

test('a name follows from all that a result follows from, and from nothing else', t => {
  const names = [
    unit,
    {...unit, model: 'c'.repeat(64)},
    {...unit, data: 'c'.repeat(64)},
    {...unit, version: '9.9.9'},
    {...unit, backend: 'onnx'},
    {...unit, attack: 'C'},
    {...unit, variant: 'reference' as const},
    {...unit, search: {...unit.search, steps: 4}},
    {...unit, search: {...unit.search, seed: 1}},
    {...unit, search: {...unit.search, loss: 'kl' as const}},
    {...unit, batch: 5},
    {...unit, pictures: 1},
    {...unit, end: 5},
  ].map(unitName);
  t.is(new Set(names).size, names.length);
  const reversed = Object.fromEntries(Object.entries(unit).reverse());
  t.is(unitName(parseUnit(reversed)), unitName(unit));
  t.is(unitName(parseUnit(JSON.parse(JSON.stringify(unit)))), unitName(unit));
});

test('pictures are those of the first examples of all', t => {
  const pictures = (begin: number, end: number) =>
    makeUnit({...args, pictures: 5, begin, end}, digest).pictures;
  t.deepEqual([pictures(0, 4), pictures(4, 8), pictures(8, 12)], [4, 1, 0]);
});

test('a hostile payload is no unit', t => {
  for (const wrong of [
    null,
    'x',
    {},
    [],
    {...unit, path: '/etc/passwd'},
    {...unit, model: '../../etc/passwd'},
    {...unit, model: `${'a'.repeat(63)}/`},
    {...unit, attack: 'require("fs")'},
    {...unit, attack: '__proto__'},
    {...unit, attack: 'strong(process.exit())'},
    {...unit, attack: 'D'.repeat(301)},
    {...unit, backend: '../x'},
    {...unit, variant: 'constructor'},
    {...unit, batch: 1e9},
    {...unit, end: 1e9},
    {...unit, end: 0},
    {...unit, begin: -1},
    {...unit, pictures: 9},
    {...unit, search: {...unit.search, steps: 1e12}},
    {...unit, search: {...unit.search, loss: 'x'}},
    {...unit, search: {...unit.search, learningRate: null}},
    JSON.parse(
      `{"__proto__": {"x": 1}, ${JSON.stringify({...unit, x: 1}).slice(1)}`,
    ),
  ]) {
    t.throws(() => parseUnit(wrong), undefined, JSON.stringify(wrong));
  }
  t.notThrows(() => parseUnit(unit));
});

test('only a result of the unit is taken', t => {
  t.deepEqual(checkResult(result, unit), result);
  for (const [wrong, message] of [
    [{...result, correct: '01'}, /2 examples, not 4/],
    [{...result, correct: '01N0'}, /correct/],
    [{...result, correct: 'NaN0'}, /correct/],
    [{...result, seconds: NaN}, /seconds/],
    [{...result, seconds: null}, /seconds/],
    [{...result, version: '9.9.9'}, /version 9.9.9, not/],
    [{...result, backend: 'onnx'}, /backend onnx, not cpu/],
    [{...result, unit: 'c'.repeat(64)}, /the unit c/],
    [{...result, pictures: [picture]}, /1 pictures, not 2/],
    [{...result, pictures: ['<script>', picture]}, /pictures/],
    [{...result, more: 1}, /more/],
    [undefined, /malformed/],
  ] as const) {
    t.throws(() => checkResult(wrong, unit), {message});
  }
});

test('two results are the same whatever time they took', t => {
  t.true(sameResult(result, {...result, seconds: 9, worker: 'v'}));
  t.false(sameResult(result, {...result, correct: '0111'}));
  t.false(sameResult(result, {...result, pictures: [picture]}));
});
