// Throughput of the queue alone: 10,000 jobs that compute nothing, with ids, results
// and events as units have them. It needs an empty Redis server:
// node --import=tsx scripts/work/bench_queue.ts redis://127.0.0.1:6379
import {connectionOf, loadBullMq, parseRedisUrl} from './queue/redis.js';

const JOBS = 10_000;
const {Queue, QueueEvents, Worker} = await loadBullMq();
const options = {
  connection: connectionOf(parseRedisUrl(process.argv[2])),
  prefix: 'tfjs-adversarial-bench',
};
const queue = new Queue('bench', options);
const events = new QueueEvents('bench', options);
await events.waitUntilReady();
let finished = 0;
const all = new Promise<void>(resolve =>
  events.on('completed', () => {
    if (++finished === JOBS) resolve();
  }),
);
const correct = '01'.repeat(100);
const began = performance.now();
for (let i = 0; i < JOBS; i += 500) {
  await queue.addBulk(
    Array.from({length: 500}, (_, j) => ({
      name: 'unit',
      data: {correct: 'x'.repeat(500)},
      opts: {jobId: `job-${i + j}`},
    })),
  );
}
const added = performance.now();
const workers = Array.from(
  {length: 3},
  () =>
    new Worker('bench', async () => ({correct}), {...options, concurrency: 8}),
);
await all;
const ended = performance.now();
console.log(
  `${JOBS} jobs: added in ${((added - began) / 1000).toFixed(1)} s, done in ${((ended - added) / 1000).toFixed(1)} s`,
);
await Promise.all(workers.map(worker => worker.close()));
await queue.obliterate({force: true});
await Promise.all([queue.close(), events.close()]);
