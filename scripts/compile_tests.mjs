// Compiles the repository for its tests: one pass of esbuild over all files costs a
// second, and compiling them at each start of a process a second for each of hundreds.
// The compiled tree has the layout of the repository, so that relative paths hold.
import fs from 'node:fs';
import {dirname, join, relative, sep} from 'node:path';

/** Folders whose TypeScript is compiled, in the root and in each package. */
const FOLDERS = ['src', 'scripts', 'test', 'bench'];

/** Not needed by any test, or only in the way. */
const LEFT_OUT = new Set(['.git', '.install-lock', 'node_modules', 'runs']);

/**
 * Brings the compiled tree of a repository up to date. What did not change stays
 * untouched, so that tests may run in it meanwhile.
 *
 * @returns its folder, where ava is to be started.
 */
export async function compileTests(root) {
  const {build} = await import('esbuild');
  const tree = join(root, 'node_modules', '.cache', 'tests', 'tree');
  const packages = fs.readdirSync(join(root, 'packages'));
  const homes = ['', ...packages.map(name => join('packages', name))];
  const compiled = homes
    .flatMap(home => FOLDERS.map(folder => join(home, folder)))
    .filter(folder => fs.existsSync(join(root, folder)));

  const files = compiled.flatMap(folder => filesOf(root, folder));
  const sources = files.filter(isSource);
  const {outputFiles} = await build({
    absWorkingDir: root,
    entryPoints: sources,
    outbase: '.',
    outdir: tree,
    format: 'esm',
    target: 'node20',
    sourcemap: 'inline',
    write: false,
    logLevel: 'error',
  });

  const wanted = new Map();
  for (const {path, text} of outputFiles) {
    wanted.set(relative(tree, path), () => writeText(path, text));
  }
  // Sources too: some tests read them, and some start them with tsx.
  const links = [
    ...files,
    ...homes.flatMap(home => entriesOf(root, home, compiled)),
  ];
  for (const path of links) {
    wanted.set(path, () => link(join(root, path), join(tree, path)));
  }
  for (const home of homes) {
    const path = join(home, 'package.json');
    const text = JSON.stringify(manifest(join(root, path)), null, 2);
    wanted.set(path, () => writeText(join(tree, path), text));
  }
  for (const name of packages) {
    const path = join('node_modules', name);
    wanted.set(path, () =>
      link(join(tree, 'packages', name), join(tree, path)),
    );
  }
  // Beside the repository there may be fixtures.
  link(join(dirname(root), 'shared'), join(dirname(tree), 'shared'));

  for (const write of wanted.values()) write();
  for (const path of filesOf(tree, '')) {
    const kept = wanted.has(path) || path.startsWith(join('node_modules', '.'));
    if (!kept) fs.rmSync(join(tree, path));
  }
  return tree;
}

const isSource = path => path.endsWith('.ts') && !path.endsWith('.d.ts');

/** Files and links below a folder, relative to the root. */
function filesOf(root, folder) {
  return fs
    .readdirSync(join(root, folder), {withFileTypes: true})
    .flatMap(entry => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesOf(root, path) : [path];
    });
}

/** What lies beside the compiled folders, manifests aside, whole folders as one. */
function entriesOf(root, home, compiled) {
  return fs
    .readdirSync(join(root, home))
    .filter(name => !LEFT_OUT.has(name) && name !== 'package.json')
    .map(name => join(home, name))
    .filter(
      path => !compiled.includes(path) && (home !== '' || path !== 'packages'),
    );
}

/** The manifest of a home, with .js for .ts, and without tsx. */
function manifest(file) {
  const read = JSON.parse(fs.readFileSync(file, 'utf8'), (_, value) =>
    typeof value === 'string' ? value.replace(/(?<!\.d)\.ts$/, '.js') : value,
  );
  if (read.ava) {
    delete read.ava.extensions;
    read.ava.nodeArguments = [
      ...read.ava.nodeArguments.filter(flag => flag !== '--import=tsx'),
      '--enable-source-maps',
    ];
  }
  return read;
}

function writeText(file, text) {
  if (read(file) === text) return;
  fs.mkdirSync(dirname(file), {recursive: true});
  // Not into the file: another process may be reading it.
  fs.writeFileSync(`${file}.new`, text);
  fs.renameSync(`${file}.new`, file);
}

function read(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function link(target, file) {
  const to = relative(dirname(file), target).split(sep).join('/');
  try {
    if (fs.readlinkSync(file) === to) return;
  } catch {
    // It is not there, or not a link.
  }
  fs.rmSync(file, {force: true, recursive: true});
  fs.mkdirSync(dirname(file), {recursive: true});
  fs.symlinkSync(to, file);
}
