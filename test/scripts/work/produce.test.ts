import {mkdir} from 'node:fs/promises';
import {join} from 'node:path';
import {Worker} from 'bullmq';
import test from 'ava';
import {produce} from '../../../scripts/work/queue/produce.js';
import {connectionOf, PREFIX} from '../../../scripts/work/queue/redis.js';
import {nameOf, type Result} from '../../../scripts/work/kinds.js';
import {makeUnit, type WorkUnit} from '../../../scripts/work/unit.js';
import {skipped} from '../../helpers/backends.js';
import {temporaryFolder} from '../../helpers/folder.js';
import {freePort, missingRedis, startRedis} from '../../helpers/redis.js';

const unit = (begin: number, backend: string) =>
  makeUnit(
    {
      ...{backend, model: 'b'.repeat(64), attack: 'D', variant: 'paper'},
      search: {steps: 1, restarts: 1, seed: 0},
      ...{batch: 2, pictures: 0, begin, end: begin + 2},
    },
    'a'.repeat(64),
  );

/** As a worker of the name finds it; `wrong` overrides. */
const found = (
  sent: WorkUnit,
  worker: string,
  wrong: Record<string, unknown> = {},
) => ({
  unit: nameOf(sent),
  ...{version: sent.version, backend: sent.backend, worker},
  ...{correct: '10', pictures: [], seconds: 1, ...wrong},
});

if (missingRedis === null) {
  test('results are checked, and of two workers compared, before they are taken', async t => {
    const folder = temporaryFolder(t);
    await mkdir(join(folder, 'redis'));
    const port = await freePort();
    const server = await startRedis(join(folder, 'redis'), port);
    t.teardown(() => server.kill('SIGKILL'));
    const address = {host: '127.0.0.1', port, db: 0};
    /** Two workers, of which the second finds something else. */
    const run = async (backend: string, wrong: object, verify: number) => {
      const computed: string[] = [];
      const workers = ['honest', 'other'].map(
        name =>
          new Worker(
            backend,
            async (job, token) => {
              const {unit: sent, not} = job.data as {
                unit: WorkUnit;
                not?: string;
              };
              // The first round is the honest one's where both are asked.
              const mine = verify ? (not ? 'other' : 'honest') : 'other';
              if (name !== mine || not === name) {
                await job.moveToDelayed(Date.now() + 50, token);
                const {DelayedError} = await import('bullmq');
                throw new DelayedError();
              }
              computed.push(`${name} ${sent.begin}`);
              return found(sent, name, name === 'other' ? {...wrong} : {});
            },
            {...{connection: connectionOf(address), prefix: PREFIX, name}},
          ),
      );
      const results: Result[] = [];
      try {
        await Promise.all(workers.map(worker => worker.waitUntilReady()));
        await produce(
          [unit(0, backend), unit(2, backend)].map(unit => ({unit})),
          {
            ...{address, backend, verify, onExamples: () => {}},
            onWorkers: () => {},
            onResult: async result => void results.push(result),
          },
        );
        return {results, computed};
      } finally {
        await Promise.all(workers.map(worker => worker.close(true)));
      }
    };
    const same = await run('cpu', {seconds: 2}, 1);
    t.is(same.results.length, 2);
    t.deepEqual(same.computed.sort(), [
      ...['honest 0', 'honest 2', 'other 0', 'other 2'],
    ]);
    await t.throwsAsync(run('wasm', {correct: '11'}, 1), {
      message: /workers honest and other disagree on D on examples \d to \d/,
    });
    const nonsense: Array<[string, object, RegExp]> = [
      ['n1', {correct: '101'}, /refused 3 times.*3 examples, not 2/],
      ['n2', {correct: '1x'}, /malformed/],
      ['n3', {seconds: NaN}, /malformed/],
      ['n4', {version: '9.9.9'}, /version 9\.9\.9/],
      ['n5', {backend: 'webgl'}, /backend webgl/],
      ['n6', {unit: 'c'.repeat(64)}, /the unit c/],
      ['n7', {pictures: ['<script>']}, /malformed/],
    ];
    for (const [backend, wrong, message] of nonsense) {
      await t.throwsAsync(run(backend, wrong, 0), {message}, backend);
    }
  });
} else {
  skipped(test, 'results of workers', missingRedis);
}
