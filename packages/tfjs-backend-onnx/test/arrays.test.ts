import test from 'ava';
import * as tf from '@tensorflow/tfjs';
import {useOnnx} from '../src/index.js';
import {printed} from './helpers/printed.js';
import {executionProvider, on, same, withGradients} from './helpers/both.js';

const random = (shape: number[], seed = 1) =>
  tf.randomUniform(shape, -1, 1, 'float32', seed);

type Op = (x: tf.Tensor) => tf.Tensor;

/** Parts that have been transposed in two ways, and one that has not. */
const layouts: Op = x =>
  tf.concat(
    [
      x.transpose([2, 1, 0, 3]).relu(),
      random([4, 3, 2, 5], 2),
      x.reshape([4, 5, 3, 2]).transpose([0, 2, 3, 1]),
    ],
    2,
  );

/** Ops of one tensor of shape [2, 3, 4, 5]. */
const table: Record<string, Op> = {
  reshape: x => x.reshape([6, -1]),
  expandDims: x => x.expandDims(1),
  squeeze: x => x.slice([0, 1], [2, 1]).squeeze([1]),
  transpose: x => x.transpose([3, 1, 0, 2]),
  'transpose twice': x =>
    x.transpose([0, 3, 1, 2]).relu().transpose([0, 2, 3, 1]),
  'reshape after transpose': x => x.transpose([0, 3, 1, 2]).reshape([2, 60]),
  slice: x => x.slice([1, 0, 2], [1, 2, -1]),
  pad: x =>
    tf.pad(
      x,
      [
        [0, 1],
        [2, 0],
        [0, 0],
        [1, 1],
      ],
      0.5,
    ),
  reverse: x => tf.reverse(x, [0, -1]),
  tile: x => tf.tile(x, [1, 2, 1, 3]),
  concat: x => tf.concat([x, x.mul(2), x], 1),
  'concat of other layouts': x => layouts(x),
  stack: x => tf.stack([x, x.mul(2)], 1),
  unstack: x => tf.unstack(x, 2)[1],
  split: x => tf.split(x, [1, 3, 1], 3)[1],
  'sum of all': x => x.sum(),
  'sum, axis': x => x.sum([1, 3]),
  'sum, kept': x => x.sum(-1, true),
  mean: x => x.mean([0, 1, 2]),
  max: x => x.max(2),
  min: x => x.min([0, 3]),
  prod: x => x.prod(1),
  moments: x => tf.moments(x, [0, 1, 2]).variance,
  gather: x => tf.gather(x, tf.tensor1d([1, 0, 1, 2], 'int32'), 1),
  cumsum: x => tf.cumsum(x, 3),
  'cumsum, exclusive, reverse': x => tf.cumsum(x, 3, true, true),
  spaceToBatch: x =>
    tf.spaceToBatchND(
      x,
      [3, 2],
      [
        [0, 0],
        [1, 1],
      ],
    ),
  batchToSpace: x =>
    tf.batchToSpaceND(
      x,
      [2, 1],
      [
        [1, 0],
        [0, 1],
      ],
    ),
  broadcastTo: x => tf.broadcastTo(x.slice([0], [1]), [3, 3, 4, 5]),
  norm: x => tf.norm(x, 2, 1),
};

// Before the table: what cannot be compiled is said once, and then runs on cpu.
test.serial('other layouts are concatenated in one graph', async t => {
  await useOnnx({executionProvider});
  const warned = printed('warn', () =>
    tf.tidy(() => void layouts(random([2, 3, 4, 5])).dataSync()),
  );
  t.deepEqual(warned, []);
});

for (const [name, f] of Object.entries(table)) {
  test.serial(`${name}: values and gradient`, async t => {
    await same(t, () => withGradients(f, [random([2, 3, 4, 5])]));
  });
}

