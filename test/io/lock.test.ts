import {spawn, spawnSync} from 'node:child_process';
import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import {hostname} from 'node:os';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'ava';
import {ownFolder, withLock} from '../../src/io/lock.js';
import {
  isRunning,
  type LockOwner,
  parseOwner,
  thisProcess,
} from '../../src/io/lock_owner.js';
import {temporaryFolder} from '../helpers/folder.js';

/** No process has this number. */
const NO_PID = 4194305;
const me = () => thisProcess('other');
const put = (file: string, owner: LockOwner, age = 0) => {
  writeFileSync(file, JSON.stringify(owner));
  const then = Date.now() / 1000 - age;
  utimesSync(file, then, then);
};

test('a lock admits one at a time, and is gone after an error', async t => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'lock');
  put(file, {...me(), pid: NO_PID});
  let inside = 0;
  await Promise.all(
    [1, 2, 3].map(() =>
      withLock(file, async () => {
        t.is(++inside, 1);
        await sleep(20);
        inside--;
      }),
    ),
  );
  t.false(existsSync(file));
  await t.throwsAsync(
    withLock(file, async () => {
      throw new Error('x');
    }),
  );
  t.deepEqual(readdirSync(folder), []);
});

test('a folder of one’s own: refused while its owner runs, free after it is released', async t => {
  const folder = temporaryFolder(t);
  const child = spawn(process.execPath, [
    ...['--conditions=@tfjs-adversarial/source', '--import=tsx', '-e'],
    `import('./src/io/lock.ts').then(async ({ownFolder}) => {
      await ownFolder(${JSON.stringify(folder)});
      console.log('locked');
      setInterval(() => {}, 1e6);
    });`,
  ]);
  await new Promise(resolve => child.stdout.once('data', resolve));
  await t.throwsAsync(ownFolder(folder), {
    message: new RegExp(
      `Another run \\(process ${child.pid} on ${hostname()}\\) is at work`,
    ),
  });
  const ended = new Promise(resolve => child.on('exit', resolve));
  child.kill('SIGKILL');
  await ended;
  const release = await ownFolder(folder);
  // Not even this process gets it twice.
  await t.throwsAsync(ownFolder(folder), {message: /Another run/});
  release();
  (await ownFolder(folder))();
  t.deepEqual(readdirSync(folder), []);
});

test('a process that has the number of a dead owner does not hold its lock', async t => {
  if (me().started === null) return t.pass('this system does not tell');
  const file = join(temporaryFolder(t), 'lock');
  put(file, {...me(), started: '1'});
  t.is(await withLock(file, async () => 1), 1);
  // Another living process with that number.
  put(file, {...me(), pid: process.ppid, started: '1'});
  t.is(await withLock(file, async () => 2), 2);
});

test('containers on one volume exclude each other, though their numbers and names repeat', async t => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'lock');
  for (const owner of [
    {...me(), scope: 'another boot pid:[1]'},
    {...me(), scope: 'another boot pid:[1]', pid: NO_PID},
    {...me(), scope: null, host: 'elsewhere', started: null},
  ]) {
    put(file, owner, 30);
    await t.throwsAsync(ownFolder(folder), {message: /Another run/});
    // Without a heartbeat for over a minute it is stale.
    put(file, owner, 90);
    (await ownFolder(folder))();
  }
});

test('text that is no owner blocks for seconds, not for ever', async t => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'lock');
  for (const text of ['', 'abc', '17', 'null', '{"pid":"x"}', '[]', '\0']) {
    writeFileSync(file, text);
    t.is(parseOwner(text), null);
    const then = Date.now() / 1000 - 10;
    utimesSync(file, then, then);
    t.is(await withLock(file, async () => text), text);
  }
});

test('the heartbeat goes on while the thread is blocked, and never touches another’s lock', async t => {
  t.timeout(60_000);
  const folder = temporaryFolder(t);
  const file = join(folder, 'lock');
  const release = await ownFolder(folder);
  await sleep(500);
  utimesSync(file, 0, 0);
  // This thread sleeps for longer than a beat.
  spawnSync(process.execPath, ['-e', 'setTimeout(() => {}, 7000)']);
  t.true(Date.now() - statSync(file).mtimeMs < 10_000);
  const other = {...me(), scope: 'another boot'};
  writeFileSync(`${file}.new`, JSON.stringify(other));
  renameSync(`${file}.new`, file);
  utimesSync(file, 0, 0);
  await sleep(6000);
  t.is(statSync(file).mtimeMs, 0);
  release();
  t.deepEqual(parseOwner(readFileSync(file, 'utf8')), other);
});

test('whether an owner runs is unknown where its number does not count', t => {
  t.true(isRunning(me()) ?? true);
  t.false(isRunning({...me(), pid: NO_PID}));
  t.is(isRunning({...me(), scope: 'x', host: 'x'}), undefined);
});
