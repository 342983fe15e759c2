import {
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {grayscale} from '../../src/defenses/grayscale.js';
import {loadGraphModel, loadModel, saveModel} from '../../src/models/files.js';
import {cifarResnet} from '../../src/models/resnet.js';
import {smallCnn} from '../../src/models/small.js';
import {wideResnet} from '../../src/models/wideresnet.js';
import {temporaryFolder} from '../helpers/folder.js';

const inputShape: [number, number, number] = [8, 8, 3];
const small = (seed = 1) => smallCnn({seed, width: 2, inputShape});

/** What a model makes of one fixed batch. */
const outputs = (model: tf.LayersModel) =>
  tf.tidy(() => {
    const images = tf.randomUniform([3, ...inputShape], 0, 1, 'float32', 7);
    return (model.predict(images) as tf.Tensor).dataSync();
  });

for (const [name, make] of [
  ['ResNet-8', () => cifarResnet(1, {inputShape})],
  ['WideResNet-10-1', () => wideResnet(10, 1, {inputShape})],
  ['small net', () => small()],
  ['small net in gray', () => grayscale(small())],
  [
    'a sequential model in gray',
    () =>
      grayscale(
        tf.sequential({
          layers: [
            tf.layers.conv2d({filters: 2, kernelSize: 3, inputShape}),
            tf.layers.flatten(),
            tf.layers.dense({units: 3, activation: 'softmax'}),
          ],
        }),
      ),
  ],
] as [string, () => tf.LayersModel][]) {
  test.serial(`${name}: saved and loaded, the same`, async t => {
    const folder = temporaryFolder(t);
    const before = tf.memory().numTensors;
    const model = make();
    const own = tf.memory().numTensors;
    await saveModel(model, folder);
    t.is(tf.memory().numTensors, own);
    const again = await loadModel(folder);
    t.deepEqual(outputs(again), outputs(model));
    t.deepEqual(
      again.layers.map(layer => layer.getClassName()),
      model.layers.map(layer => layer.getClassName()),
    );
    t.deepEqual(readdirSync(folder).sort(), ['model.json', 'weights.bin']);
    model.dispose();
    again.dispose();
    t.is(tf.memory().numTensors, before);
  });
}

test.serial('saving over a model leaves one model, the new one', async t => {
  const folder = temporaryFolder(t);
  // What a process that was killed in the middle has left.
  writeFileSync(join(folder, 'weights.bin.123.tmp'), 'half');
  for (const seed of [1, 2, 3]) {
    const model = small(seed);
    await saveModel(model, folder, {metadata: {seed}});
    const again = await loadModel(join(folder, 'model.json'));
    t.deepEqual(outputs(again), outputs(model));
    t.deepEqual(again.getUserDefinedMetadata(), {seed});
    t.is(readdirSync(folder).length, 2);
    model.dispose();
    again.dispose();
  }
});

test.serial('the optimizer’s state is kept on demand', async t => {
  const folder = temporaryFolder(t);
  const model = small();
  model.compile({optimizer: 'adam', loss: 'categoricalCrossentropy'});
  const xs = tf.randomUniform([4, ...inputShape]);
  const ys = tf.oneHot([1, 2, 3, 4], 10).toFloat();
  await model.trainOnBatch(xs, ys);
  await saveModel(model, folder, {includeOptimizer: true});
  const again = await loadModel(folder);
  const step = async (m: tf.LayersModel) => {
    await m.trainOnBatch(xs, ys);
    return outputs(m);
  };
  const expected = await step(model);
  const actual = await step(again);
  actual.forEach((value, i) => t.true(Math.abs(value - expected[i]) < 1e-6));
  tf.dispose([xs, ys]);
});

/** A model cut into shards, with two of its weights quantized. */
async function sharded(folder: string): Promise<tf.LayersModel> {
  const model = small();
  await saveModel(model, folder);
  const file = join(folder, 'model.json');
  const description = JSON.parse(readFileSync(file, 'utf8'));
  const data = readFileSync(join(folder, 'weights.bin'));
  const middle = data.length >> 1;
  writeFileSync(join(folder, 'group1-shard1of2.bin'), data.subarray(0, middle));
  writeFileSync(join(folder, 'group1-shard2of2.bin'), data.subarray(middle));
  description.weightsManifest[0].paths = [1, 2].map(
    i => `group1-shard${i}of2.bin`,
  );
  writeFileSync(file, JSON.stringify(description));
  return model;
}

test.serial('weights in several files are joined', async t => {
  const folder = temporaryFolder(t);
  const model = await sharded(folder);
  const again = await loadModel(folder);
  t.deepEqual(outputs(again), outputs(model));
});

test.serial('quantized weights are read', async t => {
  const folder = temporaryFolder(t);
  const model = tf.sequential({
    layers: [tf.layers.dense({units: 2, inputShape: [2], useBias: false})],
  });
  await saveModel(model, folder);
  const file = join(folder, 'model.json');
  const description = JSON.parse(readFileSync(file, 'utf8'));
  const [weight] = description.weightsManifest[0].weights;
  weight.quantization = {
    dtype: 'uint8',
    scale: 0.5,
    min: -1,
    original_dtype: 'float32',
  };
  writeFileSync(file, JSON.stringify(description));
  writeFileSync(join(folder, 'weights.bin'), Uint8Array.of(0, 1, 2, 3));
  const again = await loadModel(folder);
  t.deepEqual([...again.getWeights()[0].dataSync()], [-1, -0.5, 0, 0.5]);
});

/** Changes the description of a saved model. */
async function edited(
  folder: string,
  edit: (description: {
    format?: string;
    modelTopology: {config?: {layers: {class_name: string}[]}};
    weightsManifest: {paths: string[]; weights: tf.io.WeightsManifestEntry[]}[];
  }) => void,
): Promise<void> {
  await saveModel(small(), folder);
  const file = join(folder, 'model.json');
  const description = JSON.parse(readFileSync(file, 'utf8'));
  edit(description);
  writeFileSync(file, JSON.stringify(description));
}

test.serial('weights outside the folder are refused', async t => {
  const parent = temporaryFolder(t);
  const folder = join(parent, 'model');
  await edited(folder, ({weightsManifest: [group]}) => {
    group.paths = ['../secret.bin'];
  });
  writeFileSync(
    join(parent, 'secret.bin'),
    readFileSync(join(folder, 'weights.bin')),
  );
  const message = /outside its folder/;
  await t.throwsAsync(loadModel(folder), {message});
  await edited(folder, ({weightsManifest: [group]}) => {
    group.paths = [join(parent, 'secret.bin')];
  });
  await t.throwsAsync(loadModel(folder), {message});
  symlinkSync(join(parent, 'secret.bin'), join(folder, 'link.bin'));
  await edited(folder, ({weightsManifest: [group]}) => {
    group.paths = ['link.bin'];
  });
  await t.throwsAsync(loadModel(folder), {message});
});

test.serial('a damaged model is refused in a sentence', async t => {
  const folder = temporaryFolder(t);
  const fails = async (message: RegExp) => {
    const before = tf.memory().numTensors;
    const error = await t.throwsAsync(loadModel(folder), {message});
    t.false(error.message.includes('\n'));
    // tfjs itself loses what it has made of a model that it cannot finish.
    if (!error.message.includes('could not be made')) {
      t.is(tf.memory().numTensors, before);
    }
  };
  await fails(/model\.json could not be read: no such file or folder/);
  await edited(folder, () => {});
  truncateSync(join(folder, 'weights.bin'), 100);
  await fails(/weights\.bin should have \d+ bytes .* has 100: truncated/);

  truncateSync(join(folder, 'model.json'), 300);
  await fails(/not JSON/);
  writeFileSync(join(folder, 'model.json'), '[]');
  await fails(/describes no TensorFlow\.js model/);

  await edited(folder, ({weightsManifest: [group]}) => {
    group.paths = ['missing.bin'];
  });
  await fails(/missing\.bin could not be read: no such file or folder/);
  await edited(folder, ({weightsManifest: [group]}) => {
    group.weights[0].shape = [-1, 3];
  });
  await fails(/lists the weight .* cannot be read/);
  await edited(folder, ({weightsManifest: [group]}) => {
    [group.weights[0].shape, group.weights[1].shape] = [
      group.weights[1].shape,
      group.weights[0].shape,
    ];
  });
  await fails(/could not be made: .*[Ss]hape/);
  await edited(folder, ({modelTopology}) => {
    modelTopology.config!.layers[1].class_name = 'Stranger';
  });
  await fails(/could not be made: Unknown layer: Stranger/);
  await edited(folder, description => {
    description.format = 'graph-model';
  });
  await fails(/graph model.*loadGraphModel/);
  await t.throwsAsync(loadModel(join(folder, 'nowhere')), {
    message: /nowhere could not be read: no such file or folder\.$/,
  });
  await edited(folder, () => {});
  await t.throwsAsync(loadGraphModel(folder), {message: /layers model/});
});

test.serial('what cannot be written leaves nothing behind', async t => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'weights.bin'));
  await t.throwsAsync(saveModel(small(), folder), {
    message: /weights\.bin could not be written/,
  });
  t.deepEqual(readdirSync(folder), ['weights.bin']);
});
