import * as tf from '@tensorflow/tfjs';
import {
  attack,
  type AttackOptions,
  type ImageSet,
  type Picture,
  type PictureRow,
  rowsPicture,
} from '../src/index.js';

/** Output pixels per image pixel. */
const ZOOM = 7;

export interface AttacksPictureOptions extends AttackOptions {
  /** A row for each spec. */
  attacks: string[];
  /** Images in a row. Default 7. */
  columns?: number;
}

/**
 * Images that the model classifies correctly, of as many classes as possible, a
 * column each, clean and under each attack, with the predicted class below, in
 * another color and after the true class where it is wrong.
 */
export function attacksPicture(
  model: tf.LayersModel,
  data: ImageSet,
  {attacks, columns = 7, ...options}: AttacksPictureOptions,
): Picture {
  let texts: Picture['texts'] = [];
  const pixels = tf.tidy(() => {
    const images = data.tensor();
    const labels = [...data.labels];
    const chosen = oneOfEachClass(classes(model, images), labels).slice(
      0,
      columns,
    );
    if (chosen.length === 0) {
      throw new Error(
        `The model classifies none of the ${data.size} images correctly.`,
      );
    }
    const indices = tf.tensor1d(chosen, 'int32');
    const clean = tf.gather(images, indices);
    const truth = tf.gather(data.labelTensor(), indices);
    const names = chosen.map(i => data.classNames[labels[i]]);
    const rows = attacks.map((spec): PictureRow => {
      const perturbed = attack(spec, options).perturb(model, clean, truth);
      const captions = classes(model, perturbed.adversarial).map(
        (c, column) => {
          const wrong = c !== labels[chosen[column]];
          const now = data.classNames[c];
          return {text: wrong ? `${names[column]} → ${now}` : now, wrong};
        },
      );
      const name = spec === 'None' ? 'clean' : spec;
      return {name, images: perturbed.adversarial, captions};
    });
    const picture = rowsPicture(rows, {zoom: ZOOM});
    texts = picture.texts;
    return picture.pixels;
  });
  return {pixels, texts};
}

/** The predicted class of each image. */
function classes(model: tf.LayersModel, images: tf.Tensor4D): number[] {
  return tf.tidy(() => {
    const output = model.predict(images) as tf.Tensor2D;
    return [...tf.argMax(output, 1).dataSync()];
  });
}

/** Indices of correctly classified images: the first of each class, then the others, in order. */
function oneOfEachClass(predicted: number[], labels: number[]): number[] {
  const right = labels.flatMap((label, i) =>
    predicted[i] === label ? [i] : [],
  );
  const first = right.filter(
    (i, place) => right.findIndex(j => labels[j] === labels[i]) === place,
  );
  const others = right.filter(i => !first.includes(i));
  return [...first, ...others];
}
