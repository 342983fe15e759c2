import * as tf from '@tensorflow/tfjs';
import {jpegUrl, magnifiedChange, PLACE} from '../draw/parts.js';
import {writeFigure} from '../draw/plot.js';
import type {ImageNetAttack} from './run.js';

/** Shown smaller than the 224 pixels there are, so that the PNG stays near a megabyte. */
const SIZE = 168;
const GAP = 8;
const CAPTION = 38;
const NAMES: Record<number, string> = {285: 'Egyptian cat', 967: 'espresso'};

const className = (index: number) =>
  NAMES[index] ? `${NAMES[index]} (${index})` : `class ${index}`;

/** A row for each photograph: itself, attacked images; below, what was changed. */
export function drawImageNet(
  path: string,
  images: tf.Tensor4D,
  adversarial: tf.Tensor4D[],
  results: ImageNetAttack[],
): Promise<string[]> {
  const count = images.shape[0];
  const row = (i: number) => i * (2 * SIZE + GAP + CAPTION);
  const column = (i: number) => i * (SIZE + GAP);
  const pictures: {url: string; x: number; y: number}[] = [];
  const captions: {title: string; text: string; x: number; y: number}[] = [];
  for (let i = 0; i < count; i++) {
    const title = 'original';
    const text = className(results[0].before[i]);
    pictures.push({url: urlOf(images, i), x: column(0), y: row(i) + CAPTION});
    captions.push({title, text, x: column(0), y: row(i)});
    for (const [k, {attack, after, margin}] of results.entries()) {
      const x = column(k + 1);
      const difference = magnifiedChange(adversarial[k], images);
      pictures.push(
        {url: urlOf(adversarial[k], i), x, y: row(i) + CAPTION},
        {url: urlOf(difference, i), x, y: row(i) + CAPTION + SIZE},
      );
      difference.dispose();
      const text = `${className(after[i])}, margin ${margin[i].toFixed(1)}`;
      captions.push({title: attack, text, x, y: row(i)});
    }
  }
  const words = (field: string, dy: number, fontWeight: string) => ({
    data: {values: captions},
    mark: {type: 'text', align: 'left', baseline: 'top', dy, fontWeight},
    encoding: {...PLACE, text: {field, type: 'nominal'}},
  });
  const spec = {
    title: {
      text: 'EfficientNet-Lite0 under attack, 224 × 224',
      subtitle:
        'Photographs of scikit-image; below each attacked image, five times its change around gray',
    },
    width: column(results.length + 1),
    height: row(count),
    view: {stroke: null},
    layer: [
      {
        data: {values: pictures},
        mark: {
          type: 'image',
          ...{width: SIZE, height: SIZE, align: 'left', baseline: 'top'},
        },
        encoding: {...PLACE, url: {field: 'url', type: 'nominal'}},
      },
      words('title', 4, 'bold'),
      words('text', 20, 'normal'),
    ],
  };
  return writeFigure(path, spec, {scale: 1});
}

function urlOf(images: tf.Tensor4D, index: number): string {
  return tf.tidy(() =>
    jpegUrl(
      tf.squeeze<tf.Tensor3D>(tf.slice(images, [index, 0, 0, 0], [1]), [0]),
    ),
  );
}
