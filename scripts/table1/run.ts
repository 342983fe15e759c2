import {attack as makeAttack} from '../../src/attacks/attack.js';
import type {Classifier} from '../../src/models/logits.js';
import type {Variant} from '../../src/attacks/threat_models/threat_model.js';
import type {ImageSet} from '../../src/data/images.js';
import {encodePng} from '../../src/io/png.js';
import {attackExamples} from '../../src/evaluation/attack_examples.js';
import type {PartPlace, PartStore} from './store.js';
import type {Part, TableSettings} from './types.js';

export interface RowModel {
  name: string;
  /** SHA-256 of its files. */
  digest: string;
  model: Classifier;
}

export interface ComputeArgs {
  settings: TableSettings;
  data: ImageSet;
  columns: string[];
  variants: Variant[];
  store: PartStore;
  /** Called for each example finished; `fresh` is false where it was known already. */
  onExamples(count: number, place: PartPlace, fresh: boolean): void;
  signal?: AbortSignal;
}

/** The parts of a cell: the same ones whenever it is computed, so that results do not depend on interruptions. */
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

/** Computes what is not in the store yet of one row. */
export async function computeRow(
  row: RowModel,
  args: ComputeArgs,
): Promise<void> {
  const {settings, data, columns, variants, store, onExamples, signal} = args;
  const places = variants.flatMap(variant =>
    columns.flatMap(attack => {
      const cell = {row: row.name, variant, attack};
      return partPlaces(cell, data.size, settings.part);
    }),
  );
  for (const place of places) {
    if (signal?.aborted) return;
    if (await store.read(place)) {
      onExamples(place.end - place.begin, place, false);
      continue;
    }
    const part = await computePart(row.model, place, args);
    if (part) await store.write(place, part);
  }
}

async function computePart(
  model: Classifier,
  place: PartPlace,
  {settings, data, onExamples, signal}: ComputeArgs,
): Promise<Part | null> {
  const {attack, variant, begin, end} = place;
  const {steps, seed, batch, pictures} = settings;
  const started = performance.now();
  const survived: boolean[] = [];
  const shown: string[] = [];
  let finished = 0;
  const search = makeAttack(attack, {
    variant,
    steps,
    seed,
    earlyStop: variant === 'paper',
  });
  const wanted = (index: number) => begin + index < pictures;
  await attackExamples(search, model, data.slice(begin, end), {
    batchSize: batch,
    signal,
    ...(begin < pictures && {wanted}),
    onFinished: ({index, margin, adversarial}) => {
      survived[index] = margin >= 0;
      if (adversarial) shown[index] = picture(adversarial, data.shape);
      finished++;
      onExamples(1, place, true);
    },
  });
  // It was stopped.
  if (finished < end - begin) return null;
  return {
    correct: survived.map(Number).join(''),
    pictures: shown,
    seconds: (performance.now() - started) / 1000,
  };
}

function picture(
  values: Float32Array,
  shape: readonly [number, number, number],
): string {
  const data = new Uint8ClampedArray(values.length);
  values.forEach((x, i) => (data[i] = 255 * x));
  return encodePng({data, shape: [...shape]}).toString('base64');
}
