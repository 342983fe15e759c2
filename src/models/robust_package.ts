import {readFile} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {dirname, join} from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import {loadModel} from './files.js';
import {
  chooseRobust,
  loadRobust as loadFromUrl,
  type LoadRobustArgs,
} from './robust.js';

const PACKAGE = 'tfjs-adversarial-models';

/**
 * The folder of a model of the package tfjs-adversarial-models, which holds
 * `model.json`, its weights and its card, `card.md` and `card.json`.
 *
 * @param name Such as `Undefended`, `D` or `C+S+D`; case and signs do not count.
 * @param root The folder of all models. Default: that of the package.
 * @throws Error of one sentence: no such model, with those that there are; or no
 *     such package.
 */
export async function robustFolder(
  name: string,
  root = packageFolder(),
): Promise<string> {
  const index = await readFile(join(root, 'models.json'), 'utf8');
  const {models} = JSON.parse(index) as {models: string[]};
  return join(root, chooseRobust(name, models));
}

/**
 * A CIFAR-10 classifier of the package tfjs-adversarial-models, by what it was
 * trained against.
 *
 * ```js
 * const model = await loadRobust('C+S+D');
 * ```
 *
 * @param name Such as `Undefended`, `D` or `C+S+D`; case and signs do not count.
 * @param args With a `url`, it is loaded from there and not from the package.
 * @returns Images [N, 32, 32, 3] in [0, 1] → [N, 10].
 * @throws Error of one sentence: no such model, with those that there are; or no
 *     such package.
 */
export async function loadRobust(
  name: string,
  args?: LoadRobustArgs,
): Promise<tf.LayersModel> {
  return args ? loadFromUrl(name, args) : loadModel(await robustFolder(name));
}

/** Beside this package, or in the working folder's project. */
function packageFolder(): string {
  for (const from of [import.meta.url, join(process.cwd(), 'package.json')]) {
    try {
      const file = createRequire(from).resolve(`${PACKAGE}/package.json`);
      return join(dirname(file), 'models');
    } catch {
      // Elsewhere, or nowhere.
    }
  }
  throw new Error(
    `loadRobust needs a package: run \`npm install ${PACKAGE}\`, or give {url}.`,
  );
}
