import type {Job as QueuedJob, Queue, QueueEvents} from 'bullmq';
import type {Redis} from 'ioredis';
import {
  checkAny,
  describe,
  nameOf,
  type Result,
  sameFor,
  sizeOf,
} from '../kinds.js';
import {ATTEMPTS, type Job} from '../run_jobs.js';
import {sendImages} from './image_bundle.js';
import {sendModel} from './model_bundle.js';
import {
  connect,
  connectionOf,
  loadBullMq,
  PREFIX,
  type RedisAddress,
  redisError,
} from './redis.js';
import {claimVersion} from './version.js';

/** What a job of the queue holds. */
export interface Payload {
  unit: unknown;
  /** The worker that has computed it already: another has to. */
  not?: string;
}

/** What a worker tells of a job that it is at. */
export interface JobProgress {
  worker: string;
  done: number;
}

/** Results that no producer has taken are kept for a week, in seconds. */
const KEPT = {age: 7 * 24 * 3600};

/** Milliseconds between two looks at all jobs: an event may be lost with the connection. */
const LOOK = 5_000;

/** Jobs that are asked for at a time. */
const CHUNK = 500;

export interface ProduceArgs<T extends Job> {
  address: RedisAddress;
  backend: string;
  weights?: string;
  /** Share of units that two workers compute. */
  verify: number;
  onExamples(count: number, job: T, worker: string): void;
  onResult(result: Result, job: T): Promise<void>;
  /** Called with the number of workers, whenever it is looked at. */
  onWorkers(count: number): void;
  signal?: AbortSignal;
}

interface Entry<T> {
  job: T;
  told: number;
  refused: number;
  /** The result of the first of two workers. */
  first?: Result;
}

/**
 * Puts units in the queue, waits, and takes their results. A unit's name is the
 * id of its job: after a kill, the same call finds the jobs that are waiting,
 * running or done.
 *
 * @throws Error with one sentence if a unit fails each time, if two workers
 *     disagree or if Redis cannot be used.
 */
export async function produce<T extends Job>(
  work: T[],
  args: ProduceArgs<T>,
): Promise<void> {
  if (work.length === 0) return;
  const {address, backend, signal} = args;
  const redis = await connect(address);
  const {Queue, QueueEvents} = await loadBullMq();
  const options = {connection: connectionOf(address), prefix: PREFIX};
  const queue = new Queue<Payload, Result>(backend, options);
  const events = new QueueEvents(backend, options);
  // Both go on when the server is back.
  queue.on('error', () => {});
  events.on('error', () => {});
  try {
    await events.waitUntilReady();
    await new Producer(work, args, redis, queue).run(events, signal);
  } catch (error) {
    const known = /^(OOM|NOPERM|MISCONF|READONLY|NOAUTH)/;
    const {message} = error as Error;
    throw known.test(message) ? redisError(error, address) : error;
  } finally {
    await Promise.allSettled([events.close(), queue.close()]);
    redis.disconnect();
  }
}

class Producer<T extends Job> {
  private readonly open = new Map<string, Entry<T>>();

  constructor(
    work: T[],
    private readonly args: ProduceArgs<T>,
    private readonly redis: Redis,
    private readonly queue: Queue<Payload, Result>,
  ) {
    for (const job of work) {
      this.open.set(nameOf(job.unit), {job, told: 0, refused: 0});
    }
  }

