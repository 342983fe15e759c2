import * as tf from '@tensorflow/tfjs';
import {countClasses, type ImageSet} from '../index.js';

/**
 * Checks that a model has as many outputs as the images have classes.
 *
 * @throws Error with one sentence if not.
 */
export function countClassesOf(
  model: tf.LayersModel | tf.GraphModel,
  data: ImageSet,
  {model: name, images = 'CIFAR-10'}: {model: string; images?: string},
): void {
  const outputs = tf.tidy(() => countClasses(model, data.tensor(0, 1)));
  const {classNames} = data;
  if (outputs === classNames.length) return;
  const shown = classNames.slice(0, 5).join(', ');
  const more = classNames.length > 5 ? ', …' : '';
  throw new Error(
    images === 'CIFAR-10' || images === 'cifar10'
      ? `${name} has ${outputs} classes, but CIFAR-10 has 10: it needs a model trained on CIFAR-10.`
      : `${name} has ${outputs} classes, but ${images} has ${classNames.length} (${shown}${more}): --classes names those of the model in the order of its outputs.`,
  );
}
