import {createHash} from 'node:crypto';
import {readFileSync} from 'node:fs';
import {readFile, readdir, rename, writeFile} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {dirname, join} from 'node:path';

/** An installed `@tensorflow/tfjs-node` or `@tensorflow/tfjs-node-gpu`. */
export interface TfjsNode {
  name: string;
  version: string;
  directory: string;
  /** Version of Node-API that its binding is built for. */
  napi: number;
  /** Where the package looks for its binding. */
  binding: string;
}

/** Finds the package as code in `project` would, or gives undefined. */
export function findTfjsNode(
  name: string,
  project: string,
): TfjsNode | undefined {
  const require = createRequire(join(project, 'package.json'));
  let manifest: string;
  try {
    manifest = require.resolve(`${name}/package.json`);
  } catch {
    return undefined;
  }
  const {version, binary} = JSON.parse(readFileSync(manifest, 'utf8')) as {
    version: string;
    binary: {
      napi_versions: number[];
      module_path: string;
      module_name: string;
    };
  };
  const napi = Math.max(
    ...binary.napi_versions.filter(v => v <= Number(process.versions.napi)),
  );
  const directory = dirname(manifest);
  const folder = binary.module_path.replace(
    '{napi_build_version}',
    String(napi),
  );
  return {
    name,
    version,
    directory,
    napi,
    binding: join(directory, folder, `${binary.module_name}.node`),
  };
}

/** The version of a package as code in `project` would find it. */
export function installedVersion(
  name: string,
  project: string,
): string | undefined {
  try {
    const require = createRequire(join(project, 'package.json'));
    return (require(`${name}/package.json`) as {version: string}).version;
  } catch {
    return undefined;
  }
}

// What Node removed in version 23 and warns of before (DEP0051), and what it
// only warns of yet (DEP0044).
const MENDS: [RegExp, string][] = [
  [/\(0, util_1\.isNullOrUndefined\)\((\w+)\)/g, '($1 == null)'],
  [/\(0, util_1\.isArray\)\((\w+)\)/g, 'Array.isArray($1)'],
];

/**
 * Replaces what newer Nodes lack. The installed files are mended, and not
 * Node's module `util`, so that the package works however a program loads it.
 *
 * @returns the number of files changed; 0 if it was done before.
 */
export async function mendPackage({directory}: TfjsNode): Promise<number> {
  const folder = join(directory, 'dist');
  const names = await readdir(folder, {recursive: true});
  let changed = 0;
  for (const name of names.filter(name => name.endsWith('.js'))) {
    const file = join(folder, name);
    const text = await readFile(file, 'utf8');
    const mended = MENDS.reduce(
      (text, [pattern, by]) => text.replace(pattern, by),
      text,
    );
    if (mended === text) continue;
    // A rename also keeps a package manager's hard-linked original as it is.
    await writeFile(`${file}.partial`, mended);
    await rename(`${file}.partial`, file);
    changed++;
  }
  return changed;
}

/** A short digest of the binding's C++ sources, and of `more`. */
export async function bindingDigest(
  {directory}: TfjsNode,
  more = '',
): Promise<string> {
  const folder = join(directory, 'binding');
  const hash = createHash('sha256').update(more);
  for (const name of (await readdir(folder)).sort()) {
    hash.update(name).update(await readFile(join(folder, name)));
  }
  return hash.digest('hex').slice(0, 12);
}
