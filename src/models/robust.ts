import * as tf from '@tensorflow/tfjs';
// Registers the layers that the models are made of.
import './layers.js';

/** Where models are. */
export interface LoadRobustArgs {
  /** URL of the folder `models` of the package tfjs-adversarial-models. */
  url: string;
}

/** Letters alone, in lower case: `C (B&W)`, `c-bw` and `CBW` are one name. */
function letters(name: string): string {
  return name.toLowerCase().replace(/[\s()+&_.-]/g, '');
}

/**
 * The name among `models` that a user means.
 *
 * @throws Error that lists them.
 */
export function chooseRobust(name: string, models: readonly string[]): string {
  const found = models.find(model => letters(model) === letters(String(name)));
  if (found !== undefined) return found;
  throw new Error(
    `There is no trained model of ${JSON.stringify(name)}, only of: ${models.join(', ') || 'none'}.`,
  );
}

/**
 * A CIFAR-10 classifier of the package tfjs-adversarial-models, by what it was
 * trained against.
 *
 * ```js
 * const model = await loadRobust('C+S+D', {url: '/models'});
 * ```
 *
 * In Node, `tfjs-adversarial/node` has a `loadRobust` that finds the package by
 * itself.
 *
 * @param name Such as `Undefended`, `D` or `C+S+D`; case and signs do not count.
 * @returns Images [N, 32, 32, 3] in [0, 1] → [N, 10].
 * @throws Error of one sentence: no such model, with those that there are; or
 *     nothing at the URL.
 */
export async function loadRobust(
  name: string,
  {url}: LoadRobustArgs,
): Promise<tf.LayersModel> {
  if (typeof url !== 'string' || url === '') {
    throw new Error(
      "loadRobust needs the URL of the folder models of tfjs-adversarial-models, for instance {url: '/models'}; in Node, import it from 'tfjs-adversarial/node'.",
    );
  }
  const base = url.replace(/\/+$/, '');
  const {models} = await fetchIndex(`${base}/models.json`);
  const chosen = chooseRobust(name, models);
  return tf.loadLayersModel(`${base}/${encodeURIComponent(chosen)}/model.json`);
}

async function fetchIndex(url: string): Promise<{models: string[]}> {
  let reason: string;
  try {
    const response = await tf.util.fetch(url);
    if (response.ok) {
      const index = (await response.json()) as {models?: string[]};
      if (Array.isArray(index?.models)) return {models: index.models};
      reason = 'it is no list of models';
    } else {
      reason = `the server says ${response.status}`;
    }
  } catch (error) {
    reason = (error as Error).message;
  }
  throw new Error(`${url} could not be read: ${reason}.`);
}
