import test from 'ava';
import * as tf from '@tensorflow/tfjs';
import {useOnnx} from '../src/index.js';
import {brief, same, withGradients} from './helpers/both.js';

type Pad = 'same' | 'valid' | number;
/** height, width, in, out, filter, stride, pad; channels of 16 are convolved in blocks. */
const table: [number, number, number, number, number, number, Pad][] = [
  [6, 5, 3, 4, 3, 1, 'same'],
  [6, 5, 3, 16, 3, 1, 'same'],
  [8, 8, 16, 32, 3, 1, 'same'],
  [8, 8, 16, 32, 3, 2, 'same'],
  [7, 9, 32, 16, 3, 2, 'same'],
  [8, 8, 16, 16, 3, 2, 'valid'],
  [7, 7, 16, 16, 5, 3, 2],
  [8, 8, 32, 16, 1, 1, 'same'],
  [8, 8, 16, 32, 1, 2, 'same'],
  [5, 5, 20, 16, 3, 1, 'valid'],
  [5, 5, 16, 10, 3, 1, 'valid'],
  [9, 9, 4, 3, 2, 2, 'same'],
  [6, 6, 16, 16, 2, 1, 'same'],
  [5, 6, 6, 4, 3, 1, 'same'],
  [5, 6, 4, 9, 3, 1, 'same'],
];
const random = (shape: number[], seed: number) =>
  tf.randomUniform(shape, -1, 1, 'float32', seed);

const small = table.filter(
  ([, , ci, co, , , pad]) => ci * co <= 60 || pad === 'valid',
);

for (const [h, w, ci, co, k, stride, pad] of brief ? small : table) {
  test.serial(
    `conv2d ${h}x${w}x${ci} → ${co}, ${k}x${k}, stride ${stride}, ${pad}`,
    async t => {
      const inputs = () => [
        random([3, h, w, ci], 1),
        random([k, k, ci, co], 2),
      ];
      const conv = (x: tf.Tensor, f: tf.Tensor) =>
        tf.conv2d(x as tf.Tensor4D, f as tf.Tensor4D, stride, pad);
      await same(t, () => withGradients(conv, inputs()));
    },
  );
}

test.serial('dilated and fused convolutions', async t => {
  const x = () => random([2, 8, 8, 16], 1) as tf.Tensor4D;
  const f = () => random([3, 3, 16, 16], 2) as tf.Tensor4D;
  await same(t, () => tf.conv2d(x(), f(), 1, 'same', 'NHWC', 2));
  const activations = ['relu', 'elu', 'relu6', 'sigmoid', 'linear'] as const;
  for (const activation of brief ? activations.slice(0, 1) : activations) {
    await same(t, () =>
      withGradients(
        (a, b, c) =>
          tf.fused.conv2d({
            x: a as tf.Tensor4D,
            filter: b as tf.Tensor4D,
            bias: c,
            strides: 1,
            pad: 'same',
            activation,
          }),
        [x(), f(), random([16], 3)],
      ).slice(
        0,
        activation === 'linear' || activation === 'relu' || activation === 'elu'
          ? 4
          : 1,
      ),
    ).catch(error => {
      // tfjs has no gradient for the others.
      t.regex(String(error), /Gradient|activation/);
    });
  }
});

test.serial('conv2d transposed, separable, one-dimensional', async t => {
  const x = () => random([2, 4, 4, 16], 1) as tf.Tensor4D;
  await same(t, () =>
    withGradients(
      (a, b) =>
        tf.conv2dTranspose(
          a as tf.Tensor4D,
          b as tf.Tensor4D,
          [2, 8, 8, 32],
          2,
          'same',
        ),
      [x(), random([3, 3, 32, 16], 2)],
    ),
  );
  await same(t, () =>
    tf.separableConv2d(
      x(),
      random([3, 3, 16, 2], 2) as tf.Tensor4D,
      random([1, 1, 32, 8], 3) as tf.Tensor4D,
      1,
      'same',
    ),
  );
  await same(t, () =>
    withGradients(
      (a, b) => tf.conv1d(a as tf.Tensor3D, b as tf.Tensor3D, 1, 'same'),
      [random([2, 9, 4], 1), random([3, 4, 6], 2)],
    ),
  );
});

