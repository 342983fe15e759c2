import {execFile} from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import test from 'ava';
import * as tar from 'tar';
import {ended, executablePath, launch, open, serve} from './browser.ts';

const run = promisify(execFile);
const playground = join(import.meta.dirname, '..');
const root = join(playground, '..');
const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');

const folder = mkdtempSync(join(tmpdir(), 'playground '));
test.after.always(() => rmSync(folder, {recursive: true, force: true}));

test.serial('a build without models ends with a sentence', async t => {
  const empty = join(folder, 'no models');
  mkdirSync(empty);
  const outDir = join(folder, 'nothing');
  const error = await t.throwsAsync<Error & {stderr: string}>(
    run(process.execPath, [vite, 'build', '--outDir', outDir], {
      cwd: playground,
      env: {...process.env, MODELS: empty},
    }),
  );
  t.true(error.stderr.includes(`${empty} has no trained models: `));
  t.false(existsSync(join(outDir, 'index.html')));
});

/** Puts the packed files of a package into node_modules of a project. */
async function installPacked(from: string, project: string) {
  const {stdout} = await run(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--pack-destination', folder],
    {cwd: from, shell: process.platform === 'win32'},
  );
  const [{filename, name}] = JSON.parse(stdout);
  const cwd = join(project, 'node_modules', name);
  mkdirSync(cwd, {recursive: true});
  await tar.extract({file: join(folder, filename), cwd, strip: 1});
}

test.serial('a copy of the page, with the packed packages', async t => {
  // Far from the clone: nothing but its node_modules is in reach.
  const project = join(folder, 'my page');
  const modules = join(project, 'node_modules');
  mkdirSync(modules, {recursive: true});
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (/^(\.|tfjs-)/.test(name)) continue;
    symlinkSync(
      join(root, 'node_modules', name),
      join(modules, name),
      'junction',
    );
  }
  const models = join(root, 'packages', 'tfjs-adversarial-models');
  for (const from of [root, models]) await installPacked(from, project);
  const files = readdirSync(playground).filter(
    name => !/^(node_modules|dist|test)$/.test(name),
  );
  const page = join(project, 'page');
  for (const name of files) {
    cpSync(join(playground, name), join(page, name), {recursive: true});
  }
  await run(process.execPath, [vite, 'build'], {cwd: page});
  const built = readdirSync(join(page, 'dist', 'assets'));
  const {models: names} = JSON.parse(
    readFileSync(join(models, 'models', 'models.json'), 'utf8'),
  ) as {models: string[]};
  t.is(built.filter(file => file.endsWith('.bin')).length, names.length);

  if (!executablePath) {
    t.log('no Chromium was found: the page was built, not opened');
    return;
  }
  const {server, url} = await serve(join(page, 'dist'));
  const browser = await launch();
  try {
    const {page: opened, faults} = await open(browser, url);
    await opened.locator('#steps').fill('3');
    await opened.locator('#run').click();
    await ended(opened, '#run');
    t.regex(
      (await opened.locator('#status').textContent())!,
      /Undefended: .*Robust to C\+S\+D: /,
    );
    t.deepEqual(faults, []);
  } finally {
    await browser.close();
    server.close();
  }
});
