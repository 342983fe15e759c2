import test from 'ava';
import * as tf from '@tensorflow/tfjs';
import {OnnxBackend, useOnnx} from '../../../src/onnx.js';

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
  const x = tf.ones([1 << 20, 1]);
  // Four terabytes.
  const y = tf.matMul(x, x, false, true);
  t.throws(() => y.dataSync(), {
    message: /BatchMatMul\(a: float32\[1048576,1\].* memory/s,
  });
  tf.dispose([x, y]);
  t.true(works());
});

test.serial('options are checked', async t => {
  await t.throwsAsync(useOnnx({threads: -1}), {
    message: /threads must be a whole number/,
  });
  await t.throwsAsync(useOnnx({cacheSize: 0}), {message: /cacheSize/});
  await t.throwsAsync(useOnnx({memoryLimit: 0}), {message: /memoryLimit/});
  await t.throwsAsync(useOnnx({executionProvider: 'abacus'}), {
    message: /no execution provider 'abacus'; it has cpu/,
  });
  await t.throwsAsync(useOnnx({thread: 1} as never), {
    message: /no option 'thread'/,
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