for (const [channels, multiplier, stride, pad, dilation] of [
  [4, 1, 1, 'same', 1],
  [4, 2, 1, 'valid', 1],
  [4, 1, 2, 'same', 1],
  [32, 1, 1, 'same', 1],
  [32, 1, 1, 'valid', 1],
  [32, 1, 2, 'same', 1],
  [32, 1, 1, 2, 1],
  [32, 1, 1, 'same', 2],
  [16, 2, 1, 'same', 1],
] as const) {
  test.serial(
    `depthwise, ${channels} channels, multiplier ${multiplier}, stride ${stride}, ${pad}, dilation ${dilation}`,
    async t => {
      const inputs = () => [
        random([2, 7, 6, channels], 1),
        random([3, 3, channels, multiplier], 2),
      ];
      const conv = (x: tf.Tensor, f: tf.Tensor) =>
        tf.depthwiseConv2d(
          x as tf.Tensor4D,
          f as tf.Tensor4D,
          stride,
          pad,
          'NHWC',
          dilation,
        );
      // tfjs has no gradient for dilated ones.
      await same(t, () =>
        dilation > 1
          ? conv(...(inputs() as [tf.Tensor, tf.Tensor]))
          : withGradients(conv, inputs()),
      );
    },
  );
}

test.serial(
  'depthwise with batch normalization, bias, ReLU, shortcut',
  async t => {
    const x = () => random([2, 6, 6, 32], 1) as tf.Tensor4D;
    const filter = () => random([3, 3, 32, 1], 2) as tf.Tensor4D;
    const channels = (seed: number) => random([32], seed);
    const conv = () => tf.depthwiseConv2d(x(), filter(), 1, 'same');
    await same(t, () => [
      conv().mul(channels(3)).add(channels(4)).relu().add(x()),
      conv().add(channels(4)).mul(channels(3)).relu6(),
      conv().add(x()).mul(2).sub(channels(4)),
      tf.fused.depthwiseConv2d({
        x: x(),
        filter: filter(),
        strides: 1,
        pad: 'same',
        bias: channels(3),
        activation: 'relu6',
      }),
    ]);
  },
);

test.serial('padding in an operation of its own', async t => {
  const x = () => random([2, 6, 5, 16], 1).square() as tf.Tensor4D;
  const pads = (h: [number, number], w: [number, number], value = 0) =>
    tf.pad(x(), [[0, 0], h, w, [0, 0]], value) as tf.Tensor4D;
  const filter = (shape: number[]) => random(shape, 2) as tf.Tensor4D;
  const conv = (padded: tf.Tensor4D, pad: Pad) => [
    tf.conv2d(padded, filter([3, 3, 16, 32]), 1, pad),
    tf.depthwiseConv2d(padded, filter([3, 3, 16, 1]), 2, pad),
  ];
  await same(t, () => [
    ...conv(pads([0, 1], [0, 1]), 'valid'),
    ...conv(pads([1, 1], [2, 0]), 'valid'),
    ...conv(pads([1, 1], [1, 1]), 'same'),
    // Neither zeros nor less than a window.
    ...conv(pads([1, 1], [1, 1], 0.5), 'valid'),
    ...conv(pads([3, 4], [3, 3]), 'valid'),
    tf.conv2d(
      tf.pad(x(), [
        [1, 0],
        [1, 1],
        [0, 0],
        [0, 0],
      ]) as tf.Tensor4D,
      filter([3, 3, 16, 16]),
      1,
      'valid',
    ),
  ]);
});

for (const [size, stride, pad] of [
  [2, 2, 'valid'],
  [3, 2, 'same'],
  [3, 1, 'same'],
  [2, 3, 'valid'],
] as const) {
  test.serial(`pooling ${size}, stride ${stride}, ${pad}`, async t => {
    const x = () => random([2, 8, 7, 16], 1);
    await same(t, () =>
      withGradients(
        a => tf.maxPool(a as tf.Tensor4D, size, stride, pad),
        [x()],
      ),
    );
    if (pad === 'valid') {
      await same(t, () =>
        withGradients(
          a => tf.avgPool(a as tf.Tensor4D, size, stride, pad),
          [x()],
        ),
      );
    } else {
      // The cpu backend's gradient counts the padding.
      await same(t, () => tf.avgPool(x() as tf.Tensor4D, size, stride, pad));
    }
  });
}

