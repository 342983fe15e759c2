// Starts a script of this folder, after installing the packages where a fresh
// clone does not have them yet. Plain JavaScript, since nothing is there to
// compile TypeScript before that.
import {spawn} from 'node:child_process';
import {dirname, join} from 'node:path';
import {clearInterval, setInterval} from 'node:timers';
import {fileURLToPath} from 'node:url';
import {install, isInstalled} from './install.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [name, ...args] = process.argv.slice(2);

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Node 20.19 or later is needed; this is ${process.version}.`);
  process.exit(2);
}

if (!isInstalled(root)) {
  const code = await install(root);
  if (code !== 0) process.exit(code);
}

// Tests run compiled: hundreds of processes would compile the same files again.
const folder = name === 'test' ? await compiledTests() : process.cwd();
const command =
  name === 'test'
    ? [
        join(root, 'node_modules', 'ava', 'entrypoints', 'cli.mjs'),
        ...args.map(argument => argument.replace(/\.ts(?=$|:)/, '.js')),
      ]
    : [
        '--conditions=@tfjs-adversarial/source',
        // By its path: a task of a scheduler may run in any folder.
        `--import=${import.meta.resolve('tsx')}`,
        join(root, 'scripts', `${name}.ts`),
        ...args,
      ];
const child = spawn(process.execPath, command, {
  cwd: folder,
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

async function compiledTests() {
  const {compileTests} = await import('./compile_tests.mjs');
  return compileTests(root);
}
