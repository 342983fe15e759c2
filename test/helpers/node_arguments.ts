import {extname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

/** `.ts`, or `.js` where `npm test` has compiled the tests. */
export const EXTENSION = extname(import.meta.url);

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * The arguments with which Node runs a module of this repository.
 *
 * @param path from the root, without extension.
 * @param preload one that is imported before it.
 */
export function nodeArguments(path: string, preload?: string): string[] {
  const file = (name: string) => join(root, name + EXTENSION);
  return [
    // Compiled too: else packages would come from `dist`, which may be old.
    '--conditions=@tfjs-adversarial/source',
    ...(EXTENSION === '.ts' ? ['--import=tsx'] : ['--enable-source-maps']),
    ...(preload ? [`--import=${file(preload)}`] : []),
    file(path),
  ];
}
