import {readFileSync, readdirSync, statSync} from 'node:fs';
import test from 'ava';
import * as tf from '@tensorflow/tfjs';
import {attack} from '../../src/index.js';
import {useOnnx} from '../../src/onnx.js';
import {readModel} from '../../scripts/models.js';
import {findRow, folderName} from '../../scripts/paper_rows.js';
import {cifar10Strip} from '../helpers/strip.js';

const root = new URL(
  '../../packages/tfjs-adversarial-models/models/',
  import.meta.url,
);
const rows = readdirSync(root).filter(name => name !== 'models.json');
const COUNT = 30;

test.before(async () => {
  await useOnnx({threads: 1});
});

/** How many of the first test images are right after so many steps of a weak D. */
async function right(row: string, steps: number): Promise<number> {
  const model = (await readModel(`robust:${row}`)) as tf.LayersModel;
  const [count] = tf.tidy(() => {
    const strip = cifar10Strip();
    const {margin} = attack('D(2/255)', {
      steps,
      learningRate: 0.005,
      keep: 'last',
    }).perturb(model, strip.tensor(0, COUNT), strip.labelTensor(0, COUNT));
    return tf.sum(tf.cast(tf.greater(margin, 0), 'int32')).dataSync();
  });
  model.dispose();
  return count;
}

test('models.json lists the models', t => {
  const {models} = JSON.parse(
    readFileSync(new URL('models.json', root), 'utf8'),
  ) as {models: string[]};
  t.deepEqual(models, [...rows].sort());
});

for (const row of rows) {
  test.serial(`robust:${row} loads, is small, and classifies`, async t => {
    const folder = new URL(`${encodeURIComponent(row)}/`, root);
    for (const file of readdirSync(folder)) {
      t.true(statSync(new URL(file, folder)).size < 1e6, file);
    }
    const card = JSON.parse(
      readFileSync(new URL('card.json', folder), 'utf8'),
    ) as {defense: string; heldOut: {clean: number}};
    t.is(folderName(findRow(card.defense)), row);
    const clean = await right(row, 0);
    // What the card says, less what 30 images can differ by.
    t.true(clean / COUNT > card.heldOut.clean - 0.25, `${clean} of ${COUNT}`);
  });
}

test.serial('trained against D, a model withstands it', async t => {
  const [plain, robust] = [await right('Undefended', 5), await right('D', 5)];
  t.true(robust > plain + 5, JSON.stringify({plain, robust}));
});
