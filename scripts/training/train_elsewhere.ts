import {randomUUID} from 'node:crypto';
import {readdir, rm} from 'node:fs/promises';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import type {ImageSet} from '../../src/index.js';
import {readSafetensors} from '../../src/cli/safetensors.js';
import {modelDigest} from '../models.js';
import type {PaperRow} from '../paper_rows.js';
import {nameOf, type Result} from '../work/kinds.js';
import {workProgress} from '../work/progress.js';
import {produce} from '../work/queue/produce.js';
import {
  connect,
  type Exchange,
  type RedisAddress,
} from '../work/queue/redis.js';
import {
  receiveFiles,
  removeRun,
  sendCheckpoint,
} from '../work/queue/run_bundle.js';
import {packRun, unpackRun} from '../work/run_files.js';
import type {Job} from '../work/run_jobs.js';
import {
  batchesOf,
  makeTraining,
  type TrainingResult,
  type TrainingUnit,
} from '../work/training_unit.js';
import {dataDigest} from '../work/unit.js';
import {
  checkpointFile,
  finishedEpochs,
  hasCheckpoint,
  type Metadata,
} from './checkpoint.js';
import type {OnNaN} from './finite_guard.js';
import type {Settings} from './settings.js';
import {readTensors} from './tensor_file.js';

/** A row to train. */
export interface TrainingJob {
  defense: PaperRow;
  out: string;
  settings: Settings;
}

export interface TrainElsewhereArgs {
  address: RedisAddress;
  weights?: string;
  checkpointMinutes: number;
  onNaN: OnNaN;
  signal: AbortSignal;
}

interface Trained {
  done: boolean;
  history: Array<Record<string, number>>;
}

type RunJob = Job & {unit: TrainingUnit};

/**
 * Lets workers train rows, each once the row that it starts from is there.
 *
 * @returns `next` waits for the next of the jobs, in their order.
 */
export function trainElsewhere(
  jobs: TrainingJob[],
  data: ImageSet,
  {address, weights, checkpointMinutes, onNaN, signal}: TrainElsewhereArgs,
): {next(): Promise<Trained>} {
  const failed = new AbortController();
  const stopped = AbortSignal.any([signal, failed.signal]);
  const digest = dataDigest(data);
  const batches = jobs.reduce((sum, job) => sum + batchesOf(job), 0);
  const progress = workProgress(batches, 'batches');
  const connected = connect(address);
  const ends = new Map<string, Promise<Trained>>();

  const train = async ({out, settings}: TrainingJob): Promise<Trained> => {
    const exchange: Exchange = {redis: await connected, weights};
    exchange.redis.on('error', () => {});
    const {init, defense} = settings;
    const start = init === null ? undefined : await ends.get(init);
    if (stopped.aborted || start?.done === false) {
      return {done: false, history: []};
    }
    const unit = makeTraining({
      ...{backend: tf.getBackend(), data: digest, settings},
      ...{onNaN, checkpointMinutes},
      ...(init !== null && {model: await modelDigest(init)}),
    });
    const name = nameOf(unit);
    if (await hasCheckpoint(out)) {
      const begun = await batchesDone(out, batchesOf(unit) / settings.epochs);
      await sendCheckpoint(exchange, name, await packRun(out), begun);
    }
    let done = false;
    const job: RunJob = {unit, path: init ?? undefined};
    await produce([job], {
      ...{address, backend: unit.backend, weights, verify: 0, signal: stopped},
      onWorkers: progress.workers,
      onExamples: (count, _, worker) =>
        progress.update(count, worker, defense, batchesOf(unit)),
      onResult: async (result: Result) => {
        const {files} = result as TrainingResult;
        await takeFiles(await receiveFiles(exchange, files), out, settings);
        await removeRun(exchange, name, files);
        done = true;
      },
    });
    return {done, history: done ? (await metadataOf(out)).history : []};
  };

  for (const job of jobs) {
    const end = train(job);
    end.catch(() => failed.abort());
    ends.set(job.out, end);
  }
  const all = Promise.allSettled(ends.values()).then(async () => {
    progress.stop();
    await connected.then(
      redis => redis.disconnect(),
      () => {},
    );
  });
  const waiting = jobs.map(({out}) => out);
  return {
    async next() {
      try {
        const trained = await ends.get(waiting.shift()!)!;
        if (waiting.length === 0) await all;
        // Another row may be what failed.
        if (!trained.done && !signal.aborted) await Promise.all(ends.values());
        return trained;
      } catch (error) {
        await all;
        throw error;
      }
    },
  };
}

const metadataOf = async (folder: string) =>
  (await readSafetensors(checkpointFile(folder))).metadata as Metadata;

async function batchesDone(folder: string, ofEpoch: number): Promise<number> {
  const {epoch, batch} = await metadataOf(folder);
  return epoch * ofEpoch + batch;
}

/**
 * Puts the files of a finished row in its folder.
 *
 * @throws Error with one sentence if they are not those of the finished row.
 */
async function takeFiles(
  bundle: Buffer,
  out: string,
  settings: Settings,
): Promise<void> {
  const trial = `${out}.${randomUUID()}.tmp`;
  try {
    await unpackRun(bundle, trial);
    const {tensors, metadata} = await readTensors(checkpointFile(trial));
    tf.dispose([...tensors.values()]);
    const {settings: trained} = metadata as Metadata;
    const same = (Object.keys(settings) as Array<keyof Settings>).every(
      key => trained?.[key] === settings[key],
    );
    await modelDigest(trial);
    if ((await finishedEpochs(trial)) !== settings.epochs || !same) {
      throw new Error(
        `What a worker sent is not ${settings.defense}, trained to its end.`,
      );
    }
  } finally {
    await rm(trial, {recursive: true, force: true});
  }
  const names = await unpackRun(bundle, out);
  // The weights of an earlier epoch.
  for (const name of await readdir(out)) {
    if (name.endsWith('.bin') && !names.includes(name)) {
      await rm(join(out, name));
    }
  }
}
