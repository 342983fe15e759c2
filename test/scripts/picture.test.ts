import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {PNG} from 'pngjs';
import {attackPicture, drawRows} from '../../scripts/picture.js';
import {loadBackend} from '../../src/tfjs_node/load_backend.js';
import {leak} from '../helpers/memory.js';
import {cifar10Strip} from '../helpers/strip.js';

await loadBackend('cpu');

/** How many pixels of a part of the picture are nearer to this color than to white. */
function count(
  {data, width}: PNG,
  [left, right]: [number, number],
  [top, bottom]: [number, number],
  color: [number, number, number],
): number {
  let found = 0;
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const at = 4 * (y * width + x);
      const far = color.map((c, i) => Math.abs(c - data[at + i]));
      if (Math.max(...far) < 60) found++;
    }
  }
  return found;
}

const BLACK: [number, number, number] = [0, 0, 0];
const VERMILION: [number, number, number] = [0xd5, 0x5e, 0x00];

test.serial(
  'rows have names, images have captions, wrong classes another color',
  t => {
    const white = tf.ones<tf.Rank.R4>([2, 32, 32, 3]);
    let file: Buffer | undefined;
    const leaked = leak(() => {
      file = drawRows(
        [
          {name: 'clean', images: white, predicted: [0, 1]},
          {name: 'D', images: white, predicted: [0, 0]},
        ],
        {labels: [0, 1], classNames: ['cat', 'dog']},
      );
    });
    t.is(leaked, 0);
    const png = PNG.sync.read(file!);
    const row = png.height / 2;
    const names: [number, number] = [0, 100];
    const images: [number, number] = [116, png.width];
    const first: [number, number] = [0, row];
    const second: [number, number] = [row, 2 * row];
    t.true(count(png, names, first, BLACK) > 50);
    t.true(count(png, names, second, BLACK) > 20);
    t.true(count(png, images, first, BLACK) > 50);
    t.is(count(png, images, first, VERMILION), 0);
    t.true(count(png, images, second, VERMILION) > 50);
    white.dispose();
  },
);

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
    const png = PNG.sync.read(
      attackPicture(constant(labels[0]), data, options),
    );
    t.is(png.width, 2 * (58 + right * 118));
    const absent = [...Array(10).keys()].find(
      label => !labels.includes(label),
    )!;
    t.throws(() => attackPicture(constant(absent), data, options), {
      message: /none of the 10 images/,
    });
  },
);
