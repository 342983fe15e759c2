import {spawn} from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import {createRequire} from 'node:module';
import {hostname} from 'node:os';
import {delimiter, dirname, join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import test, {type ExecutionContext} from 'ava';
import {temporaryFolder} from '../helpers/folder.js';

/** The tests may be compiled, and then run elsewhere in the repository. */
const packages = dirname(
  dirname(createRequire(import.meta.url).resolve('tsx/package.json')),
);

/** In the place of npm: notes when it begins and ends, and installs after a while. */
const NPM = `#!${process.execPath}
const fs = require('node:fs');
const note = what => fs.appendFileSync('calls', what + ' ' + process.argv[2] + '\\n');
note('begin');
setTimeout(() => {
  if (process.argv[2] === 'ci') {
    if (fs.existsSync('fail')) {
      fs.rmSync('fail');
      console.error('no network');
      process.exit(1);
    }
    fs.copyFileSync('package-lock.json', 'node_modules/.package-lock.json');
  }
  note('end');
}, Number(process.env.NPM_TAKES));
`;

/** A fresh clone with one script, which says that it runs. */
function clone(t: ExecutionContext): string {
  const root = temporaryFolder(t);
  for (const name of ['run.mjs', 'install.mjs']) {
    // Among compiled tests these are links.
    cpSync(join('scripts', name), join(root, 'scripts', name), {
      dereference: true,
    });
  }
  writeFileSync(join(root, 'scripts', 'hello.ts'), "console.log('hello');\n");
  writeFileSync(join(root, 'package.json'), '{"type": "module"}');
  const locked = {'': {}, 'node_modules/a': {version: '1.0.0'}};
  writeFileSync(
    join(root, 'package-lock.json'),
    JSON.stringify({packages: locked}),
  );
  mkdirSync(join(root, 'node_modules'));
  for (const name of ['tsx', 'esbuild', 'get-tsconfig']) {
    const there = join(packages, name);
    if (existsSync(there)) {
      symlinkSync(there, join(root, 'node_modules', name), 'junction');
    }
  }
  mkdirSync(join(root, 'bin'));
  writeFileSync(join(root, 'bin', 'package.json'), '{"type": "commonjs"}');
  writeFileSync(join(root, 'bin', 'npm'), NPM);
  chmodSync(join(root, 'bin', 'npm'), 0o755);
  return root;
}

function start(t: ExecutionContext, root: string, takes = 1500) {
  const child = spawn(
    process.execPath,
    [join(root, 'scripts', 'run.mjs'), 'hello'],
    {
      cwd: root,
      env: {
        ...process.env,
        PATH: `${join(root, 'bin')}${delimiter}${process.env.PATH}`,
        NPM_TAKES: String(takes),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  t.teardown(() => child.kill());
  const said = {out: '', err: ''};
  child.stdout.on('data', chunk => (said.out += chunk));
  child.stderr.on('data', chunk => (said.err += chunk));
  const ended = new Promise<typeof said & {code: number | null}>(done =>
    child.on('close', code => done({code, ...said})),
  );
  return {child, said, ended};
}

const calls = (root: string) =>
  readFileSync(join(root, 'calls'), 'utf8').trimEnd().split('\n');

const ONCE = ['begin ci', 'end ci', 'begin run', 'end run'];

test('of several processes that start in a fresh clone, one installs and the others wait', async t => {
  const root = clone(t);
  const all = await Promise.all(
    Array.from({length: 4}, () => start(t, root).ended),
  );
  for (const {code, out, err} of all) {
    t.is(code, 0, err);
    t.is(out, 'hello\n');
  }
  t.is(all.filter(({err}) => /Installing packages/.test(err)).length, 1);
  t.true(all.some(({err}) => /Waiting for process \d+ on/.test(err)));
  const noted = calls(root);
  t.deepEqual([...noted].sort(), [...ONCE].sort());
  t.is(noted[1], 'end ci');
  t.false(existsSync(join(root, '.install-lock')));
});

test('if the install fails, the next in line tries again', async t => {
  const root = clone(t);
  writeFileSync(join(root, 'fail'), '');
  const all = await Promise.all([start(t, root).ended, start(t, root).ended]);
  t.deepEqual(all.map(({code}) => code).sort(), [0, 2]);
  const {err} = all.find(({code}) => code === 2)!;
  t.regex(err, /no network\nnpm ci failed; its messages are above\./);
  t.deepEqual(calls(root), ['begin ci', ...ONCE]);
  t.false(existsSync(join(root, '.install-lock')));
});

test('told to stop, it stops npm first', async t => {
  const root = clone(t);
  const {child, ended} = start(t, root, 60_000);
  const file = join(root, '.install-lock', 'npm');
  // The file is there before what is written into it.
  const npm = () => existsSync(file) && readFileSync(file, 'utf8');
  while (child.exitCode === null && !npm()) await sleep(20);
  const {pid} = JSON.parse(npm() || '{}');
  child.kill('SIGTERM');
  t.is((await ended).code, 143);
  t.throws(() => process.kill(pid, 0), {code: 'ESRCH'});
  t.false(existsSync(join(root, '.install-lock')));
});

/** A lock whose owner was last seen some seconds ago. */
function leaveLock(root: string, seconds: number, npm?: number): void {
  const lock = join(root, '.install-lock');
  mkdirSync(lock);
  const owner = {token: 'x', host: hostname(), pid: 1};
  writeFileSync(join(lock, 'owner'), JSON.stringify(owner));
  writeFileSync(join(lock, 'npm'), JSON.stringify({pid: npm}));
  const then = Date.now() / 1000 - seconds;
  utimesSync(join(lock, 'owner'), then, then);
}

test('the lock of a killed process is stale without its heartbeat', async t => {
  const root = clone(t);
  leaveLock(root, 31);
  const all = await Promise.all([start(t, root).ended, start(t, root).ended]);
  t.deepEqual(
    all.map(({code}) => code),
    [0, 0],
  );
  t.deepEqual([...calls(root)].sort(), [...ONCE].sort());
});

test('it is not stale while the npm that it left goes on', async t => {
  const root = clone(t);
  const npm = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)']);
  t.teardown(() => npm.kill('SIGKILL'));
  leaveLock(root, 31, npm.pid);
  const {said, ended} = start(t, root, 0);
  await sleep(2_000);
  t.regex(said.err, /Waiting for process 1 on/);
  t.false(existsSync(join(root, 'calls')));
  npm.kill('SIGKILL');
  t.is((await ended).code, 0);
  t.deepEqual(calls(root), ONCE);
});
