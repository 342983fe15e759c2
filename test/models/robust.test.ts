import {readFileSync, rmSync, writeFileSync} from 'node:fs';
import {cp, mkdir} from 'node:fs/promises';
import {createServer, type Server} from 'node:http';
import type {AddressInfo} from 'node:net';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {loadRobust as loadFromUrl} from '../../src/index.js';
import {
  loadBackend,
  loadModel,
  loadRobust,
  robustFolder,
  saveModel,
} from '../../src/node.js';
import {halve} from '../../scripts/add_model.js';
import {float16} from '../../scripts/float16.js';
import {temporaryFolder} from '../helpers/folder.js';
import {toyImages, toyModel} from '../helpers/toy.js';

await loadBackend('cpu');

const MODELS = fileURLToPath(
  new URL('../../packages/tfjs-adversarial-models/models/', import.meta.url),
);
const NAMES = (
  JSON.parse(readFileSync(join(MODELS, 'models.json'), 'utf8')) as {
    models: string[];
  }
).models;

/** Serves a folder. */
async function serve(folder: string): Promise<{server: Server; url: string}> {
  const server = createServer((request, response) => {
    try {
      const path = decodeURIComponent(request.url!).replace('/models', '');
      response.end(readFileSync(join(folder, path)));
    } catch {
      response.statusCode = 404;
      response.end();
    }
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const {port} = server.address() as AddressInfo;
  return {server, url: `http://127.0.0.1:${port}/models`};
}

const image = tf.randomUniform([1, 32, 32, 3], 0, 1, 'float32', 1);
const outputs = (model: tf.LayersModel) =>
  tf.tidy(() => [...(model.predict(image) as tf.Tensor).dataSync()]);

test.serial('a model comes from the package, and by URL the same', async t => {
  const {server, url} = await serve(MODELS);
  try {
    const local = await loadRobust('D');
    t.is(local.countParams(), 466426);
    const expected = outputs(local);
    for (const load of [
      () => loadFromUrl('d', {url}),
      () => loadFromUrl('D', {url: `${url}/`}),
      () => loadRobust('D', {url}),
    ]) {
      const model = await load();
      t.deepEqual(outputs(model), expected);
      model.dispose();
    }
    // A + in a name.
    const combined = await loadFromUrl('C+S+D', {url});
    t.notDeepEqual(outputs(combined), expected);
    local.dispose();
    combined.dispose();
    await t.throwsAsync(loadFromUrl('X', {url}), {
      message: `There is no trained model of "X", only of: ${NAMES.join(', ')}.`,
    });
    await t.throwsAsync(loadFromUrl('D', {url: `${url}/no`}), {
      message: /no\/models\.json could not be read: the server says 404\./,
    });
  } finally {
    server.close();
  }
  await t.throwsAsync(loadFromUrl('D', {url}), {
    message: /models\.json could not be read: /,
  });
  await t.throwsAsync(loadFromUrl('D', {url: ''}), {
    message: /needs the URL of the folder models/,
  });
});

test('names are read by their letters, and others list those that there are', async t => {
  for (const name of ['C+S+D', 'csd', 'c+s+d', 'C S D']) {
    t.is(await robustFolder(name), join(MODELS, 'C+S+D'));
  }
  for (const name of ['S+C+D', '', 'models.json', '../D/..', 'C+S']) {
    if (NAMES.includes(name)) continue;
    await t.throwsAsync(loadRobust(name), {
      message: /^There is no trained model of ".*", only of: C, C\+S\+D, D/,
    });
  }
  const root = temporaryFolder(t);
  writeFileSync(join(root, 'models.json'), '{"models": ["C-BW"]}');
  t.is(await robustFolder('C (B&W)', root), join(root, 'C-BW'));
  writeFileSync(join(root, 'models.json'), '{"models": []}');
  await t.throwsAsync(robustFolder('C', root), {message: /only of: none\./});
});

test('float16 is the nearest number of half precision, as tfjs reads it', t => {
  const decode = (bits: number[]) => {
    const data = Uint16Array.from(bits).buffer;
    const {w} = tf.io.decodeWeights(data, [
      {
        name: 'w',
        shape: [bits.length],
        dtype: 'float32',
        quantization: {dtype: 'float16'},
      },
    ]);
    return w.dataSync() as Float32Array;
  };
  // All finite numbers of half precision.
  const all = Array.from({length: 0x7c00}, (_, i) => i);
  const values = decode(all);
  t.true(all.every(i => float16(values[i]) === i));
  t.true(all.every(i => i === 0 || float16(-values[i]) === (i | 0x8000)));
  // Between two, the nearer; in the middle, the even one.
  for (let i = 0; i + 1 < 0x7c00; i += 7) {
    const [low, high] = [values[i], values[i + 1]];
    const middle = (low + high) / 2;
    t.is(float16(middle), i + (i % 2), String(middle));
    t.is(float16(low + (high - low) * 0.49), i);
    t.is(float16(low + (high - low) * 0.51), i + 1);
  }
  t.is(float16(1e-9), 0);
  for (const x of [65520, Infinity, NaN, -1e9]) {
    t.throws(() => float16(x), {message: /no number|not a number/});
  }
});

test('halved weights are half as large, and the model the same within their precision', async t => {
  const folder = join(temporaryFolder(t), 'model');
  const model = toyModel();
  await saveModel(model, folder);
  const [before] = [readFileSync(join(folder, 'weights.bin')).length];
  await halve(folder);
  t.is(readFileSync(join(folder, 'weights.f16.bin')).length, before / 2);
  t.throws(() => readFileSync(join(folder, 'weights.bin')));
  const halved = await loadModel(folder);
  const x = toyImages(5);
  const [a, b] = [model, halved].map(m =>
    (m.predict(x) as tf.Tensor).dataSync(),
  );
  a.forEach((v: number, i: number) => t.true(Math.abs(v - b[i]) < 5e-3));
  t.notDeepEqual(a, b);
  // Once more is nothing.
  await halve(folder);
  t.deepEqual(
    (await loadModel(folder)).getWeights()[0].dataSync(),
    halved.getWeights()[0].dataSync(),
  );
});

test('a package that lacks a file is one sentence', async t => {
  const root = join(temporaryFolder(t), 'models');
  await mkdir(root);
  await cp(join(MODELS, 'D'), join(root, 'D'), {recursive: true});
  rmSync(join(root, 'D', 'weights.f16.bin'));
  await t.throwsAsync(loadModel(join(root, 'D')), {message: /no such file/});
});
