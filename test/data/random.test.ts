import test from 'ava';
import {permutation, randomStream} from '../../src/data/random.js';

const draw = (count: number, ...seeds: number[]) => {
  const random = randomStream(...seeds);
  return Array.from({length: count}, random);
};

test('equal seeds give equal streams, others different ones', t => {
  t.deepEqual(draw(20, 1, 2), draw(20, 1, 2));
  for (const other of [
    [1, 3],
    [2, 2],
    [2, 1],
    [1],
    [1, 2, 0],
    [2 ** 32 + 1, 2],
  ]) {
    const same = draw(20, ...other).filter((v, i) => v === draw(20, 1, 2)[i]);
    t.is(same.length, 0, String(other));
  }
});

test('values are uniform in [0, 1)', t => {
  const bins = new Array(10).fill(0);
  let [minimum, maximum] = [1, 0];
  // One value of each stream: neighboring seeds must not be related.
  for (let seed = 0; seed < 20000; seed++) {
    const value = randomStream(7, seed)();
    bins[Math.floor(value * 10)]++;
    minimum = Math.min(minimum, value);
    maximum = Math.max(maximum, value);
  }
  t.true(minimum >= 0 && maximum < 1);
  // Chi-squared with 9 degrees of freedom exceeds 33.7 once in 10,000 times.
  const chi = bins.reduce((sum, n) => sum + (n - 2000) ** 2 / 2000, 0);
  t.true(chi < 33.7, `chi-squared ${chi}`);
});

test('a permutation has every number once', t => {
  const order = permutation(1000, randomStream(3));
  t.deepEqual(
    [...order].sort((a, b) => a - b),
    Array.from({length: 1000}, (_, i) => i),
  );
  t.true(order.filter((value, i) => value === i).length < 10);
});

test('a seed that is no integer is refused', t => {
  t.throws(() => randomStream(0.5), {message: /integer, but it is 0\.5/});
});
