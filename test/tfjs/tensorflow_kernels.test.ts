import * as tf from '@tensorflow/tfjs';
import test, {type ExecutionContext} from 'ava';
import {createRequire} from 'node:module';
import {findTfjsNode} from '../../src/tfjs_node/package.js';
import {quieten} from '../../src/tfjs_node/quiet.js';
import {installTensorflowKernels} from '../../src/tfjs/tensorflow_kernels.js';

// The convolution's correction is for TensorFlow without oneDNN.
process.env.TF_ENABLE_ONEDNN_OPTS = '0';

const GRADIENTS = ['Relu', 'FusedBatchNorm'] as const;
const before = {
  relu: tf.getGradient('Relu'),
  batchNorm: tf.getGradient('FusedBatchNorm'),
  cpuConv: tf.getKernel('Conv2DBackpropInput', 'cpu'),
};

// Without the backend, nothing may change.
installTensorflowKernels();
const untouched =
  tf.getGradient('Relu') === before.relu &&
  tf.getGradient('FusedBatchNorm') === before.batchNorm;

const ready = loadTfjsNode();
const originalConv = tf.getKernel('Conv2DBackpropInput', 'tensorflow');
installTensorflowKernels();
const correctedConv = tf.getKernel('Conv2DBackpropInput', 'tensorflow');

function loadTfjsNode(): boolean {
  const tfjsNode = findTfjsNode('@tensorflow/tfjs-node', process.cwd());
  if (!tfjsNode) return false;
  try {
    quieten(tfjsNode);
    createRequire(import.meta.url)(tfjsNode.directory);
    return true;
  } catch {
    return false;
  }
}

/** A test that needs tfjs-node, or a passing one that says why it does not run. */
function testOnTensorflow(title: string, body: (t: ExecutionContext) => void) {
  test.serial(title, t => {
    if (!ready) {
      t.log('skipped: tfjs-node is not set up (npm run setup:tensorflow)');
      t.pass();
      return;
    }
    tf.setBackend('tensorflow');
    const tensors = tf.memory().numTensors;
    tf.tidy(() => body(t));
    t.is(tf.memory().numTensors, tensors, 'tensors leaked');
  });
}

/** Largest difference, relative to the largest value. */
function difference(actual: tf.Tensor, expected: tf.Tensor): number {
  const largest = expected.abs().max().dataSync()[0];
  const gap = actual.sub(expected).abs().max().dataSync()[0];
  return gap / Math.max(largest, 1e-30);
}

test.serial('without tfjs-node nothing changes', t => {
  t.true(untouched);
});

testOnTensorflow('installing twice does not wrap twice', t => {
  const gradients = GRADIENTS.map(name => tf.getGradient(name).gradFunc);
  installTensorflowKernels();
  t.deepEqual(
    GRADIENTS.map(name => tf.getGradient(name).gradFunc),
    gradients,
  );
  t.is(tf.getKernel('Conv2DBackpropInput', 'tensorflow'), correctedConv);
});

testOnTensorflow('the gradient of relu is that of the original', t => {
  for (const shape of [[], [1], [7], [3, 5], [2, 9, 7, 3], [50, 8, 8, 16]]) {
    const x = tf.randomNormal(shape, 0, 1, 'float32', 1);
    // Zeros, where the slope jumps, and a number that rounds to zero in float32.
    const corners = tf.mul(x, tf.cast(tf.greater(x, -0.3), 'float32'));
    const dy = tf.randomNormal(shape, 0, 1, 'float32', 2);
    for (const input of [x, corners, tf.mul(x, 1e-30)]) {
      const original = before.relu.gradFunc(dy, [input], {}).x();
      const corrected = tf.getGradient('Relu').gradFunc(dy, [input], {}).x();
      t.deepEqual(corrected.shape, original.shape);
      t.is(difference(corrected, original), 0);
    }
  }
});

