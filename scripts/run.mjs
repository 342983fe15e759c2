// Starts a script of this folder, after installing the packages where a fresh
// clone does not have them yet. Plain JavaScript, since nothing is there to
// compile TypeScript before that.
import {spawn, spawnSync} from 'node:child_process';
import {existsSync, readFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {clearInterval, setInterval} from 'node:timers';
import {fileURLToPath} from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [name, ...args] = process.argv.slice(2);

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Node 20.19 or later is needed; this is ${process.version}.`);
  process.exit(2);
}

/**
 * Whether node_modules is what package-lock.json says. npm writes its own list
 * last, so that a half-finished install is not taken for a whole one. Packages
 * of this repository are in both lists, and as links, which have no version.
 */
function installed() {
  const marker = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(marker)) return false;
  const have = JSON.parse(readFileSync(marker, 'utf8')).packages;
  const want = JSON.parse(
    readFileSync(join(root, 'package-lock.json'), 'utf8'),
  ).packages;
  return Object.entries(want).every(
    ([path, {version, optional, link}]) =>
      path === '' ||
      optional ||
      (path in have &&
        have[path].version === version &&
        (!link || existsSync(join(root, path)))),
  );
}

if (!installed()) {
  console.error('Installing packages (once) …');
  const {status} = spawnSync(
    'npm',
    ['ci', '--no-fund', '--no-audit', '--loglevel=error'],
    {
      cwd: root,
      // Standard output is the script's own: reports may be piped from it.
      stdio: ['ignore', 2, 2],
      shell: process.platform === 'win32',
    },
  );
  if (status !== 0) {
    console.error('npm ci failed; its messages are above.');
    process.exit(2);
  }
  // So that the clone can be linked or packed: .npmrc turns prepack off.
  const build = spawnSync('npm', ['run', '--silent', 'build'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (build.status !== 0) {
    console.error('npm run build failed; its messages are above.');
    process.exit(2);
  }
}

const command =
  name === 'test'
    ? [join(root, 'node_modules', 'ava', 'entrypoints', 'cli.mjs'), ...args]
    : [
        '--conditions=@tfjs-adversarial/source',
        '--import=tsx',
        join(root, 'scripts', `${name}.ts`),
        ...args,
      ];
const child = spawn(process.execPath, command, {
  cwd: name === 'test' ? root : process.cwd(),
  stdio: 'inherit',
});
// A terminal sends Ctrl-C to both; the script decides what it means.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => child.kill('SIGTERM'));
// SIGTERM to npm alone ends npm, or the shell between, without a word to this
// process: it sees that it has another parent.
const parent = process.ppid;
if (process.env.npm_lifecycle_event) {
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    child.kill('SIGTERM');
  }, 500);
  watch.unref();
}
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143);
});
