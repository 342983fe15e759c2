import {readdir, readFile, stat} from 'node:fs/promises';
import {dirname, join, resolve} from 'node:path';
import {parse} from 'csv-parse/sync';

/** A picture file and the name of its class. */
export interface LabeledFile {
  file: string;
  className: string;
}

/**
 * The files of a folder with a sub-folder for each class, or of a CSV file of
 * names and classes. In the order of their names; hidden files are left out.
 *
 * @throws one sentence if there is no such folder or file, or it holds no classes.
 */
export async function listPictures(path: string): Promise<LabeledFile[]> {
  const found = await stat(path).catch(() => null);
  if (!found) throw new Error(`${path || "''"}: no such file or folder.`);
  return found.isDirectory() ? inFolders(path) : inCsv(path);
}

async function inFolders(path: string): Promise<LabeledFile[]> {
  const entries = await namesOf(path);
  const folders = entries.filter(entry => entry.isDirectory());
  if (folders.length === 0) {
    throw new Error(
      entries.length === 0
        ? `${path} is empty: it needs a sub-folder of pictures for each class.`
        : `${path} has ${entries.length} files, but no sub-folders: pictures are sorted into a sub-folder for each class, or listed in a CSV file of file,label.`,
    );
  }
  const files: LabeledFile[] = [];
  for (const {name: className} of folders) {
    const inside = await namesOf(join(path, className));
    const pictures = inside.filter(entry => !entry.isDirectory());
    if (pictures.length === 0) {
      throw new Error(
        `The class folder ${join(path, className)} holds no files.`,
      );
    }
    for (const {name} of pictures) {
      files.push({file: join(path, className, name), className});
    }
  }
  return files;
}

/** Sorted by code unit, as Python sorts: Keras numbers classes in this order. */
async function namesOf(folder: string) {
  const entries = await readdir(folder, {withFileTypes: true});
  return entries
    .filter(({name}) => !name.startsWith('.') && name !== 'Thumbs.db')
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function inCsv(path: string): Promise<LabeledFile[]> {
  let rows: string[][];
  try {
    rows = parse(await readFile(path), {
      bom: true,
      trim: true,
      skip_empty_lines: true,
    });
  } catch (error) {
    throw new Error(`${path} is no CSV file: ${(error as Error).message}.`, {
      cause: error,
    });
  }
  if (/^(file|filename|path|image)$/i.test(rows[0]?.[0] ?? '')) rows.shift();
  if (rows.length === 0) throw new Error(`${path} lists no pictures.`);
  const folder = resolve(dirname(path));
  return rows.map((row, i) => {
    if (row.length < 2 || !row[0] || !row[1]) {
      throw new Error(
        `Line ${i + 1} of ${path} is not file,label: ${row.join(',')}`,
      );
    }
    return {file: resolve(folder, row[0]), className: row[1]};
  });
}
