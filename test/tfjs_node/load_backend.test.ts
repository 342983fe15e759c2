import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {existsSync} from 'node:fs';
import {
  backendNames,
  defaultBackend,
  loadBackend,
  loadDefaultBackend,
} from '../../src/tfjs_node/load_backend.js';
import {findTfjsNode} from '../../src/tfjs_node/package.js';

const tfjsNode = findTfjsNode('@tensorflow/tfjs-node', process.cwd());
const ready = tfjsNode !== undefined && existsSync(tfjsNode.binding);

for (const name of backendNames) {
  test.serial(`the backend '${name}' is loaded and computes`, async t => {
    if (name === 'tensorflow' && !ready) {
      t.log(
        'not set up (npm run setup:tensorflow): its error is tested instead',
      );
      await t.throwsAsync(loadBackend(name), {message: /setup:tensorflow/});
      return;
    }
    await loadBackend(name);
    t.is(tf.getBackend(), name);
    t.deepEqual([...tf.add(1, [2, 3]).dataSync()], [3, 4]);
  });
}

test.serial(
  'by default it is ONNX Runtime, or what was loaded before',
  async t => {
    t.deepEqual(await loadDefaultBackend(), []);
    t.is(
      tf.getBackend(),
      tf.findBackend('tensorflow') ? 'tensorflow' : defaultBackend,
    );
  },
);

test.serial('loading twice changes nothing', async t => {
  await loadBackend('cpu');
  await loadBackend('wasm');
  await loadBackend('cpu');
  t.is(tf.getBackend(), 'cpu');
});

test('an unknown backend is refused by name', async t => {
  for (const name of ['gpu', '', 'toString']) {
    await t.throwsAsync(loadBackend(name), {
      message: /^There is no backend '.*': it must be one of cpu, /,
    });
  }
});
