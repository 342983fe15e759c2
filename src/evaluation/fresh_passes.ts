import * as tf from '@tensorflow/tfjs';
import {withstands} from '../attacks/losses.js';
import {attackMargin} from '../attacks/outcome.js';
import {oneHot} from '../data/images.js';
import {type Classifier, logits} from '../models/logits.js';
import {breathe} from '../ops/event_loop.js';
import {tidy} from '../ops/tidy.js';

/** Of what several forward passes over one image show. */
export interface PassesSeen {
  /** The share of the passes in which the image is misclassified. */
  wrong: number;
  /** The mean of the margins. */
  margin: number;
}

/** What {@link judgeByPasses} needs to know. */
export interface JudgeArgs {
  /** [H, W, C] */
  imageShape: [number, number, number];
  classes: number;
  /** Forward passes over each image. */
  passes: number;
  batchSize: number;
}

/** Several forward passes over images by a classifier whose outputs differ from pass to pass. */
export async function judgeByPasses(
  classifier: Classifier,
  examples: Array<{image: Float32Array; label: number}>,
  {imageShape, classes, passes, batchSize}: JudgeArgs,
): Promise<PassesSeen[]> {
  const seen: PassesSeen[] = [];
  for (let begin = 0; begin < examples.length; begin += batchSize) {
    const batch = examples.slice(begin, begin + batchSize);
    const n = batch.length;
    const margins = tidy(() => {
      const length = batch[0].image.length;
      const pixels = new Float32Array(n * length);
      batch.forEach(({image}, i) => pixels.set(image, i * length));
      const images = tf.tensor4d(pixels, [n, ...imageShape]);
      const labels = oneHot(
        Int32Array.from(batch, ({label}) => label),
        classes,
      );
      const each = Array.from({length: passes}, () =>
        attackMargin(logits(classifier, images), labels, false),
      );
      return tf.stack(each);
    });
    try {
      const values = await margins.data();
      for (let i = 0; i < n; i++) {
        const own = Array.from({length: passes}, (_, k) => values[k * n + i]);
        seen.push({
          wrong: own.filter(m => !withstands(m)).length / passes,
          margin: own.reduce((a, b) => a + b, 0) / passes,
        });
      }
    } finally {
      margins.dispose();
    }
    await breathe();
  }
  return seen;
}
