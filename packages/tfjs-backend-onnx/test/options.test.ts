import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {useOnnx} from '../src/index.js';
import {printed} from './helpers/printed.js';

const backend = await useOnnx();
const roomy = 2 ** 30;
const program = (n: number) =>
  tf.tidy(() => tf.matMul(tf.ones([n, 64]), tf.ones([64, n])).dataSync()[0]);

test.afterEach.always(() =>
  useOnnx({
    threads: 0,
    cacheSize: 64,
    memoryLimit: roomy,
    profile: false,
  }),
);

/** How many graphs `f` compiles. */
function compiled(f: () => void): number {
  const before = backend.stats().compilations;
  f();
  return backend.stats().compilations - before;
}

test.serial('threads', async t => {
  for (const threads of [1, 2]) {
    await useOnnx({threads});
    t.is(program(8), 64);
  }
});

test.serial('the least recently used graph goes first', async t => {
  await useOnnx({cacheSize: 2});
  t.is(
    compiled(() => [8, 9].forEach(program)),
    2,
  );
  t.is(
    compiled(() => [8, 10].forEach(program)),
    1,
  );
  // 9 had to go, and not 8.
  t.is(
    compiled(() => program(8)),
    0,
  );
  t.is(
    compiled(() => program(9)),
    1,
  );
  t.is(backend.stats().cachedSessions, 2);
});

test.serial(
  'a memory limit drops graphs, but never the one in use',
  async t => {
    await useOnnx({memoryLimit: 1});
    [8, 9, 10].forEach(n => t.is(program(n), 64));
    t.is(backend.stats().cachedSessions, 1);
    await useOnnx({memoryLimit: roomy});
    [8, 9, 10].forEach(program);
    t.is(backend.stats().cachedSessions, 3);
  },
);

test.serial('a limit that makes a loop compile is named once', async t => {
  await useOnnx({memoryLimit: 1});
  const loop = () => {
    for (let i = 0; i < 12; i++) [8, 9].forEach(program);
  };
  const aboutMemory = () =>
    printed('warn', loop).filter(text => text.includes('memoryLimit'));
  const warned = aboutMemory();
  t.is(warned.length, 1);
  t.regex(warned[0], /memoryLimit.*smaller batches/);
  t.deepEqual(aboutMemory(), []);
});

test.serial('a profile names the slowest ops and their shapes', async t => {
  await useOnnx({profile: 1});
  const lines = printed('log', () =>
    tf.tidy(() => {
      // Not of ones: that would be worked out before the run.
      const x = tf.randomUniform([32, 64]);
      tf.matMul(x, x, false, true).dataSync();
    }),
  );
  t.is(lines.length, 1);
  t.is(lines[0].split('\n').length, 2);
  t.regex(
    lines[0],
    /^onnx backend: [\d.]+ ms in operators\n +[\d.]+ ms {2}\w+: BatchMatMul\(a: float32\[32,64\], b: float32\[32,64\]\)/,
  );
});
