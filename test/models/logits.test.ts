import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {attack} from '../../src/attacks/attack.js';
import {
  hasKnownLogits,
  logits,
  outputOfLogits,
} from '../../src/models/logits.js';
import {missingBackend, usual} from '../helpers/backends.js';
import {graphModel, graphWeights} from '../helpers/graph_model.js';
import {leak} from '../helpers/memory.js';
import {
  CLASSES,
  ownLabels,
  SIZE,
  toyImages,
  toyLayers,
  toyModel,
} from '../helpers/toy.js';

await missingBackend(usual);

const images = toyImages(4, {seed: 7});
const {layers} = tf;

const body = () => [
  layers.conv2d({
    inputShape: [SIZE, SIZE, 3],
    filters: 2,
    kernelSize: 3,
    activation: 'relu',
    kernelInitializer: tf.initializers.heNormal({seed: 3}),
  }),
  layers.flatten(),
];
const dense = (activation: 'softmax' | 'linear', name?: string) =>
  layers.dense({
    units: CLASSES,
    activation,
    name,
    kernelInitializer: tf.initializers.heNormal({seed: 4}),
  });
const classify = (...end: tf.layers.Layer[]) =>
  tf.sequential({layers: [...body(), ...end]});

function functional(): tf.LayersModel {
  const inputs = tf.input({shape: [SIZE, SIZE, 3]});
  let x: tf.SymbolicTensor = inputs;
  for (const layer of toyLayers()) x = layer.apply(x) as tf.SymbolicTensor;
  return tf.model({inputs, outputs: x});
}

async function reloaded(model: tf.LayersModel): Promise<tf.LayersModel> {
  let saved: tf.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler(async artifacts => {
      saved = artifacts;
      return {
        modelArtifactsInfo: {dateSaved: new Date(), modelTopologyType: 'JSON'},
      };
    }),
  );
  return tf.loadLayersModel(tf.io.fromMemory(saved!));
}

/** A model behind another layer, inside a third one. */
function nestedInFunctional(): tf.LayersModel {
  const inputs = tf.input({shape: [SIZE, SIZE, 3]});
  const pooled = layers
    .averagePooling2d({poolSize: 1, strides: 1})
    .apply(inputs);
  const outputs = classify(dense('softmax')).apply(
    pooled as tf.SymbolicTensor,
  ) as tf.SymbolicTensor;
  return tf.model({inputs, outputs});
}

/** By what a model ends in, and whether that is a softmax. */
const ENDS: Record<string, [make: () => tf.LayersModel, softmax: boolean]> = {
  'dense with softmax': [() => classify(dense('softmax')), true],
  'dense and an activation': [
    () => classify(dense('linear'), layers.activation({activation: 'softmax'})),
    true,
  ],
  'dense and a softmax layer': [
    () => classify(dense('linear'), layers.softmax()),
    true,
  ],
  logits: [() => classify(dense('linear')), false],
  'logits behind a relu': [
    () =>
      classify(
        layers.dense({
          units: CLASSES,
          activation: 'relu',
          kernelInitializer: tf.initializers.heNormal({seed: 4}),
        }),
      ),
    false,
  ],
  'a functional softmax': [functional, true],
  'a nested tail': [
    () =>
      classify(
        tf.sequential({
          layers: [
            layers.dense({
              units: CLASSES,
              activation: 'softmax',
              kernelInitializer: tf.initializers.heNormal({seed: 4}),
              inputShape: [(SIZE - 2) ** 2 * 2],
            }),
          ],
        }),
      ),
    true,
  ],
  'nested as a whole': [
    () => tf.sequential({layers: [classify(dense('softmax'))]}),
    true,
  ],
  'nested twice': [
    () =>
      tf.sequential({
        layers: [tf.sequential({layers: [classify(dense('softmax'))]})],
      }),
    true,
  ],
  'nested in a functional model': [nestedInFunctional, true],
  'a convolution with softmax': [
    () =>
      tf.sequential({
        layers: [
          layers.conv2d({
            inputShape: [SIZE, SIZE, 3],
            filters: CLASSES,
            kernelSize: SIZE,
            activation: 'softmax',
            kernelInitializer: tf.initializers.heNormal({seed: 4}),
          }),
        ],
      }),
    true,
  ],
};

const largest = (t: tf.Tensor) => tf.max(tf.abs(t)).dataSync()[0];

