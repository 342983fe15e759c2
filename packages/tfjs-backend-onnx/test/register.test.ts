import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {type OnnxBackend, registerOnnx} from '../src/index.js';

const graphs = (count: number) => {
  for (let n = 1; n <= count; n++) {
    tf.tidy(() => tf.randomUniform([n, 3]).exp().dataSync());
  }
};

test.serial('options given before the backend is first used apply', async t => {
  registerOnnx({cacheSize: 3});
  registerOnnx({threads: 1});
  await tf.setBackend('onnx');
  graphs(6);
  t.is((tf.backend() as OnnxBackend).stats().cachedSessions, 3);
});

test.serial('options given afterwards change those of the backend', t => {
  const backend = tf.backend() as OnnxBackend;
  registerOnnx({cacheSize: 2});
  graphs(6);
  t.is(backend.stats().cachedSessions, 2);
  // The option that is not given keeps its value.
  registerOnnx({threads: 2});
  graphs(6);
  t.is(backend.stats().cachedSessions, 2);
  registerOnnx();
  t.is(backend.stats().cachedSessions, 2);
  t.is(tf.backend(), backend);
});

test.serial('options are checked each time', t => {
  t.throws(() => registerOnnx({cacheSize: 0}), {
    message: /cacheSize must be an integer of at least 1, but it is 0/,
  });
  t.throws(() => registerOnnx({thread: 1} as never), {
    message: /unknown option 'thread'/,
  });
  graphs(6);
  t.is((tf.backend() as OnnxBackend).stats().cachedSessions, 2);
});
