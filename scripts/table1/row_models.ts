import {readdir, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {modelDigest, readCifar10Model} from '../models.js';
import {matchRow, ROW_NAMES} from '../paper_rows.js';
import type {RowModel} from './plan.js';

export interface NamedPath {
  name: string;
  path: string;
}

/** Prints how a name was understood that is not exactly a row's. */
const say = (sentence: string) => console.error(sentence);

function rowName(name: string): string {
  const row = matchRow(name, say);
  if (row) return row.name;
  say(`'${name}' is no row of Table 1: it has no numbers of the paper.`);
  return name;
}

/** `NAME=PATH`, with the name as {@link matchRow} takes it, or any other. */
export function parseRow(text: string): NamedPath {
  const at = text.indexOf('=');
  const name = text.slice(0, at).trim();
  const path = text.slice(at + 1);
  if (at < 0 || name === '' || path === '') {
    throw new Error(
      `A row is written NAME=PATH, for instance D=models/delta.pt, but '${text}' is not.`,
    );
  }
  return {name: rowName(name), path};
}

/** The models in a folder: a sub-folder each, named after its row. */
export async function rowsOfFolder(folder: string): Promise<NamedPath[]> {
  const names = await readdir(folder).catch(() => {
    throw new Error(
      `${folder}: no such folder. --models takes one with a sub-folder for each row, such as C+S+D, with a model.json in it.`,
    );
  });
  const found: NamedPath[] = [];
  for (const name of names.sort()) {
    const path = join(folder, name);
    if (await stat(join(path, 'model.json')).catch(() => null)) {
      found.push({name: rowName(name), path});
    }
  }
  if (found.length === 0) {
    throw new Error(
      `${folder} has no sub-folder with a model.json; train --out writes one for each row.`,
    );
  }
  return found;
}

/** In the order of Table 1, others after them. @throws if two have the same name. */
export function inOrder(rows: NamedPath[]): NamedPath[] {
  const names = rows.map(row => row.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new Error(`The row ${twice} is given twice.`);
  const place = (name: string) =>
    (ROW_NAMES.indexOf(name) + 1 || Infinity) as number;
  return [...rows].sort((a, b) => {
    const [first, second] = [place(a.name), place(b.name)];
    return first === second ? 0 : first - second;
  });
}

/** Reads a row's model and checks that it can be attacked. */
export async function loadRow({name, path}: NamedPath): Promise<RowModel> {
  const model = await readCifar10Model(path);
  return {name, path, digest: await modelDigest(path), model};
}
