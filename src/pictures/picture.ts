import type * as tf from '@tensorflow/tfjs';
import {checkPair, checkWhole} from './difference.js';
import {defaultZoom, tile} from './tiles.js';

/** A text of a {@link Picture}. */
export interface PictureText {
  /** What is written. */
  text: string;
  /** Left end of the baseline, or its middle, in pixels from the left. */
  x: number;
  /** The baseline, in pixels from above. */
  y: number;
  /** Size of the font in pixels. */
  size: number;
  /** Where `x` is. */
  align: 'left' | 'center';
  /** Longer texts are cut, in pixels. */
  maxWidth: number;
  /** As CSS has it: `#d55e00`. */
  color: string;
}

/**
 * A picture with texts. `drawPicture` draws it on a canvas, `savePng` of
 * `tfjs-adversarial/node` writes it to a file.
 */
export interface Picture {
  /** `[height, width, 3]` in [0, 1], with room for the texts, as `tf.browser.toPixels` takes it. */
  pixels: tf.Tensor3D;
  /** What stands beside and below the images. */
  texts: PictureText[];
}

/** A caption below an image. */
export interface Caption {
  /** What is written. */
  text: string;
  /** Written in another color. Default false. */
  wrong?: boolean;
}

/** A row of {@link rowsPicture}. */
export interface PictureRow {
  /** Written to the left of the row. */
  name?: string;
  /** Images `[N, height, width, channels]` in [0, 1], the same shape in all rows. */
  images: tf.Tensor4D;
  /** Below each image. */
  captions?: readonly Caption[];
}

/** Options of {@link rowsPicture}. */
export interface RowsPictureOptions {
  /** Output pixels per image pixel; by default as many as make an image about 128 high. */
  zoom?: number;
}

const BLACK = '#000000';
/** Vermilion of Okabe and Ito, which color-blind people tell from black. */
const VERMILION = '#d55e00';

/** Width of a character in sizes of the font, about. */
const CHARACTER = 0.55;

/**
 * Draws rows of images, each with a name to the left and a caption below each
 * image.
 *
 * @throws Error if there are no rows, or their shapes differ.
 */
export function rowsPicture(
  rows: readonly PictureRow[],
  {zoom}: RowsPictureOptions = {},
): Picture {
  if (rows.length === 0) throw new Error('A picture needs a row of images.');
  const [{images: first}] = rows;
  rows.forEach(({images}) => checkPair(first, images));
  checkWhole({zoom});
  const factor = zoom ?? defaultZoom(first.shape);
  const size = fontSize(first.shape[2] * factor);
  const longest = Math.max(...rows.map(({name = ''}) => name.length));
  const left = longest && Math.ceil(size * (longest * CHARACTER + 1));
  const {
    pixels,
    tile: box,
    x,
    y,
  } = tile(
    rows.map(({images}) => images),
    {
      ...{zoom: factor, left},
      below: rows.map(({captions}) => (captions ? 1.4 * size : 0)),
    },
  );
  const texts = rows.flatMap(({name, captions = []}, row) => {
    const beside: PictureText[] = name
      ? [
          {
            ...{text: name, size, align: 'left', color: BLACK},
            ...{x: 0.3 * size, maxWidth: x[0] - 0.6 * size},
            y: y[row] + box.height / 2 + 0.35 * size,
          },
        ]
      : [];
    const below = captions
      .slice(0, x.length)
      .map(({text, wrong}, column): PictureText => ({
        ...{text, size, align: 'center', maxWidth: box.width},
        color: wrong ? VERMILION : BLACK,
        x: x[column] + box.width / 2,
        y: y[row] + box.height + 1.05 * size,
      }));
    return [...beside, ...below];
  });
  return {pixels, texts};
}

/** Of tiles of this width. */
function fontSize(width: number): number {
  return Math.max(11, Math.round(width / 10.7));
}
