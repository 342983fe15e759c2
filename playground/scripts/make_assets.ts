// Makes what the page brings along: 500 training and 100 test images of CIFAR-10
// as sprites, and the small network that the page fine-tunes.
//   node --conditions=@tfjs-adversarial/source --import=tsx playground/scripts/make_assets.ts
import {mkdir, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {PNG} from 'pngjs';
import {
  type ImageSet,
  learningRate,
  oneCycle,
  smallCnn,
} from '../../src/index.js';
import {loadCifar10, saveModel} from '../../src/node.js';
import {useOnnx} from '../../src/onnx.js';

const assets = join(import.meta.dirname, '..', 'public');
const SIZE = 32;
/** Images side by side. */
const COLUMNS = 20;
const COUNTS = {train: 500, test: 100};
/** Trained on these; the images that the page fine-tunes with are among them. */
const EXAMPLES = 20000;
const EPOCHS = 4;

async function writeSprite(split: 'train' | 'test') {
  const count = COUNTS[split];
  const set = await loadCifar10({split, examples: count});
  const pixels = await set.tensor().data();
  const labels = await set.labelTensor().data();
  const png = new PNG({
    width: COLUMNS * SIZE,
    height: (count / COLUMNS) * SIZE,
    colorType: 2,
  });
  for (let i = 0; i < count; i++) {
    for (let y = 0; y < SIZE; y++) {
      for (let x = 0; x < SIZE; x++) {
        const column = (i % COLUMNS) * SIZE + x;
        const row = Math.floor(i / COLUMNS) * SIZE + y;
        const to = (row * png.width + column) * 4;
        for (let c = 0; c < 3; c++) {
          const value = pixels[((i * SIZE + y) * SIZE + x) * 3 + c];
          png.data[to + c] = Math.round(value * 255);
        }
        png.data[to + 3] = 255;
      }
    }
  }
  await writeFile(
    join(assets, `${split}.png`),
    PNG.sync.write(png, {colorType: 2}),
  );
  await writeFile(
    join(assets, `${split}.json`),
    JSON.stringify({columns: COLUMNS, size: SIZE, labels: [...labels]}),
  );
}

async function trainSmall() {
  await useOnnx();
  const train: ImageSet = await loadCifar10({
    split: 'train',
    examples: EXAMPLES,
  });
  const model = smallCnn({width: 16, seed: 0});
  model.compile({
    optimizer: tf.train.adam(0.003),
    loss: 'categoricalCrossentropy',
    metrics: ['accuracy'],
  });
  await model.fit(train.tensor(), train.oneHot(), {
    epochs: EPOCHS,
    batchSize: 100,
    verbose: 0,
    callbacks: [
      learningRate(oneCycle({peak: 0.004, steps: (EXAMPLES / 100) * EPOCHS})),
      new tf.CustomCallback({
        onEpochEnd: async (epoch, logs) =>
          console.log(`epoch ${epoch + 1} of ${EPOCHS}: ${logs?.acc}`),
      }),
    ],
  });
  await saveModel(model, join(assets, 'small'));
}

await mkdir(assets, {recursive: true});
await writeSprite('train');
await writeSprite('test');
await trainSmall();
