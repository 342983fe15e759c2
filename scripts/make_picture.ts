// Makes the picture of the README from a model of this repository:
//   node --conditions=@tfjs-adversarial/source --import=tsx scripts/make_picture.ts docs/attacks.png
import {writeWhole} from '../src/io/cache.js';
import {loadCifar10} from '../src/node.js';
import {startBackend} from '../src/cli/command_line.js';
import {readModel} from './models.js';
import {attackPicture} from './picture.js';
import type {LayersModel} from '@tensorflow/tfjs';

const [file = 'docs/attacks.png', path = 'robust:Undefended'] =
  process.argv.slice(2);
await startBackend();
const model = (await readModel(path)) as LayersModel;
const data = await loadCifar10({examples: 100});
const attacks = ['None', 'C', 'D', 'S', 'C+S+D'];
await writeWhole(file, attackPicture(model, data, {attacks, steps: 100}));