test.serial('ops without a gradient', async t => {
  await same(t, () => {
    const x = random([3, 4, 5]);
    const flags = tf.greater(x, 0);
    return [
      tf.argMax(x, 1),
      tf.argMin(x, -1),
      tf.all(flags, 0),
      tf.any(flags, [1, 2]),
      flags.sum(),
      tf.stridedSlice(x, [0, 3, 1], [3, 0, 5], [2, -1, 2]),
      tf.topk(x, 2).values,
      tf.topk(x, 2).indices,
      tf.gatherND(
        x,
        tf.tensor2d(
          [
            [0, 1],
            [2, 3],
          ],
          [2, 2],
          'int32',
        ),
      ),
      tf.scatterND(
        tf.tensor2d([[1], [3], [1]], [3, 1], 'int32'),
        tf.tensor1d([1, 2, 4]),
        [5],
      ),
      tf.oneHot(tf.tensor1d([0, 3, -1, 9], 'int32'), 4),
      tf.oneHot(tf.tensor1d([0, 1], 'int32'), 2, 5, -5),
      tf.mirrorPad(
        x,
        [
          [1, 1],
          [0, 2],
          [0, 0],
        ],
        'reflect',
      ),
      tf.mirrorPad(
        x,
        [
          [1, 1],
          [0, 2],
          [3, 0],
        ],
        'symmetric',
      ),
      tf.depthToSpace(random([1, 2, 3, 8]) as tf.Tensor4D, 2),
      tf.range(5, 0, -2),
      tf.linspace(0, 1, 4),
      tf.fill([2, 2], 3.5),
      tf.zerosLike(x),
      tf.onesLike(flags),
      tf.eye(3),
    ];
  });
});

test.serial('unsortedSegmentSum drops ids out of range', async t => {
  await same(t, () =>
    tf.unsortedSegmentSum(
      random([5, 3]),
      tf.tensor1d([0, 2, -1, 2, 7], 'int32'),
      3,
    ),
  );
});

test.serial(
  'the gradient of a gather with many equal indices is a sum',
  async t => {
    const indices = () =>
      tf.randomUniform([20_000], 0, 8, 'int32', 3).toInt() as tf.Tensor1D;
    await same(
      t,
      () => withGradients(x => tf.gather(x, indices()), [random([8, 3])]),
      1e-4,
    );
  },
);

test.serial('matrix products', async t => {
  for (const [a, b] of [
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ]) {
    await same(t, () =>
      withGradients(
        (x, y) => tf.matMul(x, y, a, b),
        [random(a ? [4, 3] : [3, 4], 1), random(b ? [5, 4] : [4, 5], 2)],
      ),
    );
  }
  await same(t, () =>
    withGradients(
      (x, y) => tf.matMul(x, y),
      [random([2, 3, 4]), random([2, 4, 5], 2)],
    ),
  );
  await same(t, () => tf.matMul(random([1, 3, 4]), random([2, 4, 5], 2)));
  await same(t, () =>
    tf.fused.matMul({
      a: random([3, 4]) as tf.Tensor2D,
      b: random([4, 2]) as tf.Tensor2D,
      bias: random([2]),
      activation: 'relu',
    }),
  );
});

test.serial('empty tensors, strings and complex numbers', async t => {
  await same(t, () => {
    const none = tf.zeros([0, 3]);
    const z = tf.complex([1, 2], [3, 4]);
    return [
      none,
      none.sum(),
      none.add(1),
      tf.concat([none, tf.ones([2, 3])]),
      tf.matMul(tf.zeros([2, 0]), tf.zeros([0, 3])),
      tf.real(z.mul(z)),
      tf.imag(tf.spectral.fft(z)),
      tf.real(tf.spectral.rfft(tf.tensor1d([1, 2, 3, 4]))),
    ];
  });
  const [words] = await on('onnx', () =>
    tf.tensor1d(['a', 'b']).concat(tf.tensor1d(['c'])),
  );
  t.deepEqual(words.values as unknown, ['a', 'b', 'c']);
});

test.serial('kernels that only the cpu backend has', async t => {
  await same(t, () => [
    tf.cumprod(tf.tensor1d([1, 2, 3])),
    tf.einsum('ij,jk->ik', random([2, 3]), random([3, 4])),
    tf.localResponseNormalization(random([1, 2, 2, 4]) as tf.Tensor4D),
    tf.conv3d(
      random([1, 3, 3, 3, 1]) as tf.Tensor5D,
      random([2, 2, 2, 1, 1]) as tf.Tensor5D,
      1,
      'valid',
    ),
    tf.image.flipLeftRight(random([1, 2, 3, 1]) as tf.Tensor4D),
  ]);
});
