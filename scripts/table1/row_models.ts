import {createHash} from 'node:crypto';
import {readdir, readFile, stat} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {countClasses} from '../../src/models/logits.js';
import {paperRow, ROWS} from './paper.js';
import type {RowModel} from './run.js';
import {readModel} from '../models.js';

export interface NamedPath {
  name: string;
  path: string;
}

/** `NAME=PATH`; a name of Table 1 however it is written. */
export function parseRow(text: string): NamedPath {
  const at = text.indexOf('=');
  const name = text.slice(0, at).trim();
  const path = text.slice(at + 1);
  if (at < 0 || name === '' || path === '') {
    throw new Error(
      `A row is written NAME=PATH, for instance D=models/delta.pt, but '${text}' is not.`,
    );
  }
  return {name: paperRow(name) ?? name, path};
}

/** The models in a folder: a sub-folder each, named after its row. */
export async function rowsOfFolder(folder: string): Promise<NamedPath[]> {
  const names = await readdir(folder).catch(() => {
    throw new Error(
      `There is no folder ${folder}: --models takes one with a sub-folder for each row, such as C+S+D, with a model.json in it.`,
    );
  });
  const found: NamedPath[] = [];
  for (const name of names.sort()) {
    const path = join(folder, name);
    if (await stat(join(path, 'model.json')).catch(() => null)) {
      found.push({name: paperRow(name) ?? name, path});
    }
  }
  if (found.length === 0) {
    throw new Error(
      `${folder} has no sub-folder with a model.json; train --out puts one there for each row.`,
    );
  }
  return found;
}

/** In the order of Table 1, others after them. @throws if two have the same name. */
export function inOrder(rows: NamedPath[]): NamedPath[] {
  const names = rows.map(row => row.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new Error(`The row ${twice} is there twice.`);
  const place = (name: string) =>
    (ROWS.indexOf(name) + 1 || Infinity) as number;
  return [...rows].sort((a, b) => {
    const [first, second] = [place(a.name), place(b.name)];
    return first === second ? 0 : first - second;
  });
}

/** Reads a row's model and looks at whether it can be attacked. */
export async function loadRow({name, path}: NamedPath): Promise<RowModel> {
  const model = await readModel(path);
  const classes = tf.tidy(() =>
    countClasses(model, tf.zeros([1, 32, 32, 3]) as tf.Tensor4D),
  );
  if (classes !== 10) {
    throw new Error(
      `${path} tells ${classes} classes apart; a row of the table needs the 10 of CIFAR-10.`,
    );
  }
  return {name, digest: await digest(path), model};
}

/** SHA-256 of all that the model is made of. */
async function digest(path: string): Promise<string> {
  const hash = createHash('sha256');
  const isFile = (await stat(path)).isFile();
  if (isFile && !path.endsWith('.json')) {
    return hash.update(await readFile(path)).digest('hex');
  }
  const json = isFile ? path : join(path, 'model.json');
  const text = await readFile(json, 'utf8');
  hash.update(text);
  const manifest = (JSON.parse(text) as tf.io.ModelJSON).weightsManifest;
  for (const file of manifest.flatMap(group => group.paths)) {
    hash.update(await readFile(join(dirname(json), file)));
  }
  return hash.digest('hex');
}
