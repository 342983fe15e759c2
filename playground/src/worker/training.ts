import * as tf from '@tensorflow/tfjs';
import {
  adversarialTraining,
  CIFAR10_CLASSES,
  evaluateRobustness,
  ImageSet,
} from 'tfjs-adversarial';
import type {FromWorker, Labeled, TrainRequest} from '../protocol';
import {smallModel} from './models';

const BATCH = 50;
/** Steps of the attack that measures robust accuracy. */
const STEPS = 10;

/**
 * Fine-tunes the small network against an attack, and measures accuracy and
 * robust accuracy on test images before the first and after each epoch.
 */
export async function runTraining(
  {spec, epochs, train, test}: TrainRequest,
  base: string,
  signal: AbortSignal,
  tell: (message: FromWorker) => void,
): Promise<void> {
  const model = await smallModel(base);
  const held = imageSet(test);
  const measure = async (epoch: number) => {
    const {results} = await evaluateRobustness(model, held, {
      attacks: ['None', spec],
      steps: STEPS,
      learningRate: 0.1 / STEPS,
      batchSize: BATCH,
      warnings: false,
      signal,
    });
    const [clean, robust] = results.map(({accuracy}) => accuracy);
    signal.throwIfAborted();
    tell({type: 'epoch', epoch, clean, robust});
  };
  const images = imageSet(train);
  const [x, y] = [images.tensor(), images.oneHot()];
  const optimizer = tf.train.adam(0.002);
  try {
    await measure(0);
    model.compile({optimizer, loss: 'categoricalCrossentropy'});
    let epoch = 1;
    const of = Math.ceil(images.size / BATCH);
    await model.fit(x, y, {
      epochs,
      batchSize: BATCH,
      verbose: 0,
      callbacks: [
        adversarialTraining({attack: spec, crafting: 'fast', guard: false}),
        new tf.CustomCallback({
          onEpochBegin: async number => {
            epoch = number + 1;
          },
          onBatchEnd: async batch => {
            signal.throwIfAborted();
            tell({type: 'batch', epoch, done: batch + 1, of});
            // Lets a message through; a frame would never come in a hidden tab.
            await new Promise(resolve => setTimeout(resolve));
          },
          onEpochEnd: async number => measure(number + 1),
        }),
      ],
    });
  } finally {
    tf.dispose([x, y]);
    optimizer.dispose();
    model.dispose();
  }
}

function imageSet({images, labels, size}: Labeled): ImageSet {
  return new ImageSet(images, labels, [size, size, 3], CIFAR10_CLASSES);
}
