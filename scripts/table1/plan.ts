import type {Classifier, ImageSet, Variant} from '../../src/index.js';
import type {SearchOptions} from '../../src/cli/search_options.js';
import {dataDigest, makeUnit, unitName, type WorkUnit} from '../work/unit.js';
import type {PartPlace} from './part_store.js';
import type {TableSettings} from './types.js';

export interface RowModel {
  name: string;
  /** Where the model was read from. */
  path: string;
  /** SHA-256 of its files. */
  digest: string;
  model: Classifier;
}

/** A part of a cell: its place in the table, and the unit of work that computes it. */
export interface PlannedPart {
  place: PartPlace;
  unit: WorkUnit;
  /** The name of the unit. */
  name: string;
}

export interface PlanArgs {
  rows: Array<Omit<RowModel, 'model'>>;
  columns: string[];
  variants: Variant[];
  settings: TableSettings;
  search: SearchOptions;
  data: ImageSet;
}

/** The parts of a cell, the same whenever it is computed: results do not depend on interruptions. */
export function partPlaces(
  {row, variant, attack}: Omit<PartPlace, 'begin' | 'end'>,
  examples: number,
  size: number,
): PartPlace[] {
  return Array.from({length: Math.ceil(examples / size)}, (_, i) => {
    const begin = i * size;
    const end = Math.min(begin + size, examples);
    return {row, variant, attack, begin, end};
  });
}

/** All parts of the table, row by row. */
export function planTable(args: PlanArgs): PlannedPart[] {
  const {rows, columns, variants, settings, search, data} = args;
  const {batch, backend, pictures, part} = settings;
  const digests = new Map<number, string>();
  const digestOf = (begin: number, end: number) => {
    const known = digests.get(begin);
    if (known !== undefined) return known;
    const digest = dataDigest(data.slice(begin, end));
    digests.set(begin, digest);
    return digest;
  };
  return rows.flatMap(({name: row, digest: model}) =>
    variants.flatMap(variant =>
      columns.flatMap(attack =>
        partPlaces({row, variant, attack}, data.size, part).map(place => {
          const {begin, end} = place;
          const unit = makeUnit(
            {
              ...{backend, model, attack, variant, search, batch, pictures},
              ...{begin, end},
            },
            digestOf(begin, end),
          );
          return {place, unit, name: unitName(unit)};
        }),
      ),
    ),
  );
}