testOnTensorflow('relu can be differentiated twice', t => {
  // d/dx of (3 relu(x)²)' = 6 relu(x): 6 where x > 0.
  const f = (x: tf.Tensor) => tf.relu(x).square().mul(3).sum();
  const second = tf.grad(x => tf.grad(f)(x).sum());
  const x = tf.tensor1d([-2, 0.5, 4]);
  t.deepEqual([...second(x).dataSync()], [0, 6, 6]);
});

testOnTensorflow(
  'the gradients of batch normalization are those of the original',
  t => {
    for (const shape of [
      [1, 1, 6, 4],
      [3, 5, 7, 2],
      [8, 8, 8, 16],
      [2, 9, 4, 33],
    ] as [number, number, number, number][]) {
      const channels = [shape[3]];
      const x = tf.randomNormal(shape, 2, 3, 'float32', 1);
      const dy = tf.randomNormal(shape, 0, 1, 'float32', 2);
      const mean = tf.randomNormal(channels, 2, 1, 'float32', 3);
      const variance = tf.randomUniform(channels, 0, 4, 'float32', 4);
      const scale = tf.randomNormal(channels, 1, 1, 'float32', 5);
      for (const scales of [[scale], []]) {
        const saved = [x, mean, variance, ...scales];
        const attributes = {varianceEpsilon: 1e-3};
        const original = before.batchNorm.gradFunc(dy, saved, attributes);
        const corrected = tf
          .getGradient('FusedBatchNorm')
          .gradFunc(dy, saved, attributes);
        t.deepEqual(Object.keys(corrected), Object.keys(original));
        for (const [name, gradient] of Object.entries(corrected)) {
          const expected = original[name]();
          const actual = gradient();
          t.deepEqual(actual.shape, expected.shape, name);
          t.true(difference(actual, expected) < 2e-5, `${name} of ${shape}`);
        }
      }
    }
  },
);

testOnTensorflow(
  'batch normalization by statistics of the whole shape keeps its gradient',
  t => {
    const shape: [number, number, number, number] = [2, 3, 3, 2];
    const x = tf.randomNormal(shape) as tf.Tensor4D;
    const [mean, variance] = [tf.zeros(shape), tf.ones(shape)];
    const gradient = tf.grad(x =>
      tf.batchNorm(x as tf.Tensor4D, mean, variance, mean, variance, 0).sum(),
    );
    t.true(difference(gradient(x), tf.onesLike(x)) < 1e-6);
  },
);

testOnTensorflow(
  'the gradient of a convolution is that of the original, whatever its shape',
  t => {
    t.not(correctedConv.kernelFunc, originalConv.kernelFunc);
    let seed = 0;
    const backend = tf.backend();
    for (const [height, width] of [
      [16, 16],
      [32, 32],
      [17, 31],
      [64, 8],
      [5, 3],
    ])
      for (const [kernelHeight, kernelWidth] of [
        [1, 1],
        [3, 3],
        [5, 5],
        [3, 1],
        [2, 2],
        [4, 3],
      ])
        for (const [channels, filters] of [
          [32, 8],
          [48, 40],
          [3, 16],
        ])
          for (const strides of [1, 2, [1, 2]])
            for (const pad of ['same', 'valid'] as const) {
              if (kernelHeight > height || kernelWidth > width) continue;
              tf.tidy(() => {
                const inputShape = [2, height, width, channels];
                const filterShape = [
                  kernelHeight,
                  kernelWidth,
                  channels,
                  filters,
                ];
                const filter = tf.randomNormal(
                  filterShape,
                  0,
                  1,
                  'float32',
                  ++seed,
                );
                const {outShape} = tf.backend_util.computeConv2DInfo(
                  inputShape as never,
                  filterShape as never,
                  strides as never,
                  1,
                  pad,
                );
                const dy = tf.randomNormal(outShape, 0, 1, 'float32', ++seed);
                const params = {
                  inputs: {dy, filter},
                  backend,
                  attrs: {strides, pad, dataFormat: 'NHWC', inputShape},
                } as unknown as Parameters<typeof originalConv.kernelFunc>[0];
                const expected = originalConv.kernelFunc(params) as tf.Tensor;
                const actual = correctedConv.kernelFunc(params) as tf.Tensor;
                const name = JSON.stringify([
                  inputShape,
                  filterShape,
                  strides,
                  pad,
                ]);
                t.deepEqual(actual.shape, expected.shape, name);
                t.true(difference(actual, expected) < 1e-5, name);
              });
            }
  },
);

