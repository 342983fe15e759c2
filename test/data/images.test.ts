import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {ImageSet} from '../../src/data/images.js';
import {cifar10Strip} from '../helpers/strip.js';

const set = () =>
  new ImageSet(
    Uint8Array.from({length: 3 * 2 * 2 * 1}, (_, i) => i * 20),
    Uint8Array.of(1, 0, 2),
    [2, 2, 1],
    ['a', 'b', 'c'],
  );

test('images are bytes / 255 in float32', t => {
  const before = tf.memory().numTensors;
  const images = set().tensor(1, 3);
  t.deepEqual(images.shape, [2, 2, 2, 1]);
  t.is(images.dtype, 'float32');
  t.deepEqual(
    images.dataSync(),
    Float32Array.from([80, 100, 120, 140, 160, 180, 200, 220], v => v / 255),
  );
  images.dispose();
  t.is(tf.memory().numTensors, before);
});

test('labels are class indices or one-hot', t => {
  const labels = set().labelTensor();
  t.is(labels.dtype, 'int32');
  t.deepEqual([...labels.dataSync()], [1, 0, 2]);
  const hot = set().oneHot(1);
  t.is(hot.dtype, 'float32');
  t.deepEqual(hot.arraySync(), [
    [1, 0, 0],
    [0, 0, 1],
  ]);
});

test('a slice shares memory and counts from its beginning', t => {
  const whole = set();
  const part = whole.slice(1);
  t.is(part.size, 2);
  t.is(part.images.buffer, whole.images.buffer);
  t.deepEqual(part.tensor(0, 1).dataSync(), whole.tensor(1, 2).dataSync());
});

test('ranges and contents that do not fit are refused', t => {
  t.throws(() => set().tensor(0, 4), {message: /0 to 4 .* there are 3/});
  t.throws(() => set().slice(2, 1), {message: /2 to 1/});
  t.throws(() => set().oneHot(0.5), {message: /0\.5/});
  t.throws(
    () => new ImageSet(new Uint8Array(5), Uint8Array.of(0), [2, 2, 1], ['a']),
    {message: /4 bytes, but 5/},
  );
  t.throws(
    () => new ImageSet(new Uint8Array(4), Uint8Array.of(1), [2, 2, 1], ['a']),
    {message: /Label 1 names none/},
  );
});

test('the repository’s strip is what its checksum says', t => {
  const strip = cifar10Strip();
  t.is(strip.size, 100);
  t.deepEqual(
    [...strip.labels.subarray(0, 10)],
    [3, 8, 8, 0, 6, 6, 1, 6, 3, 1],
  );
  // The first pixel of the first test image, as every copy has it.
  t.deepEqual([...strip.images.subarray(0, 3)], [158, 112, 49]);
});
