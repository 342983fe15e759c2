import * as tf from '@tensorflow/tfjs';
import {attack, type Classifier, type ImageSet} from '../../src/index.js';
import type {ImageRow} from './draw/attacks.js';
import {magnifiedChange} from './draw/parts.js';
import {rateFor} from './points.js';

/** Images in a row. */
const SHOWN = 6;

/** The first images, clean and under each attack, and the changes. They are the caller's to dispose. */
export function attackedRows(
  classifier: Classifier,
  data: ImageSet,
  steps: number,
  seed: number,
): ImageRow[] {
  const count = Math.min(SHOWN, data.size);
  const images = data.tensor(0, count);
  const rows = [{title: 'clean', images}];
  for (const spec of ['C', 'D', 'S', 'C+S+D']) {
    const adversarial = tf.tidy(
      () =>
        attack(spec, {
          ...{steps, seed},
          learningRate: rateFor(steps),
        }).perturb(classifier, images, data.labelTensor(0, count)).adversarial,
    );
    const change = magnifiedChange(adversarial, images);
    rows.push({title: spec, images: adversarial});
    rows.push({title: `${spec}: change × 5`, images: change});
  }
  return rows;
}
