import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {missingBackend, skipped} from '../helpers/backends.js';
import {loadBackend} from '../../src/tfjs_node/load_backend.js';

// docs/limits.md says which gradients of tfjs are wrong, or do not exist, on which
// backend. With a tfjs that mends one of them, the page has to change.

type Shape = [number, number, number, number];
type Op = (x: tf.Tensor4D) => tf.Tensor;
type Found = 'right' | 'wrong' | 'an error';

interface Claim {
  op: Op;
  shape?: Shape;
  cpu: Found;
  wasm: Found;
  onnx: Found;
}

const everywhere = (found: Found) => ({cpu: found, wasm: found, onnx: found});
const layer =
  (make: () => tf.layers.Layer): Op =>
  x =>
    make().apply(x) as tf.Tensor;

const filter = (shape: Shape) =>
  tf.reshape<tf.Rank.R4>(
    tf.linspace(-1, 1, tf.util.sizeFromShape(shape)),
    shape,
  );

/** Normalization over an axis, each of whose entries has statistics of its own. */
const batchNorm =
  (axis: number): Op =>
  x => {
    const norm = tf.layers.batchNormalization({axis});
    norm.build(x.shape);
    const n = x.shape[axis];
    norm.setWeights([
      tf.linspace(0.5, 1.5, n),
      tf.linspace(0, 1, n),
      tf.linspace(0, 1, n),
      tf.linspace(0.5, 2, n),
    ]);
    return norm.apply(x) as tf.Tensor;
  };

const claims: Record<string, Claim> = {
  'average pooling, same': {
    op: x => tf.avgPool(x, 3, 2, 'same'),
    cpu: 'wrong',
    wasm: 'wrong',
    onnx: 'right',
  },
  'average pooling, same, without overlap': {
    op: x => tf.avgPool(x, 2, 2, 'same'),
    ...everywhere('right'),
  },
  mirrorPad: {
    op: x =>
      tf.mirrorPad(
        x,
        [
          [0, 0],
          [1, 1],
          [1, 1],
          [0, 0],
        ],
        'reflect',
      ),
    ...everywhere('wrong'),
  },
  'bilinear, half-pixel centers': {
    op: x => tf.image.resizeBilinear(x, [9, 9], false, true),
    cpu: 'wrong',
    wasm: 'wrong',
    onnx: 'right',
  },
  'nearest, half-pixel centers': {
    op: x => tf.image.resizeNearestNeighbor(x, [9, 9], false, true),
    cpu: 'wrong',
    wasm: 'wrong',
    onnx: 'right',
  },
  'nearest upsampling': {
    op: layer(() => tf.layers.upSampling2d({size: [2, 2]})),
    cpu: 'wrong',
    wasm: 'right',
    onnx: 'right',
  },
  'nearest upsampling of one image': {
    op: layer(() => tf.layers.upSampling2d({size: [2, 2]})),
    shape: [1, 6, 6, 2],
    ...everywhere('right'),
  },
  'batch normalization, axis 1': {
    op: batchNorm(1),
    cpu: 'wrong',
    wasm: 'wrong',
    onnx: 'right',
  },
  'batch normalization, last axis': {op: batchNorm(3), ...everywhere('right')},
  'dilated convolution': {
    op: x => tf.conv2d(x, filter([3, 3, 2, 2]), 1, 'same', 'NHWC', 2),
    ...everywhere('an error'),
  },
  'dilated depthwise convolution': {
    op: x => tf.depthwiseConv2d(x, filter([3, 3, 2, 1]), 1, 'same', 'NHWC', 2),
    ...everywhere('an error'),
  },
  'depthwise convolution': {
    op: x => tf.depthwiseConv2d(x, filter([3, 3, 2, 1]), 1, 'same'),
    cpu: 'right',
    wasm: 'an error',
    onnx: 'right',
  },
  'thresholded ReLU': {
    op: layer(() => tf.layers.thresholdedReLU({theta: 0.505})),
    ...everywhere('an error'),
  },
  'strided slice': {
    op: x => tf.stridedSlice(x, [0, 0, 0, 0], [2, 6, 6, 2], [1, 2, 2, 1]),
    ...everywhere('an error'),
  },
  'cumsum along axis 1': {
    op: x => tf.cumsum(x, 1),
    ...everywhere('an error'),
  },
  'bilinear upsampling of non-square images': {
    op: x => tf.image.resizeBilinear(x, [12, 8]),
    shape: [2, 6, 4, 2],
    cpu: 'an error',
    wasm: 'right',
    onnx: 'right',
  },
};

/** Compares with central differences; all ops here are linear in x near it. */
function judge({op, shape = [2, 6, 6, 2]}: Claim): Found {
  return tf.tidy(() => {
    const n = tf.util.sizeFromShape(shape);
    // Values far apart, in no order.
    const values = Float32Array.from({length: n}, (_, i) => ((i * 37) % n) / n);
    const x = tf.tensor4d(values, shape);
    const weights = tf.cos(tf.range(0, op(x).size)).reshape(op(x).shape);
    const sum = (x: tf.Tensor) =>
      tf.sum(tf.mul(op(x as tf.Tensor4D), weights)) as tf.Tensor;
    let gradient: ArrayLike<number>;
    try {
      gradient = tf.grad(sum)(x).dataSync();
    } catch {
      return 'an error';
    }
    const step = 0.1 / n;
    for (let i = 0; i < n; i += 5) {
      const at = (change: number) => {
        const moved = values.slice();
        moved[i] += change;
        return sum(tf.tensor4d(moved, shape)).dataSync()[0];
      };
      const slope = (at(step) - at(-step)) / (2 * step);
      if (Math.abs(slope - gradient[i]) > 0.05) return 'wrong';
    }
    return 'right';
  });
}

const BACKENDS = ['cpu', 'wasm', 'onnx'] as const;
const missing = new Map<string, string | null>();
for (const backend of BACKENDS) {
  missing.set(backend, await missingBackend(backend));
}

for (const backend of BACKENDS) {
  const why = missing.get(backend);
  if (why) {
    skipped(test, `gradients on ${backend}`, why);
    continue;
  }
  for (const [name, claim] of Object.entries(claims)) {
    test.serial(
      `${backend}: the gradient of ${name} is ${claim[backend]}`,
      async t => {
        await loadBackend(backend);
        t.is(judge(claim), claim[backend]);
      },
    );
  }
}
