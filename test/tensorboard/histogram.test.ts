import test from 'ava';
import fc from 'fast-check';
import {histogramBuckets} from '../../src/tensorboard/histogram.js';

test('values are counted in equal buckets, the largest in the last', t => {
  t.deepEqual(histogramBuckets([0, 1, 2, 3, 4, 4, 1.5], 4), [
    [0, 1, 1],
    [1, 2, 2],
    [2, 3, 1],
    [3, 4, 3],
  ]);
});

test('no value, one distinct value, and values that are no number', t => {
  t.deepEqual(histogramBuckets([], 2), [
    [0, 0, 0],
    [0, 0, 0],
  ]);
  t.deepEqual(histogramBuckets([5, 5, 5], 2), [
    [5, 5, 0],
    [5, 5, 3],
  ]);
  t.deepEqual(histogramBuckets([NaN, 0, -Infinity, 2, Infinity], 2), [
    [0, 1, 1],
    [1, 2, 1],
  ]);
});

test('every finite value is counted once, in a bucket that touches the next', t => {
  fc.assert(
    fc.property(
      fc.float32Array({minLength: 1, noNaN: true, noDefaultInfinity: true}),
      fc.integer({min: 1, max: 40}),
      (values, count) => {
        values = values.map(x => x + 0); // no -0, which is 0 all the same
        const buckets = histogramBuckets(values, count);
        t.is(buckets.length, count);
        t.is(
          buckets.reduce((sum, [, , n]) => sum + n, 0),
          values.length,
        );
        t.is(buckets[0][0], Math.min(...values));
        t.is(buckets[count - 1][1], Math.max(...values));
        for (let i = 1; i < count; i++) t.true(buckets[i][0] <= buckets[i][1]);
      },
    ),
  );
});