for (const [end, [make, softmax]] of Object.entries(ENDS)) {
  for (const how of ['made', 'saved and loaded']) {
    test.serial(`exact logits of ${end}, ${how}`, async t => {
      const made = make();
      const model = how === 'made' ? made : await reloaded(made);
      const output = tf.reshape(model.predict(images) as tf.Tensor, [
        4,
        CLASSES,
      ]);
      const z = logits(model, images);
      t.deepEqual(z.shape, [4, CLASSES]);
      t.is(largest(tf.sub(softmax ? tf.softmax(z) : z, output)), 0);
      t.deepEqual(
        outputOfLogits(model, z).shape,
        (model.predict(images) as tf.Tensor).shape,
      );

      // Saturated: probabilities are 0 and 1, logits and their slopes are not.
      model.setWeights(
        model.getWeights().map(w => tf.mul(w, w.rank > 1 ? 300 : 1)),
      );
      const far = logits(model, images);
      const p = tf.reshape(model.predict(images) as tf.Tensor, [4, CLASSES]);
      t.is(largest(tf.sub(softmax ? tf.softmax(far) : far, p)), 0);
      t.true(largest(far) > 200);
      if (softmax) t.is(tf.min(p).dataSync()[0], 0);
      const labels = tf.argMax(far, 1) as tf.Tensor1D;
      const {history} = attack('D', {steps: 3}).perturb(model, images, labels, {
        history: true,
      });
      const rows = history!.margin.arraySync();
      rows[0].forEach((m, i) => t.true(rows[2][i] < m));
    });
  }
}

test.serial('a model is as before after its logits were taken', t => {
  const model = classify(dense('softmax', 'last'));
  const before = [...(model.predict(images) as tf.Tensor).dataSync()];
  const config = JSON.stringify(model.getConfig());
  logits(model, images);
  t.deepEqual([...(model.predict(images) as tf.Tensor).dataSync()], before);
  t.is(JSON.stringify(model.getConfig()), config);
  // Also where the layer throws.
  const last = model.getLayer('last');
  const {call} = last;
  last.call = () => {
    throw new Error('out of order');
  };
  t.throws(() => logits(model, images), {message: 'out of order'});
  last.call = call;
  t.deepEqual([...(model.predict(images) as tf.Tensor).dataSync()], before);
});

test.serial('logits follow the weights, and layers that are added', t => {
  const model = toyModel();
  const first = logits(model, images).dataSync();
  model.setWeights(model.getWeights().map(w => tf.mul(w, 2)));
  const second = logits(model, images);
  t.notDeepEqual(second.dataSync(), first);
  t.is(
    largest(tf.sub(tf.softmax(second), model.predict(images) as tf.Tensor)),
    0,
  );
  const grown = classify(dense('linear'));
  const before = logits(grown, images);
  grown.add(layers.dense({units: 5, activation: 'softmax'}));
  const after = logits(grown, images);
  const now = tf.model({inputs: grown.inputs, outputs: grown.outputs});
  t.deepEqual(
    [before.shape, after.shape],
    [
      [4, CLASSES],
      [4, 5],
    ],
  );
  t.is(
    // Its own predict is still that of the layers it was first built of.
    largest(tf.sub(tf.softmax(after), now.predict(images) as tf.Tensor)),
    0,
  );
});

test.serial('attacks run in inference mode', t => {
  const model = toyModel({batchNormalization: true, dropout: true});
  const before = model.getWeights().map(w => [...w.dataSync()]);
  const z = logits(model, images);
  t.deepEqual(z.dataSync(), logits(model, images).dataSync());
  t.is(largest(tf.sub(tf.softmax(z), model.predict(images) as tf.Tensor)), 0);
  attack('D', {steps: 3}).perturb(model, images, ownLabels(model, images));
  t.deepEqual(
    model.getWeights().map(w => [...w.dataSync()]),
    before,
  );
  const training = logits(model, images, {training: true});
  t.true(largest(tf.sub(training, z)) > 1e-3);
});

test.serial('a function to logits is attacked as the model is', t => {
  const model = toyModel();
  const labels = ownLabels(model, images);
  const search = attack('S+D', {steps: 4});
  const ofModel = search.perturb(model, images, labels);
  const ofFunction = search.perturb(x => logits(model, x), images, labels);
  t.deepEqual(
    ofFunction.adversarial.dataSync(),
    ofModel.adversarial.dataSync(),
  );
  const ofImages = search.perturb(
    x => tf.reshape(logits(model, x), [x.shape[0], 1, 1, CLASSES]),
    images,
    labels,
  );
  t.deepEqual(ofImages.adversarial.dataSync(), ofModel.adversarial.dataSync());
});

for (const end of ['softmax', 'logits'] as const) {
  test.serial(
    `a graph model that ends in ${end}: exact logits, attacked`,
    async t => {
      const weights = graphWeights();
      const model = await graphModel(weights, {end});
      const byHand = (x: tf.Tensor4D) => {
        const h = tf.relu(
          tf.add(tf.conv2d(x, weights.kernel, 1, 'same'), weights.bias),
        );
        const row = tf.reshape(h, [x.shape[0], -1]) as tf.Tensor2D;
        return tf.matMul(row, weights.dense) as tf.Tensor2D;
      };
      const z = logits(model, images);
      const output = model.predict(images) as tf.Tensor;
      t.is(largest(tf.sub(z, byHand(images))), 0);
      t.is(largest(tf.sub(end === 'softmax' ? tf.softmax(z) : z, output)), 0);
      const labels = tf.argMax(z, 1) as tf.Tensor1D;
      const search = attack('S+D', {steps: 5, learningRate: 0.01});
      const found = search.perturb(model, images, labels, {history: true});
      const same = search.perturb(byHand, images, labels);
      t.true(
        largest(tf.sub(found.adversarial, same.adversarial)) < 1e-5,
        'another result than that of the same net by hand',
      );
      const clean = found.history!.margin.arraySync()[0];
      found.margin.arraySync().forEach((m, i) => t.true(m < clean[i]));
      t.is(
        leak(() => search.perturb(model, images, labels)),
        0,
      );
      model.dispose();
    },
  );
}