testOnTensorflow('the corrected convolution is used where it is meant', t => {
  const x = tf.randomNormal([2, 32, 32, 16], 0, 1, 'float32', 1) as tf.Tensor4D;
  const filter = tf.randomNormal([3, 3, 16, 8]) as tf.Tensor4D;
  const gradient = tf.grad(x =>
    tf.conv2d(x as tf.Tensor4D, filter, 1, 'same').sum(),
  );
  const {backend, calls} = countingOps();
  gradient(x);
  backend.restore();
  t.is(calls.get('Conv2DBackpropInput'), undefined);
  t.is(calls.get('Conv2D'), 2);
});

/** Counts TensorFlow's own ops until `restore`. */
function countingOps() {
  const backend = tf.backend() as unknown as {
    binding: {executeOp(...args: unknown[]): unknown};
  };
  const {binding} = backend;
  const calls = new Map<string, number>();
  backend.binding = new Proxy(Object.create(binding), {
    get: (_target, key) =>
      key !== 'executeOp'
        ? binding[key as 'executeOp']
        : (op: string, ...rest: unknown[]) => {
            calls.set(op, (calls.get(op) ?? 0) + 1);
            return binding.executeOp(op, ...rest);
          },
  });
  return {calls, backend: {restore: () => (backend.binding = binding)}};
}

testOnTensorflow('a gradient through a small net makes no needless pass', t => {
  const x = tf.randomNormal([4, 8, 8, 8]) as tf.Tensor4D;
  const filter = tf.randomNormal([3, 3, 8, 8]) as tf.Tensor4D;
  const mean = tf.zeros([8]) as tf.Tensor1D;
  const ones = tf.ones([8]) as tf.Tensor1D;
  const gradient = tf.grad(x =>
    tf
      .relu(
        tf.batchNorm(
          tf.conv2d(x as tf.Tensor4D, filter, 1, 'same'),
          mean,
          ones,
          mean,
          ones,
        ),
      )
      .sum(),
  );
  const {backend, calls} = countingOps();
  gradient(x);
  backend.restore();
  t.is(calls.get('ReluGrad'), 1);
  for (const op of ['Select', 'IsNan', 'Greater', 'Tile', 'Sub']) {
    t.is(calls.get(op), undefined, op);
  }
});

testOnTensorflow('other backends keep their kernels and gradients', t => {
  t.is(tf.getKernel('Conv2DBackpropInput', 'cpu'), before.cpuConv);
  t.falsy(tf.getKernel('ReluGrad', 'cpu'));
  tf.setBackend('cpu');
  const x = tf.tensor4d([-1, 2, NaN, 0], [1, 2, 2, 1]);
  const dy = tf.tensor4d([1, 2, 3, 4], [1, 2, 2, 1]);
  // The original passes NaN on, ours does not: it tells which one was used.
  const {x: relu} = tf.getGradient('Relu').gradFunc(dy, [x], {});
  t.deepEqual([...relu().dataSync()], [0, 2, NaN, 0]);
  const saved = [x, tf.tensor1d([0.5]), tf.tensor1d([2]), tf.tensor1d([3])];
  const attributes = {varianceEpsilon: 1e-3};
  const original = before.batchNorm.gradFunc(dy, saved, attributes);
  const now = tf.getGradient('FusedBatchNorm').gradFunc(dy, saved, attributes);
  for (const name of Object.keys(original)) {
    t.deepEqual(now[name]().dataSync(), original[name]().dataSync(), name);
  }
  tf.setBackend('tensorflow');
});
