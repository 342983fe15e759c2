import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {GrayscaleLayer} from '../../src/defenses/grayscale.js';
import {NormalizationLayer, ShortcutLayer} from '../../src/models/layers.js';
import {BACKENDS, useBackend} from '../helpers/backends.js';

const LAYERS = [
  {
    name: 'normalization',
    make: () =>
      new NormalizationLayer({
        mean: [0.4, 0.3, 0.2, 0.5],
        stddev: [0.25, 0.5, 0.2, 2],
      }),
    shape: [2, 3, 5, 4],
  },
  {
    name: 'shortcut',
    make: () => new ShortcutLayer({filters: 8}),
    shape: [2, 4, 6, 4],
  },
  {
    name: 'shortcut, uneven padding',
    make: () => new ShortcutLayer({filters: 7}),
    shape: [3, 2, 4, 4],
  },
  {
    name: 'grayscale to 3 channels',
    make: () => new GrayscaleLayer({}),
    shape: [2, 3, 5, 3],
  },
  {
    name: 'grayscale to 1 channel',
    make: () => new GrayscaleLayer({channels: 1}),
    shape: [2, 3, 5, 3],
  },
];

const random = (shape: number[], seed: number) =>
  tf.randomUniform(shape, -1, 1, 'float32', seed);

/** Values and vector–Jacobian product on the backend in use. */
function run(make: () => tf.layers.Layer, shape: number[]) {
  const layer = make();
  const inputs = random(shape, 1);
  const apply = (x: tf.Tensor) => layer.apply(x) as tf.Tensor;
  const outputs = apply(inputs);
  const direction = random(outputs.shape, 2);
  const gradient = tf.grad(x => apply(x).mul(direction).sum())(inputs);
  return {layer, inputs, outputs, direction, gradient, apply};
}

for (const {name, make, shape} of LAYERS) {
  test.serial(`${name}: gradient equals finite differences`, async t => {
    await useBackend('cpu');
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const {inputs, gradient, direction, apply} = run(make, shape);
      // The layers are linear, so a large step is exact but for rounding.
      const values = inputs.dataSync();
      const analytic = gradient.dataSync();
      for (let i = 0; i < values.length; i++) {
        const at = (step: number) =>
          tf.tidy(() => {
            const moved = values.slice();
            moved[i] += step;
            const y = apply(tf.tensor(moved, shape));
            return y.mul(direction).sum().dataSync()[0];
          });
        const numeric = (at(0.5) - at(-0.5)) / 1;
        t.true(Math.abs(numeric - analytic[i]) < 2e-5);
      }
      t.true(analytic.some(g => Math.abs(g) > 0.01));
    });
    t.is(tf.memory().numTensors, before);
  });

  test.serial(`${name}: the same on every backend`, async t => {
    let expected: {y: Float32Array; g: Float32Array} | undefined;
    for (const backend of BACKENDS) {
      if (!(await useBackend(backend))) {
        t.log(`${backend} does not load here and is left out`);
        continue;
      }
      tf.tidy(() => {
        const {outputs, gradient, layer} = run(make, shape);
        t.deepEqual(outputs.shape, layer.computeOutputShape(shape) as number[]);
        const [y, g] = [outputs.dataSync(), gradient.dataSync()].map(values =>
          Float32Array.from(values),
        );
        expected ??= {y, g};
        y.forEach((value, i) =>
          t.true(Math.abs(value - expected!.y[i]) <= 1e-5),
        );
        g.forEach((value, i) =>
          t.true(Math.abs(value - expected!.g[i]) <= 1e-5),
        );
      });
    }
    await useBackend('cpu');
  });

  test.serial(`${name}: configuration survives`, async t => {
    await useBackend('cpu');
    tf.tidy(() => {
      const layer = make();
      const again = new (layer.constructor as typeof NormalizationLayer)(
        JSON.parse(JSON.stringify(layer.getConfig())),
      );
      const x = random(shape, 3);
      t.deepEqual(
        (again.apply(x) as tf.Tensor).dataSync(),
        (layer.apply(x) as tf.Tensor).dataSync(),
      );
    });
  });
}

test.serial('normalization is (x − mean) / stddev', async t => {
  await useBackend('cpu');
  const layer = new NormalizationLayer({mean: [0.5, 1], stddev: [0.25, 2]});
  const y = tf.tidy(() =>
    (layer.apply(tf.tensor2d([[1, 0]])) as tf.Tensor).dataSync(),
  );
  t.deepEqual([...y], [2, -0.5]);
});

test.serial('the shortcut keeps every second pixel between zeros', async t => {
  await useBackend('cpu');
  const x = tf.range(0, 4 * 4 * 2).reshape([1, 4, 4, 2]);
  const y = new ShortcutLayer({filters: 4}).apply(x) as tf.Tensor;
  t.deepEqual(y.arraySync(), [
    [
      [
        [0, 0, 1, 0],
        [0, 4, 5, 0],
      ],
      [
        [0, 16, 17, 0],
        [0, 20, 21, 0],
      ],
    ],
  ]);
  tf.dispose([x, y]);
});

test.serial('layers refuse what they cannot do', t => {
  const images = tf.input({shape: [5, 4, 3]});
  t.throws(() => new ShortcutLayer({filters: 8}).apply(images), {
    message: /even height and width, not of 5×4/,
  });
  const many = tf.input({shape: [4, 4, 16]});
  t.throws(() => new ShortcutLayer({filters: 8}).apply(many), {
    message: /cannot make 8 channels of 16/,
  });
  const one = new NormalizationLayer({mean: [0], stddev: [1]});
  t.throws(() => one.apply(images), {message: /1 channels, .* has 3/});
  t.throws(() => new NormalizationLayer({mean: [0], stddev: [0]}), {
    message: /positive standard deviation/,
  });
});
