// Bundles the libraries that compiled modules import into a folder beside them.
import {cpSync, existsSync, readFileSync, writeFileSync} from 'node:fs';
import {dirname, join, relative} from 'node:path';
import {build} from 'esbuild';
import {filesOf, importsOf, isPackage, packageOf} from './imports.mjs';
import {licenseText} from './licenses.mjs';
import {root} from './run.mjs';

/**
 * Makes `dist/vendor`, with one module for each library that files of `dist`
 * import, and lets these files import it from there. Code that two libraries
 * share is kept once. `dist/vendor/LICENSES` has the license of each library.
 *
 * @param external packages that are imported as before: peers and dependencies.
 */
export async function vendor(dist, external) {
  const folder = join(dist, 'vendor');
  const files = filesOf(dist).filter(file => file.endsWith('.js'));
  const uses = usesOf(files, external);
  const entries = new Map(
    [...uses].map(([specifier, names]) => [
      specifier,
      reExport(specifier, names),
    ]),
  );
  const {metafile} = await build({
    absWorkingDir: root,
    entryPoints: [...entries.keys()].map(specifier => ({
      in: specifier,
      out: moduleName(specifier),
    })),
    plugins: [virtualEntries(entries)],
    outdir: folder,
    chunkNames: 'shared-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    legalComments: 'inline',
    // CommonJS libraries call require for modules of Node.
    banner: {
      js: "import {createRequire as createRequire_} from 'node:module';\nconst require = createRequire_(import.meta.url);",
    },
    metafile: true,
    logLevel: 'warning',
  });
  for (const file of files) redirect(file, uses, folder);
  const headers = vendorHeaders(folder);
  const font = vendorFont(folder);
  const packages = bundledPackages(metafile);
  writeFileSync(
    join(folder, 'LICENSES'),
    licenseText([...packages, headers, font]),
  );
}

/** For each library's module the names that are used; null for all of them. */
function usesOf(files, external) {
  const uses = new Map();
  for (const {specifier, names} of files.flatMap(importsOf)) {
    if (!isPackage(specifier) || external.includes(packageOf(specifier))) {
      continue;
    }
    const known = uses.has(specifier) ? uses.get(specifier) : [];
    uses.set(
      specifier,
      names && known ? [...new Set([...known, ...names])] : null,
    );
  }
  return uses;
}

const moduleName = specifier =>
  specifier.replace(/\.js$/, '').replaceAll('/', '_');

function reExport(specifier, names) {
  const from = JSON.stringify(specifier);
  if (names?.length === 0) return `import ${from};`;
  return names
    ? `export {${names.sort().join(', ')}} from ${from};`
    : `export * from ${from};\nexport {default} from ${from};`;
}

/** Entries that are no files: each exports what is used of one library. */
const virtualEntries = entries => ({
  name: 'virtual entries',
  setup(build) {
    build.onResolve({filter: /./}, ({path, kind}) =>
      kind === 'entry-point'
        ? // The ending says that imports in it are those of Node's ES modules.
          {path: `${path}.mjs`, namespace: 'vendor', pluginData: path}
        : undefined,
    );
    build.onLoad({filter: /./, namespace: 'vendor'}, ({pluginData}) => ({
      contents: entries.get(pluginData),
      resolveDir: root,
    }));
  },
});

/** Lets a file import the libraries from the vendor folder. */
function redirect(file, uses, folder) {
  const text = readFileSync(file, 'utf8');
  let changed = text;
  // From the last on, so that the places of those before stay right.
  for (const {specifier, begin, end} of importsOf(file).reverse()) {
    if (!uses.has(specifier)) continue;
    const target = join(folder, `${moduleName(specifier)}.js`);
    const path = relative(dirname(file), target).replaceAll('\\', '/');
    changed =
      changed.slice(0, begin) +
      (path.startsWith('.') ? path : `./${path}`) +
      changed.slice(end);
  }
  if (changed !== text) writeFileSync(file, changed);
}

/** The headers of Node-API; what compiles against them looks here first. */
function vendorHeaders(folder) {
  const headers = join(root, 'node_modules', 'node-api-headers');
  cpSync(
    join(headers, 'include'),
    join(folder, 'node-api-headers', 'include'),
    {recursive: true},
  );
  return headers;
}

/** The font of texts in pictures. */
function vendorFont(folder) {
  const name = 'Arimo_400Regular.ttf';
  const font = join(root, 'node_modules', '@expo-google-fonts', 'arimo');
  cpSync(join(font, '400Regular', name), join(folder, name));
  return font;
}

/**
 * The folders of the packages from which the bundle has code. A package may
 * itself be published as a bundle of its dependencies, so these are listed too.
 */
function bundledPackages({outputs}) {
  const inputs = Object.values(outputs).flatMap(({inputs}) =>
    Object.entries(inputs).filter(([, {bytesInOutput}]) => bytesInOutput > 0),
  );
  const folders = new Set();
  const add = folder => {
    if (folders.has(folder)) return;
    folders.add(folder);
    const {dependencies = {}} = JSON.parse(
      readFileSync(join(folder, 'package.json'), 'utf8'),
    );
    for (const name of Object.keys(dependencies))
      add(findPackage(name, folder));
  };
  for (const [path] of inputs) {
    const match = /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(path);
    if (match) add(join(root, match[0]));
  }
  return [...folders];
}

/** Where a package is that code in `folder` would get by this name. */
function findPackage(name, folder) {
  for (let at = folder; at !== dirname(at); at = dirname(at)) {
    const candidate = join(at, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
  }
  throw new Error(`${name}, a dependency of ${folder}, is not installed.`);
}
