import {hostname} from 'node:os';
import type {Job as QueuedJob} from 'bullmq';
import {ComputeProcess} from '../compute_process.js';
import {describe, parseAny, type Result, type Unit} from '../kinds.js';
import {ATTEMPTS} from '../run_jobs.js';
import {VERSION} from '../unit.js';
import {receiveInputs} from './receive_inputs.js';
import type {JobProgress, Payload} from './produce.js';
import {
  connect,
  connectionOf,
  loadBullMq,
  PREFIX,
  type RedisAddress,
} from './redis.js';
import {checkVersion} from './version.js';

export interface ConsumeArgs {
  address: RedisAddress;
  backend?: string;
  threads?: number;
  /** Units computed at the same time, each in a process of its own. */
  concurrency: number;
  weights?: string;
  /** Milliseconds without a heartbeat after which a worker counts as lost. */
  lost: number;
  /** Milliseconds without a finished example after which a process counts as hung. */
  silence: number;
  say(sentence: string): void;
  signal: AbortSignal;
}

/** Milliseconds until a worker is offered a unit again that another has to compute. */
const HAND_BACK = 500;

/**
 * Computes units of the queue until the signal. The computation has processes of
 * its own, so that this one can renew the locks of its jobs.
 *
 * @throws Error with one sentence if Redis cannot be used or the queue is of
 *     another version.
 */
export async function consume(args: ConsumeArgs): Promise<void> {
  const {address, concurrency, weights, lost, say, signal} = args;
  const {DelayedError, WaitingError, Worker, UnrecoverableError} =
    await loadBullMq();
  const redis = await connect(address);
  redis.on('error', () => {});
  const name = `${hostname()}-${process.pid}`;
  const {backend: asked, threads, silence} = args;
  const processes = Array.from(
    {length: concurrency},
    () => new ComputeProcess({backend: asked, threads, silence, worker: name}),
  );
  const stopProcesses = () => processes.forEach(process => process.stop());
  try {
    await checkVersion(redis);
    const [backend] = await Promise.all(processes.map(each => each.start()));
    const free = [...processes];
    let refuse: (error: Error) => void = () => {};
    const refused = new Promise<never>((_, reject) => (refuse = reject));

    const compute = async (
      job: QueuedJob<Payload, Result>,
      token?: string,
    ): Promise<Result> => {
      const {not, unit: sent} = job.data;
      if (not === name) {
        await job.moveToDelayed(Date.now() + HAND_BACK, token);
        throw new DelayedError();
      }
      const version = (sent as Unit | undefined)?.version;
      if (typeof version === 'string' && version !== VERSION) {
        await job.moveToDelayed(Date.now() + HAND_BACK, token);
        refuse(
          new Error(
            `This worker has version ${VERSION}, but the queue holds work of version ${version.slice(0, 64)}: install that version.`,
          ),
        );
        throw new DelayedError();
      }
      let unit: Unit;
      try {
        unit = parseAny(sent);
      } catch (error) {
        // It is no better the next time.
        throw new UnrecoverableError((error as Error).message);
      }
      const {order, save, finish, remove} = await receiveInputs(
        {redis, weights},
        unit,
      );
      const process = free.pop()!;
      let done = 0;
      const tell = () =>
        void job
          .updateProgress({worker: name, done} satisfies JobProgress)
          .catch(() => {});
      const timer = setInterval(tell, 1000);
      tell();
      try {
        let saved = Promise.resolve();
        const result = await process.run(
          order,
          count => (done += count),
          batches => {
            // One that gets lost costs its batches only.
            saved = saved
              .then(() => save?.(batches))
              .catch(error => say((error as Error).message));
          },
        );
        await saved;
        await finish?.();
        return result;
      } catch (error) {
        process.stop();
        if (!signal.aborted) {
          const {message} = error as Error;
          throw new Error(`${message} (worker ${name})`, {cause: error});
        }
        // Somebody else goes on at once.
        await job.moveToWait(token);
        throw new WaitingError();
      } finally {
        clearInterval(timer);
        free.push(process);
        await remove();
      }
    };

    const worker = new Worker<Payload, Result>(backend, compute, {
      ...{connection: connectionOf(address), prefix: PREFIX, name, concurrency},
      lockDuration: lost,
      stalledInterval: lost,
      // As often as a unit may fail.
      maxStalledCount: ATTEMPTS - 1,
    });
    let reachable = true;
    worker.on('error', error => {
      if (reachable) say(`Redis: ${error.message}. Trying again …`);
      reachable = false;
    });
    worker.on('completed', job => {
      reachable = true;
      say(`${describe(job.data.unit as Unit)}: done`);
    });
    worker.on('failed', (_, error) => say(`Failed: ${error.message}`));
    await worker.waitUntilReady();
    say(`Worker ${name} takes work for the backend ${backend}.`);
    const stopped = new Promise<void>(resolve => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve());
    });
    try {
      await Promise.race([stopped, refused]);
    } finally {
      stopProcesses();
      await worker.close();
    }
  } finally {
    stopProcesses();
    redis.disconnect();
  }
}
