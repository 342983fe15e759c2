import test from 'ava';
import * as tf from '@tensorflow/tfjs';
import {define} from '../src/kernels/registry.js';
import {OnnxBackend, useOnnx} from '../src/index.js';
import {printed} from './helpers/printed.js';

const backend = await useOnnx();
const works = () =>
  tf.tidy(() => tf.tensor1d([1, 2]).add(1).dataSync()[1] === 3);

test.serial('shapes that do not fit name the op', t => {
  t.throws(
    () =>
      tf
        .engine()
        .runKernel(
          'BatchMatMul',
          {a: tf.ones([1, 2, 3]), b: tf.ones([1, 4, 5])},
          {transposeA: false, transposeB: false},
        ),
    {
      message:
        /BatchMatMul\(a: float32\[1,2,3\], b: float32\[1,4,5\]\).*3 and 4/,
    },
  );
  t.true(works());
});

test.serial(
  'an error that only shows in the run names the op and its shapes',
  t => {
    const x = tf.tensor1d([1, 2, 3]);
    const y = tf.gather(
      x,
      tf.tensor1d([0, 3], 'int32').mul(tf.scalar(3, 'int32')),
    );
    t.throws(() => y.dataSync(), {
      message: /GatherV2\(x: float32\[3\], indices: int32\[2\]\)/,
    });
    // It stays an error, for what is made of it too.
    t.throws(() => y.dataSync(), {message: /GatherV2/});
    t.throws(() => y.add(1).dataSync(), {message: /GatherV2/});
    t.true(works());
  },
);

test.serial('out of memory', t => {
  const before = tf.memory().numTensors;
  const x = tf.ones([1 << 20, 1]);
  // Four terabytes.
  const y = tf.matMul(x, x, false, true);
  const z = tf.tidy(() => y.mul(2));
  // In the same graph, but it needs none of that.
  const w = tf.tidy(() => x.sum().add(1));
  const message =
    /BatchMatMul\(a: float32\[1048576,1\], b: float32\[1048576,1\]\).* memory/s;
  t.throws(() => y.dataSync(), {message});
  t.throws(() => z.dataSync(), {message});
  t.deepEqual([...w.dataSync()], [(1 << 20) + 1]);
  tf.dispose([x, y, z, w]);
  t.is(tf.memory().numTensors, before);
  t.true(works());
});

/** Calls that ONNX Runtime refuses, some when compiling, some when running. */
const misfits: [string, tf.TensorInfo[], object, RegExp][] = [
  [
    'BroadcastTo',
    [tf.ones([2, 3])],
    {shape: [2, 4]},
    /BroadcastTo\(x: float32\[2,3\]\)/,
  ],
  ['Tile', [tf.ones([2, 3])], {reps: [2]}, /Tile\(x: float32\[2,3\]\)/],
  ['TopK', [tf.ones([3])], {k: 5, sorted: true}, /TopK\(x: float32\[3\]\)/],
  [
    'UnsortedSegmentSum',
    [tf.ones([4, 2]), tf.ones([3], 'int32')],
    {numSegments: 3},
    /UnsortedSegmentSum\(x: float32\[4,2\], segmentIds: int32\[3\]\)/,
  ],
  [
    'Conv2D',
    [tf.ones([1, 4, 4, 3]), tf.ones([3, 3, 2, 4])],
    {strides: 1, pad: 'same', dataFormat: 'NHWC', dilations: 1},
    /Conv2D\(x: float32\[1,4,4,3\], filter: float32\[3,3,2,4\]\): a filter for 2 channels does not fit an input of 3/,
  ],
];

const names: Record<string, string[]> = {
  UnsortedSegmentSum: ['x', 'segmentIds'],
  Conv2D: ['x', 'filter'],
};

for (const [kernel, infos, attrs, message] of misfits) {
  test.serial(`shapes that ONNX Runtime refuses: ${kernel}`, t => {
    const keys = names[kernel] ?? ['x'];
    const inputs = Object.fromEntries(keys.map((name, i) => [name, infos[i]]));
    t.throws(
      () => {
        const results = tf
          .engine()
          .runKernel(kernel, inputs as never, attrs as never);
        for (const y of [results].flat() as tf.Tensor[]) y.dataSync();
      },
      {message},
    );
    t.true(works());
  });
}

test.serial('a session that does not compile', t => {
  tf.registerKernel({
    kernelName: 'NoSuchKernel',
    backendName: 'onnx',
    kernelFunc: ({inputs, backend: b}) =>
      (b as OnnxBackend).runKernel('NoSuchKernel', inputs),
  });
  define('NoSuchKernel', (g, {x}) =>
    g.node('NoSuchOperator', [x], x.shape, x.dtype),
  );
  const x = tf.tensor1d([1, 2, 3]);
  const other = x.mul(2);
  const y: tf.Tensor = tf.engine().runKernel('NoSuchKernel', {x});
  const z = y.add(1);
  const message = /NoSuchKernel\(x: float32\[3\]\) failed.*NoSuchOperator/s;
  t.throws(() => y.dataSync(), {message});
  t.throws(() => z.dataSync(), {message});
  t.deepEqual([...other.dataSync()], [2, 4, 6]);
  t.true(works());
});

test.serial('a session that does not compile, where tfjs has a kernel', t => {
  const warned = printed('warn', () => {
    // ONNX's convolutions know no whole numbers.
    const y: tf.Tensor = tf.engine().runKernel(
      'Conv2D',
      {
        x: tf.ones([1, 1, 1, 2], 'int32'),
        filter: tf.ones([1, 1, 2, 1], 'int32'),
      },
      {strides: 1, pad: 'same', dataFormat: 'NHWC', dilations: 1},
    );
    t.deepEqual([...y.dataSync()], [2]);
  });
  t.regex(
    warned.join(),
    /Conv2D\(x: int32\[1,1,1,2\], filter: int32\[1,1,2,1\]\) failed.*cpu/s,
  );
  t.true(works());
});

test.serial('options are checked', async t => {
  await t.throwsAsync(useOnnx({threads: -1}), {
    message: /threads must be an integer of at least 0, but it is -1/,
  });
  await t.throwsAsync(useOnnx({cacheSize: 0}), {message: /cacheSize/});
  await t.throwsAsync(useOnnx({memoryLimit: 0}), {message: /memoryLimit/});
  await t.throwsAsync(useOnnx({executionProvider: 'abacus'}), {
    message: /no execution provider 'abacus'; it has cpu/,
  });
  await t.throwsAsync(useOnnx({thread: 1} as never), {
    message:
      /unknown option 'thread'; the options are executionProvider, threads/,
  });
  t.true(works());
});

test.serial('CUDA where it is not says what it needs', async t => {
  const error = await useOnnx({executionProvider: 'cuda'}).catch(e => e);
  if (!(error instanceof Error)) {
    t.log('skipped: CUDA is there');
    await useOnnx({executionProvider: 'cpu'});
    t.pass();
    return;
  }
  t.regex(
    error.message,
    /no execution provider 'cuda'; it has|provider 'cuda' does not start here \(it needs .*CUDA 12/,
  );
  t.true(works());
});

test.serial('the cache is bounded', async t => {
  await useOnnx({cacheSize: 3});
  for (let n = 1; n < 9; n++) tf.tidy(() => tf.ones([n]).exp().dataSync());
  t.is(backend.stats().cachedSessions, 3);
  await useOnnx({cacheSize: 64});
});

test.serial('it is one backend however often it is asked for', async t => {
  t.is(await useOnnx(), backend);
  t.true(backend instanceof OnnxBackend);
});
