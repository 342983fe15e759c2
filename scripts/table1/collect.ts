import type {EvaluationWarning, Variant} from '../../src/index.js';
import {type CellPictures} from './html.js';
import {partPlaces} from './plan.js';
import type {PartPlace, PartStore} from './part_store.js';
import {tableRow} from './table.js';
import type {Part, Row, Table, TableSettings} from './types.js';

export interface CollectArgs {
  store: PartStore;
  settings: TableSettings;
  examples: number;
  columns: string[];
  variants: Variant[];
  rows: Array<{name: string; digest: string}>;
}

/** The table of what is finished, with its pictures. */
export async function collectTable({
  store,
  settings,
  examples,
  columns,
  variants,
  rows,
}: CollectArgs): Promise<{table: Table; pictures: CellPictures}> {
  const shown = new Map<string, string[]>();
  const key = (...names: string[]) => JSON.stringify(names);
  const found: Row[] = [];
  for (const variant of variants) {
    for (const {name, digest} of rows) {
      const correct: Array<string | null> = [];
      const warnings: EvaluationWarning[] = [];
      for (const attack of columns) {
        const cell = {row: name, variant, attack};
        const parts = await readParts(
          store,
          partPlaces(cell, examples, settings.part),
        );
        correct.push(parts && parts.map(part => part.correct).join(''));
        warnings.push(...(parts?.[0]?.warnings ?? []));
        const pictures = (parts ?? []).flatMap(part => part.pictures);
        shown.set(
          key(name, variant, attack),
          pictures.slice(0, settings.pictures),
        );
      }
      found.push({
        ...tableRow(name, digest, variant, columns, correct),
        ...(warnings.length > 0 && {warnings}),
      });
    }
  }
  return {
    table: {settings, examples, columns, rows: found},
    pictures: (row, attack) =>
      shown.get(key(row.name, row.variant, attack)) ?? [],
  };
}

/** All parts of a cell, or null if one is not finished. */
async function readParts(
  store: PartStore,
  places: PartPlace[],
): Promise<Part[] | null> {
  const parts: Part[] = [];
  for (const place of places) {
    const part = await store.read(place);
    if (!part) return null;
    parts.push(part);
  }
  return parts;
}
