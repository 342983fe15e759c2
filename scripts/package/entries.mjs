// The entries of a package, and what is published for nothing.
import {readFileSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {filesOf, reached} from './imports.mjs';

export const manifestOf = folder =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

/** The files that `exports`, `bin` and the like name, beginning with `./`. */
export function entriesOf({exports, main, types, bin}) {
  const paths = value =>
    typeof value === 'string'
      ? [value]
      : Object.entries(value ?? {}).flatMap(([condition, inner]) =>
          // A condition of this repository alone, for its sources.
          condition.startsWith('@') ? [] : paths(inner),
        );
  const found = [exports, main, types, bin].flatMap(paths);
  return [...new Set(found.map(path => path.replace(/^(\.\/)?/, './')))];
}

/**
 * Removes what the compiler has written for nothing: types that no entry
 * reaches (they could name packages that are not installed), and modules of
 * sources that hold only types.
 */
export function prune(folder) {
  const entries = entriesOf(manifestOf(folder))
    .filter(path => path.endsWith('.d.ts'))
    .map(path => join(folder, path));
  const kept = reached(entries);
  for (const file of filesOf(join(folder, 'dist'))) {
    const useless = file.endsWith('.d.ts')
      ? !kept.has(file)
      : file.endsWith('.js') && readFileSync(file, 'utf8') === 'export {};\n';
    if (useless) rmSync(file);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) prune(process.cwd());
