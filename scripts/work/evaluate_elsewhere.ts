import * as tf from '@tensorflow/tfjs';
import type {
  Elsewhere,
  ElsewhereRun,
  ElsewhereWork,
} from '../../src/cli/elsewhere.js';
import {type PlacedPart, reportParts} from '../../src/cli/evaluation_part.js';
import {whole} from '../../src/cli/options.js';
import {modelDigest} from '../models.js';
import {type EvaluationResult, makeEvaluation} from './evaluation_unit.js';
import type {Result} from './kinds.js';
import {
  checkQueueOptions,
  jobsOption,
  queueOption,
  VERIFY,
  verifyOption,
  weightsOption,
} from './options.js';
import {workProgress} from './progress.js';
import {produce} from './queue/produce.js';
import {parseRedisUrl, type RedisAddress} from './queue/redis.js';
import {type Job, runJobs} from './run_jobs.js';

interface Options {
  jobs?: number;
  queue?: string;
  weights?: string;
  verify?: number;
  part?: number;
  threads?: number;
  save?: string;
  html?: string;
  round8?: boolean;
}

/** Examples of a part, by default. */
const PART = 200;

/** `--jobs` and `--queue` of `evaluate`. */
export const evaluateElsewhere: Elsewhere = {
  addOptions(program) {
    program
      .addOption(jobsOption())
      .addOption(queueOption())
      .addOption(weightsOption())
      .addOption(verifyOption())
      .option(
        '--part <n>',
        `with --jobs or --queue: examples of an attack that one process computes at a time (default: ${PART})`,
        whole(1, 10_000),
      );
  },
  prepare(given) {
    const options = given as Options;
    checkQueueOptions(options);
    const {jobs, queue, part, threads} = options;
    if (jobs === undefined && queue === undefined) {
      if (part === undefined) return undefined;
      throw new Error(
        '--part divides the work of --jobs or --queue: give one of them, or leave it out.',
      );
    }
    if (jobs !== undefined && queue !== undefined) {
      throw new Error('--queue gives all parts to workers: leave --jobs out.');
    }
    for (const name of ['save', 'html', 'round8'] as const) {
      if (options[name] === undefined) continue;
      throw new Error(
        `--${name} needs every perturbed image in this process: leave it out, or leave out --${queue ? 'queue' : 'jobs'}.`,
      );
    }
    if (queue !== undefined && threads !== undefined) {
      throw new Error(
        '--threads is for the processes that compute: give it to npm run worker.',
      );
    }
    const address = queue === undefined ? undefined : parseRedisUrl(queue);
    return work => start(work, options, address);
  },
};

type Part = Job & {attack: number; begin: number};

/** Begins the work; it goes on while the caller looks at the model itself. */
async function start(
  work: ElsewhereWork,
  options: Options,
  address: RedisAddress | undefined,
): Promise<ElsewhereRun> {
  const ended = new AbortController();
  const signal = AbortSignal.any([work.signal, ended.signal]);
  const backend = tf.getBackend();
  const parts = await partsOf(work, options.part ?? PART, backend);
  const results: PlacedPart[][] = work.attacks.map(() => []);
  const progress = workProgress(work.attacks.length * work.data.size);
  let wake = () => {};
  const shared = {
    ...{backend, signal},
    onExamples: (count: number, part: Part, worker: string) => {
      const {attack, begin, unit} = part;
      const {size} = work.data;
      const last = 'end' in unit ? unit.end - 1 : size;
      const what = `${work.attacks[attack]}, ${begin} to ${last}`;
      progress.update(count, worker, what, last + 1 - begin);
    },
    onResult: async (result: Result, {attack, begin}: Part) => {
      results[attack].push({begin, part: result as EvaluationResult});
      wake();
    },
  };
  const {jobs = 1, threads, weights, verify = VERIFY} = options;
  const running = address
    ? produce(parts, {
        ...{...shared, address, weights, verify},
        onWorkers: progress.workers,
      })
    : runJobs(parts, {
        ...{...shared, jobs},
        threads: threads ?? (backend === 'onnx' ? 1 : undefined),
      });
  let over = false;
  let failure: unknown;
  const all = running
    .catch(error => (failure = error))
    .finally(() => {
      over = true;
      progress.stop();
      wake();
    });
  let next = 0;
  return {
    async attackAll(_attack, _classifier, {randomized}, cell) {
      if (randomized) {
        throw new Error(
          "The model's outputs differ from pass to pass, so that parts of an evaluation cannot be repeated elsewhere: leave out --jobs and --queue.",
        );
      }
      const own = results[next++];
      const wanted = Math.ceil(work.data.size / (options.part ?? PART));
      while (own.length < wanted && !over) {
        await new Promise<void>(resolve => (wake = resolve));
      }
      if (failure !== undefined) throw failure;
      return reportParts(own, cell);
    },
    async end() {
      ended.abort();
      await all;
    },
  };
}

/** The parts of all attacks, in the order in which the report needs them. */
async function partsOf(
  work: ElsewhereWork,
  size: number,
  backend: string,
): Promise<Part[]> {
  const {model: path, scaling, data, isCifar10, variant, search, batch} = work;
  const model = await modelDigest(path);
  const begins = Array.from(
    {length: Math.ceil(data.size / size)},
    (_, i) => i * size,
  );
  return work.attacks.flatMap((spec, attack) =>
    begins.map(begin => {
      const images = data.slice(begin, Math.min(begin + size, data.size));
      const unit = makeEvaluation(
        {
          ...{backend, model, attack: spec, variant, search, batch, begin},
          ...(scaling && {scaling}),
        },
        images,
      );
      return {unit, path, attack, begin, ...(!isCifar10 && {images})};
    }),
  );
}