test.serial(
  'depthwise convolutions of few channels, down a column',
  async t => {
    for (const [shape, kernel, stride] of [
      [[2, 6, 4, 8], [2, 1], 1],
      [[2, 6, 8, 4], [3, 1], 1],
      [[2, 6, 3, 8], [2, 1], 1],
      [
        [2, 6, 4, 8],
        [2, 1],
        [2, 1],
      ],
      [[2, 6, 4, 8], [1, 3], 1],
      [[2, 6, 4, 3], [2, 1], 1],
    ] as [number[], number[], number | [number, number]][]) {
      const channels = shape[3];
      for (const padding of ['same', 'valid'] as const) {
        await same(t, () => {
          const x = random(shape, 1) as tf.Tensor4D;
          const filter = random([...kernel, channels, 1], 2) as tf.Tensor4D;
          const rows = tf.pad4d(x, [
            [0, 0],
            [1, 1],
            [0, 0],
            [0, 0],
          ]);
          const columns = tf.pad4d(x, [
            [0, 0],
            [0, 0],
            [2, 2],
            [0, 0],
          ]);
          return [x, rows, columns, tf.exp(rows) as tf.Tensor4D].map(input =>
            tf.depthwiseConv2d(input, filter, stride, padding),
          );
        });
      }
    }
  },
);

test.serial('batch normalization of any rank', async t => {
  for (const [shape, c] of [
    [[4, 8, 8, 16], [16]],
    [[5, 3], [3]],
    [[4, 2, 3], [3]],
    [[2, 3, 4, 3], [3]],
    [
      [1, 2, 2, 3],
      [1, 2, 2, 3],
    ],
  ]) {
    await same(
      t,
      () =>
        withGradients(
          (x, mean, variance, offset, scale) =>
            tf.batchNorm(
              x,
              mean as tf.Tensor1D,
              variance as tf.Tensor1D,
              offset as tf.Tensor1D,
              scale as tf.Tensor1D,
              0.01,
            ),
          [
            random(shape, 1),
            random(c, 2),
            random(c, 3).square(),
            random(c, 4),
            random(c, 5),
          ],
        ),
      1e-4,
    );
  }
});

test.serial('second derivatives of batch normalization', async t => {
  await same(
    t,
    () => {
      const [x, scale] = [random([6, 3], 1), random([3], 2)];
      const normalized = (x: tf.Tensor, scale: tf.Tensor) => {
        const {mean, variance} = tf.moments(x, 0);
        return tf.batchNorm(
          x,
          mean as tf.Tensor1D,
          variance as tf.Tensor1D,
          tf.zeros([3]),
          scale as tf.Tensor1D,
        );
      };
      const first = tf.grad((x: tf.Tensor) =>
        tf.sum(tf.sin(normalized(x, scale))),
      );
      return tf.grad((x: tf.Tensor) => tf.sum(tf.square(first(x))))(x);
    },
    1e-3,
  );
});

test.serial(
  'of batch normalization only what is asked for is worked out',
  async t => {
    await useOnnx();
    const x = random([2, 4, 4, 3], 1);
    const channels = [2, 3, 4, 5].map(seed => random([3], seed).abs());
    const [mean, variance, offset, scale] = channels as tf.Tensor1D[];
    const gradient = tf.grad((x: tf.Tensor) =>
      tf.batchNorm(x, mean, variance, offset, scale),
    );
    const dy = tf.onesLike(x);
    const before = tf.memory().numTensors;
    const {kernelNames} = await tf.profile(() => gradient(x, dy));
    t.true(kernelNames.includes('InverseStddev'));
    t.false(kernelNames.includes('Sub'));
    t.is(tf.memory().numTensors, before + 1);
  },
);

test.serial('resizing', async t => {
  const x = () => random([1, 4, 4, 3], 1);
  for (const [align, half] of [
    [false, false],
    [true, false],
    [false, true],
  ]) {
    const sizes: [number, number][] = [
      [8, 10],
      [7, 3],
    ];
    for (const size of brief ? sizes.slice(1) : sizes) {
      await same(t, () => [
        tf.image.resizeBilinear(x() as tf.Tensor4D, size, align, half),
        tf.image.resizeNearestNeighbor(x() as tf.Tensor4D, size, align, half),
      ]);
      if (half) continue;
      await same(t, () =>
        withGradients(
          a => tf.image.resizeBilinear(a as tf.Tensor4D, size, align),
          [x()],
        ),
      );
      await same(t, () =>
        withGradients(
          a => tf.image.resizeNearestNeighbor(a as tf.Tensor4D, size, align),
          [x()],
        ),
      );
    }
  }
});
