import {
  command,
  exitIfStopped,
  requiredOption,
  run,
  stopOnInterrupt,
} from '../src/cli/command_line.js';
import {
  backendOption,
  path,
  positive,
  threadsOption,
  whole,
} from '../src/cli/options.js';
import {consume} from './work/queue/consume.js';
import {parseRedisUrl} from './work/queue/redis.js';

const program = command('npm run worker --', {
  description:
    'Computes parts for table1 --queue and evaluate --queue and trains rows for train --queue, on this machine or any other, until it is stopped.',
  examples: [
    'npm run worker -- --queue redis://localhost:6379 --concurrency 2',
    'npm run worker -- --queue rediss://worker:PASSWORD@redis.example.org:6380 --backend onnx',
  ],
})
  .addOption(
    requiredOption(
      '--queue <url>',
      'the Redis server, redis://HOST:PORT or rediss://USER:PASSWORD@HOST:PORT',
    ),
  )
  .option(
    '--concurrency <n>',
    'parts computed at the same time, each in a process of its own',
    whole(1, 256),
    1,
  )
  .option(
    '--weights <folder>',
    'a folder that all see, from which models come instead of from Redis',
    path,
  )
  .option(
    '--lost <seconds>',
    'without a heartbeat for this long, this worker counts as lost and its parts go to another',
    positive,
    30,
  )
  .option(
    '--silence <minutes>',
    'without a finished example for this long, a part counts as hung and is tried again',
    positive,
    30,
  )
  .addOption(backendOption())
  .addOption(threadsOption().default(1));

interface Options {
  queue: string;
  concurrency: number;
  weights?: string;
  lost: number;
  silence: number;
  backend?: string;
  threads: number;
}

run<Options>(program, async options => {
  const {queue, lost, silence, threads, backend, ...rest} = options;
  const signal = stopOnInterrupt();
  const other = backend !== undefined && backend !== 'onnx';
  await consume({
    ...{address: parseRedisUrl(queue), ...rest, backend, signal},
    threads: other ? undefined : threads,
    lost: lost * 1000,
    silence: silence * 60_000,
    say: sentence => console.error(sentence),
  });
  exitIfStopped(signal);
});
