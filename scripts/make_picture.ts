// Makes the pictures of the README and of docs/pictures.md from a model of this
// repository:
//   node --conditions=@tfjs-adversarial/source --import=tsx scripts/make_picture.ts docs
import {join} from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import {attack, attackPicture} from '../src/index.js';
import {loadCifar10, savePng} from '../src/node.js';
import {startBackend} from '../src/cli/command_line.js';
import {readModel} from './models.js';
import {attacksPicture} from './picture.js';

const [folder = 'docs', path = 'robust:Undefended'] = process.argv.slice(2);
await startBackend();
const model = (await readModel(path)) as tf.LayersModel;
const data = await loadCifar10({examples: 100});
const attacks = ['None', 'C', 'D', 'S', 'C+S+D'];
await savePng(
  join(folder, 'attacks.png'),
  attacksPicture(model, data, {attacks, steps: 100}),
);

const [images, labels] = [data.tensor(0, 6), data.labelTensor(0, 6)];
const {adversarial} = attack('D').perturb(model, images, labels);
const picture = await attackPicture(images, adversarial, {
  ...{classifier: model, labels, classNames: data.classNames},
});
await savePng(join(folder, 'pictures.png'), picture);
