// A table by three workers over a real Redis server. Workers, table1 and Redis are
// killed with kill -9, a worker is paused, and a network is cut, at random moments.
// The reports must have the bytes of one process. Takes a few minutes:
// node --conditions=@tfjs-adversarial/source --import=tsx scripts/check_queue.ts [seed]
import {type ChildProcess, spawn} from 'node:child_process';
import {mkdir, mkdtemp, readdir, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import {loadBackend} from '../src/node.js';
import {countEvents} from './trial/events.js';
import {smallModel} from './trial/model.js';
import {Cable, freePort, RedisServer} from './trial/redis_server.js';
import {connect} from './work/queue/redis.js';

const seed = Number(process.argv[2] ?? Date.now() % 1e6);
const ACTS = [
  ...['worker', 'worker', 'worker', 'table1', 'table1', 'redis', 'redis'],
  ...['pause', 'cut', 'cut'],
];
/** Seconds without a heartbeat after which a worker counts as lost. */
const LOST = 3;
const TABLE = [
  ...['--columns=D,S', '--backend=cpu', '--examples=110', '--batch=4'],
  // No example leaves a search early: parts take their time.
  ...['--variant=reference', '--part=2', '--steps=12', '--pictures=2'],
  '--learning-rate=0.01',
];
const PARTS = 110;

let state = seed;
/** Numbers from 0 to 1 that follow from the seed (mulberry32). */
function random(): number {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}

interface Started {
  child: ChildProcess;
  err: string;
  code: Promise<number | null>;
}

function start(script: string, args: string[]): Started {
  const path = fileURLToPath(new URL(`${script}.ts`, import.meta.url));
  const flags = ['--conditions=@tfjs-adversarial/source', '--import=tsx'];
  const child = spawn(process.execPath, [...flags, path, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const code = new Promise<number | null>(resolve =>
    child.on('close', resolve),
  );
  const started = {child, err: '', code};
  child.stderr.on('data', chunk => (started.err += chunk));
  return started;
}

const root = await mkdtemp(join(tmpdir(), 'tfjs-adversarial-trial-'));
const out = join(root, 'queue');
const running = new Set<ChildProcess>();
const redis = new RedisServer(join(root, 'redis'), await freePort());
const cables = [0, 1, 2].map(() => new Cable(redis.port));

const kept = <T extends Started>(started: T): T => {
  running.add(started.child);
  return started;
};
const queue = (port: number) => `--queue=redis://127.0.0.1:${port}`;
const worker = (i: number) =>
  kept(
    start('worker', [
      ...[queue(cables[i].port), '--backend=cpu', `--lost=${LOST}`],
    ]),
  );
const table = (...more: string[]) =>
  kept(start('table1', [`--row=D=${join(root, 'model')}`, ...TABLE, ...more]));

const reports = (folder: string) =>
  Promise.all(
    ['table1.md', 'table1.json', 'table1.html'].map(name =>
      readFile(join(folder, name), 'utf8'),
    ),
  );

async function partsDone(): Promise<number> {
  const files = await readdir(out, {recursive: true}).catch(() => []);
  return files.filter(file => /\d-\d+\.json$/.test(file)).length;
}

try {
  await loadBackend('cpu');
  await smallModel(join(root, 'model'));
  await mkdir(join(root, 'redis'));
  const whole = table(`--out=${join(root, 'whole')}`);
  if ((await whole.code) !== 0) throw new Error(whole.err);
  const expected = await reports(join(root, 'whole'));

  await redis.start();
  await Promise.all(cables.map(cable => cable.open()));
  const began = performance.now();
  const workers = [0, 1, 2].map(worker);
  const produce = () => table(queue(redis.port), '--verify=0', `--out=${out}`);
  let producer = produce();
  const acts = ACTS.map(act => ({act, at: random()}))
    .sort((a, b) => a.at - b.at)
    .map(({act}) => act);
  let next = 2;
  for (const act of acts) {
    while ((await partsDone()) < next) {
      if (producer.child.exitCode !== null) {
        throw new Error(
          `table1 ended too early, with exit code ${producer.child.exitCode}: ${producer.err}`,
        );
      }
      await sleep(50);
    }
    await sleep(1000 * random());
    const i = Math.floor(3 * random());
    const done = await partsDone();
    console.log(`${done} of ${PARTS} parts: ${act} ${i + 1}`);
    if (act === 'worker') {
      workers[i].child.kill('SIGKILL');
      workers[i] = worker(i);
    } else if (act === 'table1') {
      producer.child.kill('SIGKILL');
      await producer.code;
      producer = produce();
    } else if (act === 'redis') {
      await redis.kill();
      await sleep(1000 * random());
      await redis.start();
    } else if (act === 'pause') {
      workers[i].child.kill('SIGSTOP');
      await sleep(1500 * LOST);
      workers[i].child.kill('SIGCONT');
    } else {
      await cables[i].cut(1500 * LOST);
    }
    next = done + 1 + Math.floor(2 * random());
  }
  const code = await producer.code;
  const seconds = (performance.now() - began) / 1000;
  const same =
    code === 0 &&
    JSON.stringify(await reports(out)) === JSON.stringify(expected);
  if (!same) console.log(producer.err);
  const address = {host: '127.0.0.1', port: redis.port, db: 0};
  const client = await connect(address);
  const counts = await countEvents(client, 'cpu');
  client.disconnect();
  const lost = PARTS - (await partsDone());
  console.log(
    `seed ${seed}, ${seconds.toFixed(0)} s: the reports ${same ? 'are' : 'ARE NOT'} those of one process; ${lost} parts lost.`,
  );
  console.log(counts);
  const good = same && lost === 0 && counts.begun <= 2 && counts.finished <= 2;
  process.exitCode = good ? 0 : 1;
} finally {
  for (const child of running) {
    child.kill('SIGCONT');
    child.kill('SIGKILL');
  }
  await redis.kill();
  cables.forEach(cable => cable.close());
  await rm(root, {recursive: true, force: true});
}