const MONOTONE: Record<string, (z: tf.Tensor2D) => tf.Tensor> = {
  'Softmax,Log': z => tf.log(tf.softmax(z)),
  'LogSoftmax,Exp': z => tf.exp(tf.logSoftmax(z)),
  Tanh: z => tf.tanh(z),
  'Softmax,Identity,Sigmoid,Tanh': z => tf.tanh(tf.sigmoid(tf.softmax(z))),
};

for (const [ops, byHand] of Object.entries(MONOTONE)) {
  test.serial(`a graph model that ends in ${ops}: its logits`, async t => {
    const plain = await graphModel(graphWeights(), {end: 'logits'});
    const model = await graphModel(graphWeights(), {ops: ops.split(',')});
    const z = logits(model, images);
    t.is(largest(tf.sub(z, logits(plain, images))), 0);
    t.true(
      largest(tf.sub(byHand(z), model.predict(images) as tf.Tensor)) < 1e-6,
    );
    t.true(hasKnownLogits(model, images));
    t.false(hasKnownLogits(plain, images));
    model.dispose();
    plain.dispose();
  });
}

test.serial('a layer that keeps a state is refused, nested too', t => {
  const recurrent = (stateful: boolean) => {
    const rows = [SIZE, SIZE * 3];
    const inner = tf.sequential({
      layers: [
        layers.reshape({
          batchInputShape: [4, SIZE, SIZE, 3],
          targetShape: rows,
        }),
        layers.simpleRNN({units: 4, stateful}),
        layers.dense({units: CLASSES, activation: 'softmax'}),
      ],
    });
    return [inner, tf.sequential({layers: [inner]})];
  };
  const labels = tf.zeros([4], 'int32') as tf.Tensor1D;
  for (const model of recurrent(true)) {
    t.throws(() => attack('D', {steps: 1}).perturb(model, images, labels), {
      message: /keeps its state from batch to batch.*stateful: false/,
    });
  }
  for (const model of recurrent(false)) {
    t.notThrows(() => attack('D', {steps: 1}).perturb(model, images, labels));
  }
});

/** Functions whose outputs are not floats. */
const WHOLE: Record<string, (z: tf.Tensor2D) => tf.Tensor> = {
  int32: z => tf.cast(tf.mul(z, 10), 'int32'),
  'int32, with an axis more': z => tf.expandDims(tf.cast(z, 'int32'), 1),
  bool: z => tf.greater(z, tf.max(z, 1, true).sub(1e-6)),
};

for (const [name, round] of Object.entries(WHOLE)) {
  test.serial(`logits that are ${name} count as floats`, t => {
    const kernel = tf.randomNormal(
      [SIZE * SIZE * 3, CLASSES],
      0,
      1,
      'float32',
      5,
    );
    const classifier = (x: tf.Tensor4D) =>
      round(tf.matMul(tf.reshape(x, [x.shape[0], -1]), kernel) as tf.Tensor2D);
    t.is(logits(classifier, images).dtype, 'float32');
    const floats = (x: tf.Tensor4D) => tf.cast(classifier(x), 'float32');
    const labels = tf.argMax(logits(classifier, images), 1) as tf.Tensor1D;
    const search = attack('D(0.2)', {steps: 20, optimizer: 'square', seed: 1});
    const found = [classifier, floats].map(own => {
      const {margin} = search.perturb(own, images, labels);
      return [...margin.dataSync()];
    });
    t.deepEqual(found[0], found[1]);
    if (name === 'bool') return;
    const sign = attack('D', {steps: 2, optimizer: 'sign'});
    t.notThrows(() => sign.perturb(classifier, images, labels));
    t.is(
      leak(() => sign.perturb(classifier, images, labels)),
      0,
    );
    kernel.dispose();
  });
}

for (const two of ['inputs', 'outputs'] as const) {
  test.serial(`a graph model of two ${two} is refused`, async t => {
    const model = await graphModel(graphWeights(), {two});
    const {message} = t.throws(() =>
      attack('D').perturb(model, images, tf.zeros([4], 'int32') as tf.Tensor1D),
    );
    t.regex(message, /one input .* and one output .*function/);
    model.dispose();
  });
}
