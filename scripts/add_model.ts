// Puts trained rows into packages/tfjs-adversarial-models, with weights as float16
// where these classify as many images correctly:
//   node --conditions=@tfjs-adversarial/source --import=tsx scripts/add_model.ts runs/rows/D …
import {readdir, readFile, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import type * as tf from '@tensorflow/tfjs';
import {evaluateRobustness, type ImageSet} from '../src/index.js';
import {loadCifar10, loadModel, saveModel} from '../src/node.js';
import {writeWhole} from '../src/io/cache.js';
import {startBackend} from '../src/cli/command_line.js';
import {float16} from './float16.js';
import {findRow, folderName} from './paper_rows.js';

/** Test images on which the two precisions are compared. */
const EXAMPLES = 1000;
/** By how many of them float16 may differ. */
const TOLERANCE = 2;

const HALVED = 'weights.f16.bin';

const root = fileURLToPath(
  new URL('../packages/tfjs-adversarial-models/models/', import.meta.url),
);

/** Writes the weights of a saved model as float16, beside or in place of those it has. */
export async function halve(folder: string): Promise<void> {
  const file = join(folder, 'model.json');
  const json = JSON.parse(await readFile(file, 'utf8')) as tf.io.ModelJSON;
  const [{paths, weights}] = json.weightsManifest;
  const data = Buffer.concat(
    await Promise.all(paths.map(path => readFile(join(folder, path)))),
  );
  if (weights.some(w => w.quantization || w.dtype !== 'float32')) return;
  const floats = new Float32Array(
    data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength),
  );
  json.weightsManifest = [
    {
      paths: [HALVED],
      weights: weights.map(w => ({...w, quantization: {dtype: 'float16'}})),
    },
  ];
  await writeWhole(
    join(folder, HALVED),
    Buffer.from(Uint16Array.from(floats, float16).buffer),
  );
  await writeWhole(file, JSON.stringify(json));
  for (const path of paths) await rm(join(folder, path));
}

async function main(folders: string[]): Promise<void> {
  if (folders.length === 0) throw new Error('Give folders that train wrote.');
  await startBackend();
  const data = await loadCifar10({split: 'test', examples: EXAMPLES});
  for (const from of folders) {
    const card = JSON.parse(await readFile(join(from, 'card.json'), 'utf8'));
    const row = findRow(card.defense);
    const to = join(root, folderName(row));
    const model = await loadModel(from);
    await saveModel(model, to, {metadata: {defense: row.name}});
    const before = await correct(model, data);
    await halve(to);
    const halved = await loadModel(to);
    const after = await correct(halved, data);
    halved.dispose();
    const apart = [...before].filter((c, i) => c !== after[i]).length;
    const sum = (text: string) => [...text].filter(c => c === '1').length;
    console.log(
      `${row.name}: ${sum(before)} of ${EXAMPLES} correct with float32, ${sum(after)} with float16; ${apart} differ.`,
    );
    if (Math.abs(sum(before) - sum(after)) > TOLERANCE) {
      await saveModel(model, to, {metadata: {defense: row.name}});
      await rm(join(to, HALVED));
      console.log(`${row.name} keeps float32.`);
    }
    model.dispose();
    for (const file of ['card.json', 'card.md']) {
      await writeWhole(join(to, file), await readFile(join(from, file)));
    }
    console.log(`It is in ${to}.`);
  }
  await writeIndex();
}

/** One character for each image. */
async function correct(model: tf.LayersModel, data: ImageSet): Promise<string> {
  const {results} = await evaluateRobustness(model, data, {
    attacks: ['None'],
    batchSize: 100,
  });
  return results[0].correct;
}

/** The names of all models, for a browser, which cannot list a folder. */
async function writeIndex(): Promise<void> {
  const entries = await readdir(root, {withFileTypes: true});
  const models = entries.filter(e => e.isDirectory()).map(e => e.name);
  await writeWhole(
    join(root, 'models.json'),
    JSON.stringify({models: models.sort()}, null, 2) + '\n',
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main(process.argv.slice(2)).catch(error => {
    console.error(`Error: ${(error as Error).message}`);
    process.exitCode = 2;
  });
}
