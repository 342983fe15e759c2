import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {attacksPicture} from '../../scripts/picture.js';
import {loadBackend} from '../../src/tfjs_node/load_backend.js';
import {cifar10Strip} from '../helpers/strip.js';

await loadBackend('cpu');

test.serial(
  'it shows images that the model classifies correctly, or says that there are none',
  t => {
    const data = cifar10Strip().slice(0, 10);
    /** Always of this class. */
    const constant = (label: number) => {
      const model = tf.sequential({
        layers: [
          tf.layers.flatten({inputShape: [32, 32, 3]}),
          tf.layers.dense({units: 10, kernelInitializer: 'zeros'}),
        ],
      });
      const [kernel] = model.getWeights();
      model.setWeights([kernel, tf.oneHot(label, 10).toFloat()]);
      return model;
    };
    const options = {attacks: ['None'], steps: 1};
    const {labels} = data;
    const right = labels.filter(label => label === labels[0]).length;
    const before = tf.memory().numTensors;
    const model = constant(labels[0]);
    const made = tf.memory().numTensors - before;
    const {pixels, texts} = attacksPicture(model, data, options);
    t.is(tf.memory().numTensors, before + made + 1);
    const captions = texts.filter(({align}) => align === 'center');
    t.deepEqual(
      captions.map(({text}) => text),
      new Array(right).fill(data.classNames[labels[0]]),
    );
    pixels.dispose();
    const absent = [...Array(10).keys()].find(
      label => !labels.includes(label),
    )!;
    t.throws(() => attacksPicture(constant(absent), data, options), {
      message: /none of the 10 images/,
    });
  },
);
