import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {attack, Sequence, ThreatModel} from '../../../src/index.js';
import {missingBackend, usual} from '../../helpers/backends.js';
import {leak} from '../../helpers/memory.js';
import {ownLabels, toyImages, toyModel} from '../../helpers/toy.js';

await missingBackend(usual);

/** contrast · x + brightness, each with its own bound. */
class Linear extends ThreatModel {
  readonly name = 'Linear(0.5,0.1)';

  constructor(override readonly epsilon = [0.5, 0.1]) {
    super();
  }

  zeros(images: tf.Tensor4D) {
    return this.epsilon.map(() => tf.zeros([images.shape[0], 1, 1, 1]));
  }

  apply(images: tf.Tensor4D, [contrast, shift]: tf.Tensor[]): tf.Tensor4D {
    return tf.tidy(() => {
      const scaled = tf.mul(images, tf.add(1, contrast));
      return tf.clipByValue(tf.add<tf.Tensor4D>(scaled, shift), 0, 1);
    });
  }
}

const numbers = (tensors: tf.Tensor[]) => tensors.map(t => [...t.dataSync()]);

test.serial('the defaults follow from the bounds', t => {
  const model = new Linear();
  const images = toyImages(2);
  const left = leak(() => {
    t.deepEqual(model.bounds(), [0.5, 0.1]);
    t.deepEqual(model.prepare(images), []);
    const parameters = [
      tf.tensor4d([0.2, -0.8], [2, 1, 1, 1]),
      tf.tensor4d([0.3, -0.05], [2, 1, 1, 1]),
    ];
    const projected = model.project(parameters, images, null);
    t.deepEqual(
      numbers(projected),
      [
        [0.2, -0.5],
        [0.1, -0.05],
      ].map(row => row.map(Math.fround)),
    );
    t.is(model.smoothness(projected), null);
    const sizes = model.sizes(projected);
    t.deepEqual(Object.keys(sizes), ['Linear']);
    t.deepEqual(numbers([sizes.Linear]), [[0.2, 0.5].map(Math.fround)]);

    const seeds = Array.from({length: 200}, (_, i) => i);
    const many = tf.zeros([200, 2, 2, 3]) as tf.Tensor4D;
    const drawn = model.random(many, seeds);
    numbers(drawn).forEach((values, i) => {
      const bound = model.epsilon[i];
      const largest = Math.max(...values.map(Math.abs));
      t.true(largest <= bound && largest > 0.9 * bound);
    });
    return [parameters, projected, sizes, many, drawn];
  });
  t.is(left, 0);
  images.dispose();
});

test.serial('a scaled copy keeps everything but its bounds', t => {
  const model = new Linear();
  const half = model.with({scale: 0.5});
  t.true(half instanceof Linear);
  t.deepEqual(half.bounds(), [0.25, 0.05]);
  t.deepEqual(model.bounds(), [0.5, 0.1]);
  t.deepEqual(new Sequence([model]).with({scale: 2}).bounds(), [1, 0.2]);
});

test.serial('a threat model without a bound says so', t => {
  class Unbounded extends ThreatModel {
    readonly name = 'Unbounded';
    zeros(): tf.Tensor[] {
      return [];
    }
    apply(images: tf.Tensor4D): tf.Tensor4D {
      return tf.clone(images);
    }
  }
  t.throws(() => new Unbounded().bounds(), {
    message: /'Unbounded' needs an 'epsilon'/,
  });
});

test.serial('an object with the same members is a threat model', t => {
  const base = new Linear();
  const plain: ThreatModel = {
    name: 'plain',
    prepare: () => [],
    zeros: images => base.zeros(images),
    random: (images, seeds) => base.random(images, seeds),
    apply: (images, parameters) => base.apply(images, parameters),
    project: (parameters, images) => base.project(parameters, images, null),
    smoothness: () => null,
    sizes: parameters => base.sizes(parameters),
    bounds: () => base.bounds(),
    with: () => plain,
  };
  const model = toyModel();
  const images = toyImages(2);
  const labels = ownLabels(model, images);
  const options = {steps: 3, learningRate: 0.05};
  const found = [plain, base].map(threatModel =>
    attack(threatModel, options).perturb(model, images, labels),
  );
  t.deepEqual(numbers([found[0].adversarial]), numbers([found[1].adversarial]));
});
