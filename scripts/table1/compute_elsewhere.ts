import {VERIFY} from '../work/options.js';
import {workProgress} from '../work/progress.js';
import {produce} from '../work/queue/produce.js';
import type {RedisAddress} from '../work/queue/redis.js';
import type {Result} from '../work/kinds.js';
import type {WorkResult} from '../work/result.js';
import {runJobs} from '../work/run_jobs.js';
import type {PartStore} from './part_store.js';
import type {PlannedPart, RowModel} from './plan.js';

export interface ElsewhereArgs {
  rows: RowModel[];
  store: PartStore;
  backend: string;
  options: {
    jobs?: number;
    threads?: number;
    weights?: string;
    verify?: number;
  };
  /** The queue; without one, processes of this machine compute. */
  address?: RedisAddress;
  signal: AbortSignal;
}

/** Lets other processes compute parts, on this machine or on those of a queue. */
export async function computeElsewhere(
  parts: PlannedPart[],
  args: ElsewhereArgs,
): Promise<void> {
  const {rows, store, backend, options, address, signal} = args;
  const {jobs = 1, threads, weights, verify = VERIFY} = options;
  const paths = new Map(rows.map(({name, path}) => [name, path]));
  // Two rows with the same model have the same units.
  const places = new Map<string, PlannedPart[]>();
  for (const part of parts) {
    places.set(part.name, [...(places.get(part.name) ?? []), part]);
  }
  const work = [...places.values()].map(([part]) => ({
    ...part,
    path: paths.get(part.place.row)!,
  }));
  type Work = (typeof work)[number];
  const progress = workProgress(
    work.reduce((sum, {unit}) => sum + unit.end - unit.begin, 0),
  );
  const onExamples = (count: number, {place}: Work, worker: string) => {
    const {row, attack, variant, begin, end} = place;
    const what = `${row} / ${attack} (${variant}), ${begin} to ${end - 1}`;
    progress.update(count, worker, what, end - begin);
  };
  const onResult = async (result: Result, {name}: Work) => {
    for (const {place} of places.get(name)!) {
      await store.write(place, result as WorkResult);
    }
  };
  const shared = {backend, onExamples, onResult, signal};
  try {
    if (address) {
      const onWorkers = progress.workers;
      await produce(work, {...shared, address, weights, verify, onWorkers});
    } else {
      const single = threads ?? (backend === 'onnx' ? 1 : undefined);
      await runJobs(work, {...shared, jobs, threads: single});
    }
  } finally {
    progress.stop();
  }
}
