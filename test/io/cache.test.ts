import {execFileSync} from 'node:child_process';
import {existsSync, mkdirSync, readdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {
  checkFolder,
  checkWritable,
  makeFolder,
  readRegularFile,
  removeTemporary,
  writeWhole,
} from '../../src/io/cache.js';
import {temporaryFolder} from '../helpers/folder.js';

test('what can be written is found out before, and nothing but the folder is left', async t => {
  const folder = temporaryFolder(t);
  await checkWritable(join(folder, 'a', 'b', 'c.json'));
  t.deepEqual(readdirSync(join(folder, 'a', 'b')), []);
  await checkFolder(join(folder, 'new'));
  t.deepEqual(readdirSync(join(folder, 'new')), []);
  await checkWritable(join(folder, 'a'.repeat(200)));
});

test('a path below a file, a folder in its place and too long a name are one sentence', async t => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'file');
  writeFileSync(file, '');
  mkdirSync(join(folder, 'there'));
  const below = /could not be \w+: a part of its path is not a folder\.$/;
  for (const path of [join(file, 'x'), join(file, 'x', 'y', 'z')]) {
    await t.throwsAsync(checkWritable(path), {message: below});
    await t.throwsAsync(checkFolder(path), {message: below});
    await t.throwsAsync(writeWhole(path, 'x'), {message: below});
  }
  await t.throwsAsync(makeFolder(file), {message: below});
  await t.throwsAsync(checkWritable(join(folder, 'there')), {
    message: /there could not be written: it is a folder\.$/,
  });
  await t.throwsAsync(checkWritable(join(folder, 'a'.repeat(300))), {
    message: /its name is too long\.$/,
  });
});

test('a read-only file system is called so', async t => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    return t.pass('only root mounts file systems');
  }
  const folder = temporaryFolder(t);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'none', folder], {
      stdio: 'ignore',
    });
  } catch {
    return t.pass('file systems cannot be mounted here');
  }
  try {
    const message = /could not be \w+: the file system is read-only\.$/;
    for (const path of ['x', join('x', 'y', 'z')]) {
      await t.throwsAsync(checkFolder(join(folder, path)), {message});
      await t.throwsAsync(checkWritable(join(folder, path)), {message});
      await t.throwsAsync(writeWhole(join(folder, path), ''), {message});
    }
  } finally {
    execFileSync('umount', [folder]);
  }
});

test('only regular files of a size that is expected are read', async t => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'file');
  writeFileSync(file, 'text');
  t.is((await readRegularFile(file, 4)).toString(), 'text');
  await t.throwsAsync(readRegularFile(file, 3), {message: /has 4 bytes/});
  await t.throwsAsync(readRegularFile(folder), {message: /is a folder/});
  await t.throwsAsync(readRegularFile(file + 'x'), {message: /no such file/});
  if (process.platform === 'win32') return;
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  for (const path of [join(folder, 'pipe'), '/dev/zero']) {
    await t.throwsAsync(readRegularFile(path), {message: /no regular file/});
  }
});

test('leftovers of killed processes are removed, other files stay', async t => {
  const folder = temporaryFolder(t);
  for (const name of [
    'a.json.12.tmp',
    'lock.3.' + crypto.randomUUID() + '.tmp',
  ]) {
    writeFileSync(join(folder, name), '');
  }
  writeFileSync(join(folder, 'mine.tmp'), '');
  await removeTemporary(folder);
  t.deepEqual(readdirSync(folder), ['mine.tmp']);
  t.true(existsSync(folder));
});
