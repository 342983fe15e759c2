import {exampleSeed} from '../attacks/example_seeds.js';
import {attackMargin} from '../attacks/outcome.js';
import {oneHot} from '../data/images.js';
import {type Classifier, logits} from '../models/logits.js';
import {dispose, tidy} from '../ops/tidy.js';
import type {LoadedExamples} from './loaded_examples.js';

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
  /** See {@link Perturbed.neighborDifferences}: of the search that found it. */
  neighborDifferences?: Record<string, number>;
  /** See {@link Perturbed.sizes}: of the same perturbation. */
  sizes?: Record<string, number>;
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

/** Passes the clean images through the classifier, chunk by chunk. */
export async function* strongExamples(
  classifier: Classifier,
  data: LoadedExamples,
  {batchSize, seed}: {batchSize: number; seed: number},
): AsyncGenerator<Chunk> {
  const {size, imageShape, classes} = data;
  let examples: StrongExample[] = [];
  for (let begin = 0; begin < size; begin += batchSize) {
    const end = Math.min(begin + batchSize, size);
    examples.push(...(await readBatch(classifier, data, begin, end, seed)));
    if (examples.length * examples[0].image.byteLength >= BYTES) {
      yield {examples, imageShape, classes};
      examples = [];
    }
  }
  if (examples.length > 0) yield {examples, imageShape, classes};
}

async function readBatch(
  classifier: Classifier,
  data: LoadedExamples,
  begin: number,
  end: number,
  seed: number,
): Promise<StrongExample[]> {
  const {classes} = data;
  const images = await data.pixels(begin, end);
  const passes = tidy(() => {
    const xs = data.tensor(begin, end);
    const hot = oneHot(data.labels.subarray(begin, end), classes);
    const z = logits(classifier, xs);
    return {z, margins: attackMargin(z, hot, false)};
  });
  try {
    const scores = await passes.z.data();
    const margins = await passes.margins.data();
    const size = images.length / (end - begin);
    return Array.from({length: end - begin}, (_, i) => {
      const image = images.slice(i * size, (i + 1) * size);
      const own = data.labels[begin + i];
      const score = scores.slice(i * classes, (i + 1) * classes);
      const others = [...score.keys()].filter(c => c !== own);
      const label = new Float32Array(classes);
      label[own] = 1;
      return {
        index: begin + i,
        image,
        label,
        seed: exampleSeed(image, seed),
        others: others.sort((a, b) => score[b] - score[a]),
        margin: margins[i],
      };
    });
  } finally {
    dispose(passes);
  }
}
