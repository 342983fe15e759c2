import test from 'ava';
import {evaluateRobustness, logits} from '../../src/index.js';
import {missingBackend, usual} from '../helpers/backends.js';
import {MASKS} from '../helpers/masks.js';
import {leakAsync} from '../helpers/memory.js';
import {ownLabels, small, toyImages, toyModel} from '../helpers/toy.js';

// Where it is not to be had, plain JavaScript stays the backend.
await missingBackend(process.env.TEST_BACKEND ? usual : 'onnx');

const model = toyModel({end: 'softmax', seed: 3});
const images = toyImages(24, {seed: 4});
const data = {images, labels: ownLabels(model, images)};

test.serial('an honest model: no warning', async t => {
  const {warnings, results} = await evaluateRobustness(model, data, {
    attacks: ['None', 'D', small('C')],
  });
  t.deepEqual(warnings, []);
  t.true(results[1].accuracy < 0.5);
});

for (const [name, {make, codes}] of Object.entries(MASKS)) {
  test.serial(`${name}: one warning at least, and the right one`, async t => {
    const classifier = make(x => logits(model, x));
    const attacks = ['None', 'D'];
    const leaked = await leakAsync(async () => {
      const {warnings} = await evaluateRobustness(classifier, data, {attacks});
      const found = warnings.map(({code}) => code);
      t.log(...found);
      t.true(
        codes.some(code => found.includes(code)),
        `found: ${found.join()}`,
      );
    });
    t.is(leaked, 0);
    const {warnings} = await evaluateRobustness(classifier, data, {
      attacks: ['None'],
      warnings: false,
    });
    t.deepEqual(warnings, []);
  });
}
