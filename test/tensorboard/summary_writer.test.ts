import * as tf from '@tensorflow/tfjs';
import type {node} from '@tensorflow/tfjs-node';
import test from 'ava';
import {
  asSummaryWriter,
  type SummaryWriter,
} from '../../src/tensorboard/summary_writer.js';

/** tfjs-node's writer must be accepted as it is; the type check says so. */
export function accepted(
  writer: ReturnType<typeof node.summaryFileWriter>,
): SummaryWriter {
  return writer;
}

test('a writer of tensors alone is given tensors, which are disposed', t => {
  const calls: unknown[] = [];
  const writer = asSummaryWriter({
    scalar: (...args) => calls.push(args),
    histogram: (name, data, step, buckets) =>
      calls.push([name, [...(data as tf.Tensor).dataSync()], step, buckets]),
    flush: () => calls.push('flush'),
  });
  const tensor = tf.tensor1d([1, 2], 'int32');
  const equal = tf.fill([2, 2], 3);
  const tensors = tf.memory().numTensors;
  writer.histogram('a', [1, 2], 3, 4);
  writer.histogram('b', Float32Array.of(1, 2), 3);
  writer.histogram('c', tensor, 3);
  writer.histogram('equal', equal, 3);
  writer.histogram('not finite', [NaN, 1, Infinity, 2], 3);
  writer.scalar('d', 1, 2);
  writer.flush();
  t.is(tf.memory().numTensors, tensors);
  t.deepEqual(calls, [
    ['a', [1, 2], 3, 4],
    ['b', [1, 2], 3, undefined],
    ['c', [1, 2], 3, undefined],
    // tfjs-node throws where all values are equal.
    ['equal', [3, 3, 3, Math.fround(3 + 3e-6)], 3, undefined],
    ['not finite', [1, 2], 3, undefined],
    ['d', 1, 2],
    'flush',
  ]);
});

test('anything else is refused with a sentence', t => {
  for (const bad of [null, {}, {scalar() {}, histogram() {}}]) {
    t.throws(() => asSummaryWriter(bad as unknown as SummaryWriter), {
      message: /^A summary writer has the methods .* is missing; make one with/,
    });
  }
});
