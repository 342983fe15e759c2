import type * as tf from '@tensorflow/tfjs';
import {PLACE, pngUrl, unstack} from './parts.js';
import {writeFigure} from './plot.js';

/** Side of a picture: two and a half times its 32 pixels. */
const SIDE = 80;
const STEP = SIDE + 6;
/** Room for the rows' names. */
const NAMES = 150;

/** Images of one row, [N, 32, 32, 3]. */
export interface ImageRow {
  title: string;
  images: tf.Tensor4D;
}

/** Rows of images: clean, then for each attack the images and what it changed: the paper's figure 4. */
export function drawAttacks(path: string, rows: ImageRow[], note: string) {
  const columns = rows[0].images.shape[0];
  const y = (row: number) => row * STEP + STEP / 2;
  const pictures = rows.flatMap(({images}, row) =>
    unstack(images).map((image, column) => {
      const url = pngUrl(image);
      image.dispose();
      return {url, x: NAMES + column * STEP + STEP / 2, y: y(row)};
    }),
  );
  const names = rows.map(({title}, row) => ({title, x: 0, y: y(row)}));
  return writeFigure(
    path,
    {
      title: {
        text: 'Images under attack',
        subtitle: `${note}; below each attack’s images, five times its change around gray`,
      },
      width: columns * STEP + NAMES,
      height: rows.length * STEP,
      view: {stroke: null},
      layer: [
        {
          data: {values: pictures},
          mark: {type: 'image', width: SIDE, height: SIDE},
          encoding: {...PLACE, url: {field: 'url', type: 'nominal'}},
        },
        {
          data: {values: names},
          mark: {type: 'text', align: 'left', fontSize: 13},
          encoding: {...PLACE, text: {field: 'title', type: 'nominal'}},
        },
      ],
    },
    {pixelated: true},
  );
}
