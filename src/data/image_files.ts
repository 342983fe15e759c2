import {readdir, stat} from 'node:fs/promises';
import {dirname, join, resolve} from 'node:path';
import {parse} from 'csv-parse/sync';
import {fileError, readRegularFile} from '../io/cache.js';

/** A picture file and the name of its class. */
export interface LabeledFile {
  file: string;
  className: string;
}

/** Pictures, and the names of their classes in the order of a model's outputs. */
export interface PictureList {
  files: LabeledFile[];
  classNames: string[];
}

/**
 * The files of a folder with a sub-folder for each class, in the order of their
 * names without hidden ones, or of a CSV file of names and classes. Classes are
 * sorted by name, as Keras sorts folders; numbers in a CSV file by their value.
 *
 * @throws one sentence if there is no such folder or file, or it holds no classes.
 */
export async function listPictures(path: string): Promise<PictureList> {
  const found = await stat(path).catch(() => null);
  if (!found) throw new Error(`${path || "''"}: no such file or folder.`);
  const folder = found.isDirectory();
  const files = await (folder ? inFolders(path) : inCsv(path));
  const names = [...new Set(files.map(({className}) => className))].sort();
  if (!folder && names.every(name => /^\d{1,9}$/.test(name))) {
    names.sort((a, b) => Number(a) - Number(b));
  }
  return {files, classNames: names};
}

async function inFolders(path: string): Promise<LabeledFile[]> {
  const {folders, files: loose} = await entriesOf(path);
  if (folders.length === 0) {
    throw new Error(
      loose.length === 0
        ? `${path} is empty: it needs a sub-folder of pictures for each class.`
        : `${path} has ${loose.length} files, but no sub-folders: pictures are sorted into a sub-folder for each class, or listed in a CSV file of file,label.`,
    );
  }
  const found: LabeledFile[] = [];
  for (const className of folders) {
    const folder = join(path, className);
    const {folders: inner, files} = await entriesOf(folder);
    if (files.length === 0) {
      throw new Error(
        inner.length === 0
          ? `The class folder ${folder} holds no files.`
          : `The class folder ${folder} holds only folders, such as ${inner[0]}: pictures must lie in the class folders themselves.`,
      );
    }
    for (const name of files) found.push({file: join(folder, name), className});
  }
  return found;
}

/**
 * Names in a folder, without hidden ones. Sorted by code unit, as Python sorts:
 * Keras numbers classes in this order. A link counts as what it leads to, one
 * that leads nowhere as a file, which then cannot be read.
 */
async function entriesOf(
  folder: string,
): Promise<{folders: string[]; files: string[]}> {
  const entries = await readdir(folder, {withFileTypes: true}).catch(
    (error: unknown) => {
      throw fileError(error, folder, 'read');
    },
  );
  const [folders, files]: string[][] = [[], []];
  for (const entry of entries) {
    const {name} = entry;
    if (name.startsWith('.') || name === 'Thumbs.db') continue;
    const isFolder =
      entry.isDirectory() ||
      (entry.isSymbolicLink() &&
        (await stat(join(folder, name)).catch(() => null))?.isDirectory());
    (isFolder ? folders : files).push(name);
  }
  return {folders: folders.sort(), files: files.sort()};
}

/** What the parser gives with `info`, which its types do not say. */
interface Row {
  record: string[];
  info: {lines: number};
}

async function inCsv(path: string): Promise<LabeledFile[]> {
  let rows: Row[];
  try {
    rows = parse(await readRegularFile(path), {
      bom: true,
      trim: true,
      skip_empty_lines: true,
      relax_column_count: true,
      info: true,
    }) as unknown as Row[];
  } catch (error) {
    throw new Error(
      `${path} is no CSV file: ${(error as Error).message.split(/, value is|\n/)[0].replace(/\.$/, '')}.`,
      {cause: error},
    );
  }
  if (/^(file|file_?name|file_?path|path|image)$/i.test(rows[0]?.record[0])) {
    rows.shift();
  }
  if (rows.length === 0) throw new Error(`${path} lists no pictures.`);
  const folder = resolve(dirname(path));
  return rows.map(({record, info}) => {
    const [file, className] = record;
    if (!file || !className) {
      throw new Error(
        `Line ${info.lines} of ${path} is not file,label: ${record.join(',')}`,
      );
    }
    return {file: resolve(folder, file), className};
  });
}
