import test from 'ava';
import * as tf from '@tensorflow/tfjs';
import {useOnnx} from '../src/index.js';
import {type Spec, SpecNumbers} from '../src/trace/spec.js';

const spec = (n: number): Spec => ({shape: [n, 2], dtype: 'float32'});

test('equal specs have equal numbers, others do not', t => {
  const numbers = new SpecNumbers(10);
  const different: Spec[] = [
    {shape: [], dtype: 'float32'},
    {shape: [], dtype: 'int32'},
    {shape: [1], dtype: 'float32'},
    {shape: [1, 2], dtype: 'float32'},
    {shape: [12], dtype: 'float32'},
    {shape: [12], dtype: 'int32'},
  ];
  const first = different.map(s => numbers.of(s));
  t.is(new Set(first).size, different.length);
  t.deepEqual(
    different.map(s => numbers.of({...s, shape: [...s.shape]})),
    first,
  );
});

test('the table stays bounded, and no number is used for two specs', t => {
  const numbers = new SpecNumbers(100);
  const owner = new Map<number, number>();
  for (let i = 0; i < 1000; i++) {
    // Each spec comes back later, after the table may have been cleared.
    for (const n of [i, Math.floor(i / 3)]) {
      const number = numbers.of(spec(n));
      t.is(owner.get(number) ?? n, n);
      owner.set(number, n);
      t.true(numbers.size <= 100);
    }
  }
  t.is(numbers.of(spec(7)), numbers.of(spec(7)));
});

test('a loop compiles no more than once again after the table was cleared', async t => {
  const backend = await useOnnx();
  const {specNumbers} = await import('../src/trace/spec.js');
  const turn = () =>
    tf.tidy(() => tf.tensor1d([1, 2, 3]).mul(2).add(1).dataSync()[2]);
  turn();
  const before = backend.stats().compilations;
  const {size} = specNumbers;
  let n = 1;
  do specNumbers.of({shape: [n++, 77], dtype: 'int32'});
  while (specNumbers.size > size);
  for (let i = 0; i < 5; i++) t.is(turn(), 7);
  t.true(backend.stats().compilations - before <= 1);
});
