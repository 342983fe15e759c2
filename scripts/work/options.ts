import {InvalidArgumentError, Option} from 'commander';
import {notNegative, path, whole} from '../../src/cli/options.js';

// Options of commands that let other processes compute.

export function jobsOption(): Option {
  return new Option(
    '--jobs <n>',
    'processes that compute at the same time, of one thread each unless --threads is given',
  ).argParser(whole(1, 256));
}

export function queueOption(): Option {
  return new Option(
    '--queue <url>',
    'let workers (npm run worker) compute, over a Redis server: redis://HOST:PORT or rediss://USER:PASSWORD@HOST:PORT',
  );
}

export function weightsOption(): Option {
  return new Option(
    '--weights <folder>',
    'with --queue: a folder that all workers see, through which models and checkpoints go instead of through Redis',
  ).argParser(path);
}

export function verifyOption(): Option {
  return new Option(
    '--verify <share>',
    'with --queue: share of the parts that two workers compute, to compare them, while two are connected (default: 0.02)',
  ).argParser(share);
}

/** {@link verifyOption}'s default, which is none of commander's: an option that was given without --queue is refused. */
export const VERIFY = 0.02;

function share(text: string): number {
  const value = notNegative(text);
  if (value > 1) throw new InvalidArgumentError('It must be from 0 to 1.');
  return value;
}

/** @throws Error with one sentence if an option of the queue is given without one. */
export function checkQueueOptions(options: {
  queue?: string;
  weights?: string;
  verify?: number;
}): void {
  if (options.queue !== undefined) return;
  for (const name of ['weights', 'verify'] as const) {
    if (options[name] !== undefined) {
      throw new Error(
        `--${name} is an option of --queue: give --queue URL, or leave it out.`,
      );
    }
  }
}
