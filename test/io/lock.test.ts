import {spawn} from 'node:child_process';
import {existsSync, readFileSync, utimesSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {ownFolder, withLock} from '../../src/io/lock.js';
import {temporaryFolder} from '../helpers/folder.js';

test('a lock lets one in at a time, and a dead owner’s is taken', async t => {
  const file = join(temporaryFolder(t), 'lock');
  // No process has this number.
  writeFileSync(file, '4194305');
  let inside = 0;
  await Promise.all(
    [1, 2, 3].map(() =>
      withLock(file, async () => {
        t.is(++inside, 1);
        await new Promise(resolve => setTimeout(resolve, 20));
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
  t.false(existsSync(file));
});

test('a folder of one’s own: refused while its owner lives', async t => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'lock');
  const owner = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)']);
  writeFileSync(file, String(owner.pid));
  await t.throwsAsync(ownFolder(folder), {
    message: new RegExp(`Another run \\(process ${owner.pid}\\) is at work`),
  });
  const ended = new Promise(resolve => owner.on('exit', resolve));
  owner.kill('SIGKILL');
  await ended;
  await ownFolder(folder);
  t.is(readFileSync(file, 'utf8'), String(process.pid));
  // Not even this process gets it twice.
  await t.throwsAsync(ownFolder(folder), {message: /Another run/});
});

test('a lock of this number that is an earlier process’s, or was never finished, is taken', async t => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'lock');
  writeFileSync(file, String(process.pid));
  t.is(await withLock(file, async () => 1), 1);
  writeFileSync(file, '');
  utimesSync(file, 0, 0);
  t.is(await withLock(file, async () => 2), 2);
  t.false(existsSync(file));
});
