import type {ImageSet} from '../../src/index.js';
import {computeUnit} from '../work/compute_unit.js';
import type {PartPlace, PartStore} from './part_store.js';
import type {PlannedPart, RowModel} from './plan.js';

/** Called for each example finished; `fresh` is false where it was known already. */
export type OnExamples = (
  count: number,
  place: PartPlace,
  fresh: boolean,
) => void;

export interface ComputeArgs {
  data: ImageSet;
  store: PartStore;
  onExamples: OnExamples;
  signal?: AbortSignal;
}

/** The parts that are not in the store yet. */
export async function missingParts(
  parts: PlannedPart[],
  {store, onExamples}: Pick<ComputeArgs, 'store' | 'onExamples'>,
): Promise<PlannedPart[]> {
  const missing: PlannedPart[] = [];
  for (const part of parts) {
    const {place} = part;
    if (!(await store.read(place))) missing.push(part);
    else onExamples(place.end - place.begin, place, false);
  }
  return missing;
}

/** Computes the parts of one row that are not in the store yet. */
export async function computeRow(
  {model}: RowModel,
  parts: PlannedPart[],
  args: ComputeArgs,
): Promise<void> {
  const {data, store, onExamples, signal} = args;
  for (const {place, unit} of await missingParts(parts, args)) {
    if (signal?.aborted) return;
    const found = await computeUnit(unit, {
      ...{model, data: data.slice(place.begin, place.end), signal},
      onExamples: count => onExamples(count, place, true),
    });
    if (found) await store.write(place, found);
  }
}
