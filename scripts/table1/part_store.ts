import {createHash} from 'node:crypto';
import {readdir, readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {fileError, removeTemporary, writeWhole} from '../../src/io/cache.js';
import type {Variant} from '../../src/index.js';
import type {Part, TableSettings} from './types.js';

/** Changes whenever older results cannot be continued. */
const FORMAT = 2;

interface Header extends TableSettings {
  format: number;
  /** SHA-256 of each row's model. */
  models: Record<string, string>;
}

/**
 * The folder of finished parts. Each is a file of its own, written under a
 * temporary name and then renamed, so that it is whole.
 */
export class PartStore {
  private constructor(
    private readonly folder: string,
    private readonly unitOf: UnitOf,
  ) {}

  /**
   * @param models the SHA-256 of each row's model.
   * @param unitOf the name of the unit that computes a part. A part of another
   *     unit, for instance of another version of this package, is not taken.
   * @throws one sentence if the folder holds results of other settings or models.
   */
  static async open(
    folder: string,
    settings: TableSettings,
    models: Record<string, string>,
    unitOf: UnitOf = () => undefined,
  ): Promise<PartStore> {
    const file = join(folder, 'settings.json');
    const known = await readJson<Header>(file);
    if (known) check(folder, known, {...settings, format: FORMAT}, models);
    const header: Header = {
      format: FORMAT,
      ...settings,
      models: {...known?.models, ...models},
    };
    await writeWhole(file, JSON.stringify(header, null, 2) + '\n');
    await removeLeftovers(folder);
    return new PartStore(folder, unitOf);
  }

  /** The part, if it is finished. */
  async read(place: PartPlace): Promise<Part | undefined> {
    const part = await readJson<Part>(this.file(place));
    const {begin, end} = place;
    // Folders of version 0.1.0 have parts without the name of a unit.
    const unit = part?.unit ?? this.unitOf(place);
    if (unit !== this.unitOf(place)) return undefined;
    return part?.correct?.length === end - begin ? part : undefined;
  }

  async write(place: PartPlace, part: Omit<Part, 'unit'>): Promise<void> {
    const {correct, pictures, seconds, warnings} = part;
    const unit = this.unitOf(place);
    const written: Part = {unit, correct, pictures, seconds, warnings};
    await writeWhole(this.file(place), JSON.stringify(written) + '\n');
  }

  private file({row, variant, attack, begin, end}: PartPlace): string {
    return join(
      this.folder,
      'parts',
      fileName(row),
      variant,
      fileName(attack),
      `${begin}-${end}.json`,
    );
  }
}

export type UnitOf = (place: PartPlace) => string | undefined;

export interface PartPlace {
  row: string;
  variant: Variant;
  attack: string;
  /** Examples `begin` to `end`, exclusive. */
  begin: number;
  end: number;
}

/** A file name that every system allows, different for each name. */
function fileName(name: string): string {
  const plain = name.replace(/[^A-Za-z0-9+-]/g, '_').slice(0, 60);
  if (plain === name) return plain;
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 8);
  return `${plain}.${digest}`;
}

/** Removes the unfinished files of killed runs. */
async function removeLeftovers(folder: string): Promise<void> {
  const all = await readdir(folder, {recursive: true, withFileTypes: true});
  const folders = all.filter(entry => entry.isDirectory());
  await removeTemporary(folder);
  for (const {parentPath, name} of folders) {
    await removeTemporary(join(parentPath, name));
  }
}

function check(
  folder: string,
  known: Header,
  wanted: Omit<Header, 'models'>,
  models: Record<string, string>,
): void {
  for (const [name, value] of Object.entries(wanted)) {
    const before = known[name as keyof Header];
    if (before !== value) {
      throw new Error(
        `${folder} holds results with ${name} ${JSON.stringify(before)}, not ${JSON.stringify(value)}: give the same options, or another --out.`,
      );
    }
  }
  for (const [row, digest] of Object.entries(models)) {
    const before = known.models?.[row];
    if (before !== undefined && before !== digest) {
      throw new Error(
        `${folder} holds results of another model for the row ${row} (SHA-256 ${before.slice(0, 12)}…, not ${digest.slice(0, 12)}…): give the same model again, another name, or another --out.`,
      );
    }
  }
}

async function readJson<T>(file: string): Promise<T | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fileError(error, file, 'read');
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as T;
  } catch {
    // The error is thrown below.
  }
  throw new Error(
    `${file} is damaged: remove it to compute its results again.`,
  );
}