  async run(events: QueueEvents, signal?: AbortSignal): Promise<void> {
    const {queue, redis, args} = this;
    const counts = await queue.getJobCounts('waiting', 'active', 'delayed');
    const busy = Object.values(counts).some(count => count > 0);
    await claimVersion(redis, busy);
    const exchange = {redis, weights: args.weights};
    const models = new Map(
      [...this.open.values()].map(({job}) => [job.unit.model, job.path]),
    );
    for (const [digest, path] of models) {
      if (path !== undefined && digest !== undefined) {
        await sendModel(exchange, digest, path);
      }
    }
    const sent = new Set<string>();
    for (const {job} of this.open.values()) {
      if (!job.images || sent.has(job.unit.data)) continue;
      sent.add(job.unit.data);
      await sendImages(exchange, job.unit.data, job.images);
    }
    const ended = new Set<string>();
    let wake = () => {};
    const onEnd = ({jobId}: {jobId: string}) => {
      ended.add(jobId);
      wake();
    };
    events.on('completed', onEnd).on('failed', onEnd);
    events.on('progress', ({jobId, data}) =>
      this.progress(jobId, data as unknown as JobProgress),
    );
    signal?.addEventListener('abort', () => wake());
    await this.forget();
    while (this.open.size > 0 && !signal?.aborted) {
      const all = [...this.open.keys()];
      await this.look(all.map(name => this.idOf(name)));
      args.onWorkers((await queue.getWorkers()).length);
      const next = Date.now() + LOOK;
      while (this.open.size > 0 && !signal?.aborted && Date.now() < next) {
        const ids = [...ended];
        ended.clear();
        await this.look(ids);
        if (ended.size > 0) continue;
        await new Promise<void>(resolve => {
          const timer = setTimeout(resolve, next - Date.now());
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    }
  }

  /** A unit whose result is to be compared waits for the job of the second worker. */
  private idOf(name: string): string {
    return this.open.get(name)?.first ? `${name}-again` : name;
  }

  private add(names: string[]) {
    return this.queue.addBulk(
      names.map(name => {
        const {job, first} = this.open.get(name)!;
        return {
          name: 'unit',
          data: {unit: job.unit, ...(first && {not: first.worker})},
          opts: {
            jobId: this.idOf(name),
            attempts: ATTEMPTS,
            backoff: {type: 'fixed', delay: 500},
            removeOnComplete: KEPT,
            removeOnFail: KEPT,
          },
        };
      }),
    );
  }

  /** Removes failed jobs of earlier runs: they are tried again. */
  private async forget(): Promise<void> {
    const failed = await this.queue.getFailed();
    for (const job of failed) {
      const name = job?.id?.replace(/-again$/, '');
      if (name && this.open.has(name)) await job.remove();
    }
  }

  /** Takes what has ended, and adds jobs that are not there. */
  private async look(ids: string[]): Promise<void> {
    for (let i = 0; i < ids.length; i += CHUNK) {
      const chunk = ids.slice(i, i + CHUNK);
      const jobs = await Promise.all(chunk.map(id => this.queue.getJob(id)));
      const absent: string[] = [];
      for (const [j, job] of jobs.entries()) {
        const name = chunk[j].replace(/-again$/, '');
        const entry = this.open.get(name);
        if (!entry || this.idOf(name) !== chunk[j]) continue;
        if (!job) absent.push(name);
        else if (job.finishedOn) await this.end(name, entry, job);
      }
      if (absent.length > 0) await this.add(absent);
    }
  }

  private async end(
    name: string,
    entry: Entry<T>,
    job: QueuedJob<Payload, Result>,
  ): Promise<void> {
    const {unit} = entry.job;
    const what = describe(unit);
    if (job.failedReason) {
      throw new Error(
        `${what} failed ${job.attemptsMade} times: ${job.failedReason}`,
      );
    }
    let result: Result;
    try {
      result = checkAny(job.returnvalue, unit);
    } catch (error) {
      entry.refused++;
      await job.remove();
      if (entry.refused < ATTEMPTS) return void (await this.add([name]));
      throw new Error(
        `${what} was refused ${ATTEMPTS} times: ${(error as Error).message}.`,
        {cause: error},
      );
    }
    if (entry.first && !sameFor(unit, entry.first, result)) {
      await job.remove();
      await (await this.queue.getJob(name))?.remove();
      throw new Error(
        `The workers ${entry.first.worker} and ${result.worker} disagree on ${what}: one of them computes wrong, or differently.`,
      );
    }
    if (!entry.first && this.isSample(name) && (await this.others(result))) {
      entry.first = result;
      return void (await this.add([name]));
    }
    this.progress(name, {worker: result.worker, done: sizeOf(unit)});
    this.open.delete(name);
    await this.args.onResult(entry.first ?? result, entry.job);
    if (entry.first) await (await this.queue.getJob(name))?.remove();
    await job.remove();
  }

  /** A sample that is the same in each run. */
  private isSample(name: string): boolean {
    return parseInt(name.slice(0, 8), 16) / 2 ** 32 < this.args.verify;
  }

  /** Whether there is a worker other than the one of this result. */
  private async others({worker}: Result): Promise<boolean> {
    const workers = await this.queue.getWorkers();
    return workers.some(({rawname}) => !rawname?.endsWith(`:w:${worker}`));
  }

  private progress(id: string, {worker, done}: JobProgress): void {
    const entry = this.open.get(id);
    if (!entry || !(done >= 0)) return;
    const now = Math.min(done, sizeOf(entry.job.unit));
    this.args.onExamples(now - entry.told, entry.job, String(worker));
    entry.told = now;
  }
}
