import type {ImageSet} from '../../src/index.js';
import {ComputeProcess} from './compute_process.js';
import {imageFiles} from './image_files.js';
import {describe, type Result, type Unit} from './kinds.js';

/** Attempts at a unit before it is reported. */
export const ATTEMPTS = 3;

/** Half an hour without a finished example. */
export const SILENCE = 30 * 60_000;

export interface Job {
  unit: Unit;
  /** Where the unit's model lies. */
  path?: string;
  /** The unit's examples, where they are sent with it. */
  images?: ImageSet;
}

export interface RunJobsArgs<T extends Job> {
  /** Number of processes. */
  jobs: number;
  backend: string;
  threads?: number;
  onExamples(count: number, job: T, worker: string): void;
  onResult(result: Result, job: T): Promise<void>;
  signal?: AbortSignal;
}

/**
 * Computes units in several processes on this machine. A unit whose process dies
 * or hangs is tried again, at most {@link ATTEMPTS} times.
 *
 * @throws Error with one sentence if a unit fails each time.
 */
export async function runJobs<T extends Job>(
  work: T[],
  args: RunJobsArgs<T>,
): Promise<void> {
  const {jobs, backend, threads, onExamples, onResult, signal} = args;
  const waiting = [...work];
  const processes = Array.from(
    {length: Math.min(jobs, work.length)},
    (_, i) =>
      new ComputeProcess({
        ...{backend, threads, silence: SILENCE},
        worker: `process ${i + 1}`,
      }),
  );
  const images = imageFiles();
  let ended = false;
  const stop = () => {
    ended = true;
    for (const process of processes) process.stop();
  };
  signal?.addEventListener('abort', stop);
  const compute = async (process: ComputeProcess, job: T) => {
    for (let attempt = 1; !ended; attempt++) {
      let told = 0;
      try {
        const {unit, path} = job;
        const order = {unit, path, images: await images.of(job)};
        const result = await process.run(order, count => {
          told += count;
          onExamples(count, job, process.name);
        });
        return await onResult(result, job);
      } catch (error) {
        if (ended) return;
        process.stop();
        onExamples(-told, job, process.name);
        if (attempt < ATTEMPTS) continue;
        throw new Error(
          `${describe(job.unit)} failed ${ATTEMPTS} times: ${(error as Error).message}`,
          {cause: error},
        );
      }
    }
  };
  const drain = async (process: ComputeProcess) => {
    for (let job = waiting.shift(); job && !ended; job = waiting.shift()) {
      await compute(process, job);
    }
  };
  try {
    if (!signal?.aborted) await Promise.all(processes.map(drain));
  } finally {
    signal?.removeEventListener('abort', stop);
    stop();
    await images.remove();
  }
}
