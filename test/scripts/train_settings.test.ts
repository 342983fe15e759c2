import test from 'ava';
import {
  findRow,
  inTrainingOrder,
  ROWS,
  startsOf,
} from '../../scripts/paper_rows.js';
import {checkMeant} from '../../scripts/training/check_meant.js';
import {
  type GivenSettings,
  resolveSettings,
} from '../../scripts/training/settings.js';

const resolve = (row: string, given: Partial<GivenSettings> = {}) =>
  resolveSettings(findRow(row), undefined, {
    ...{examples: 50_000, seed: 0, epochs: 3},
    ...given,
  });

test('rows start from one another, each after its own', t => {
  const names = (row: string) => startsOf(findRow(row)).map(r => r.name);
  t.deepEqual(names('C+S+D'), ['C+D', 'D', 'Undefended']);
  t.deepEqual(names('C (B&W)'), ['Undefended (B&W)']);
  t.deepEqual(names('Undefended'), []);
  const order = inTrainingOrder(ROWS);
  t.is(order.length, ROWS.length);
  order.forEach((row, i) => {
    for (const start of startsOf(row)) t.true(order.indexOf(start) < i);
  });
});

test('steps, mix and the guard follow from how a row is crafted', t => {
  t.is(resolve('D').steps, 10);
  t.is(resolve('D', {crafting: 'fast'}).steps, 1);
  t.is(resolve('D').onOverfitting, null);
  t.is(resolve('D', {crafting: 'fast'}).onOverfitting, 'warn');
  t.is(resolve('D', {objective: 'mart'}).mix, null);
  t.is(resolve('Union').union, 'adaptive');
  t.is(resolve('C').union, null);
  t.is(resolve('TRADES').objective, 'trades');
  t.is(resolve('TRADES').attack, 'D(0.031)');
  t.is(resolve('Undefended').crafting, null);
  t.throws(() => resolve('D', {crafting: 'fast', attackLearningRate: 0.1}), {
    message: /--attack-learning-rate is for --crafting pgd/,
  });
  t.throws(() => resolve('Union', {union: 'mean', mix: 0.5}), {
    message: /--union mean stacks whole batches/,
  });
});

test('evening bounds the neighbors of C and S; without a preset they have a price', t => {
  const evening = (row: string) =>
    resolveSettings(findRow(row), 'evening', {
      ...{examples: 50_000, seed: 0, init: 'runs/start'},
    });
  t.is(evening('C+S+D').attack, 'C(smooth=0.04)+S(smooth=0.03)+D');
  t.is(evening('Union').attack, 'C(smooth=0.04), D, S(smooth=0.03)');
  t.is(evening('C').smoothness, 'bound');
  t.is(evening('D').smoothness, null);
  t.is(evening('TRADES').attack, 'D(0.031)');
  t.is(resolve('C+S+D').attack, 'C+S+D');
  t.is(resolve('C+S+D').smoothness, 'price');
  t.is(resolve('Undefended').smoothness, null);
});

test('an option that no row has is an error, and one that some have is not', t => {
  const check = (given: Partial<GivenSettings>, ...rows: string[]) =>
    checkMeant(
      given,
      rows.map(row => resolve(row, given)),
    );
  for (const [given, row, flag] of [
    [{crafting: 'fast'}, 'Undefended', '--crafting'],
    [{mix: 0.5}, 'TRADES', '--mix'],
    [{smoothness: 'bound'}, 'D', '--smoothness'],
    [{union: 'worst'}, 'C+D', '--union'],
    [{onOverfitting: 'warn'}, 'D', '--on-overfitting'],
    [{labelSmoothing: 0.1, objective: 'mart'}, 'D', '--label-smoothing'],
    [{awp: 0.01}, 'Undefended', '--awp'],
  ] as Array<[Partial<GivenSettings>, string, string]>) {
    t.throws(() => check(given, row), {message: new RegExp(`^${flag} is for`)});
  }
  check({crafting: 'fast', union: 'random'}, 'Undefended', 'D', 'Union');
  t.pass();
});
