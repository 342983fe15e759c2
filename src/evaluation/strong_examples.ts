import * as tf from '@tensorflow/tfjs';
import {exampleSeeds} from '../attacks/example_seeds.js';
import {margin} from '../attacks/losses.js';
import {checkImages, oneHotLabels} from '../data/validate.js';
import {type Classifier, countClasses, logits} from '../models/logits.js';
import {exampleBatches, type Examples} from './examples.js';

/** An example of a strong evaluation, on the host. */
export interface StrongExample {
  /** Its place in the data. */
  index: number;
  image: Float32Array;
  /** One-hot. */
  label: Float32Array;
  seed: number;
  /** The other classes, the likeliest first. */
  others: number[];
  /** The smallest margin that any search has found so far. */
  margin: number;
  /** The image with that margin, where it is wanted. */
  adversarial?: Float32Array;
}

/** Examples that go through the searches together. */
export interface Chunk {
  examples: StrongExample[];
  /** [H, W, C] */
  imageShape: [number, number, number];
  classes: number;
}

/** How much memory the images of a chunk may take. */
const BYTES = 256 * 2 ** 20;

/** Reads the examples and passes the clean images through the classifier. */
export async function* strongExamples(
  classifier: Classifier,
  data: Examples,
  {batchSize, seed}: {batchSize: number; seed: number},
): AsyncGenerator<Chunk> {
  let index = 0;
  let classes = 0;
  let chunk: Chunk | null = null;
  for await (const {xs, ys} of exampleBatches(data, batchSize)) {
    try {
      checkImages(xs);
      classes ||= countClasses(classifier, xs);
      chunk ??= {
        examples: [],
        imageShape: xs.shape.slice(1) as [number, number, number],
        classes,
      };
      const read = readBatch(classifier, xs, ys, classes, seed);
      for (const example of read) {
        chunk.examples.push({...example, index: index++});
      }
    } finally {
      tf.dispose([xs, ys]);
    }
    const [first] = chunk.examples;
    if (chunk.examples.length * first.image.byteLength >= BYTES) {
      yield chunk;
      chunk = null;
    }
  }
  if (chunk) yield chunk;
}

function readBatch(
  classifier: Classifier,
  xs: tf.Tensor4D,
  ys: tf.Tensor,
  classes: number,
  seed: number,
): Array<Omit<StrongExample, 'index'>> {
  const n = xs.shape[0];
  const seeds = exampleSeeds(xs, seed);
  const images = xs.dataSync() as Float32Array;
  const [labels, scores, margins] = tf.tidy(() => {
    const oneHot = oneHotLabels(ys, n, classes);
    const z = logits(classifier, xs);
    return [oneHot, z, margin(z, oneHot)].map(
      t => t.dataSync() as Float32Array,
    );
  });
  const size = images.length / n;
  return Array.from({length: n}, (_, i) => {
    const label = labels.slice(i * classes, (i + 1) * classes);
    const score = scores.slice(i * classes, (i + 1) * classes);
    const others = [...score.keys()].filter(c => label[c] === 0);
    return {
      image: images.slice(i * size, (i + 1) * size),
      label,
      seed: seeds[i],
      others: others.sort((a, b) => score[b] - score[a]),
      margin: margins[i],
    };
  });
}
