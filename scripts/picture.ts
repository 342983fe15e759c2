import {createRequire} from 'node:module';
import * as tf from '@tensorflow/tfjs';
import {Resvg} from '@resvg/resvg-js';
import {attack, type AttackOptions, type ImageSet} from '../src/index.js';
import {encodePng} from '../src/node.js';

/** Side of an image, space to its right and for the caption below it, room for row names. */
const SIDE = 112;
const GAP = 6;
const CAPTION = 17;
const NAMES = 58;
/** PNG pixels per SVG unit: 7 for each pixel of a 32 × 32 image. */
const SCALE = 2;

const RIGHT = '#000000';
/** Vermilion of Okabe and Ito, which color-blind people tell from black. */
const WRONG = '#d55e00';

const FONT_FILE = createRequire(import.meta.url).resolve(
  '@expo-google-fonts/arimo/400Regular/Arimo_400Regular.ttf',
);

/** One row of the picture. */
export interface PictureRow {
  /** Shown to the left. */
  name: string;
  /** [N, H, W, 3] in [0, 1]. */
  images: tf.Tensor4D;
  /** Predicted class of each image. */
  predicted: number[];
}

export interface AttackPictureOptions extends AttackOptions {
  /** A row for each spec. */
  attacks: string[];
  /** Images in a row. Default 7. */
  columns?: number;
}

/**
 * Images that the model classifies correctly, of as many classes as possible, a
 * column each, clean and under each attack, as a PNG.
 */
export function attackPicture(
  model: tf.LayersModel,
  data: ImageSet,
  {attacks, columns = 7, ...options}: AttackPictureOptions,
): Buffer {
  return tf.tidy(() => {
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
    const rows = attacks.map(spec => {
      const perturbed = attack(spec, options).perturb(model, clean, truth);
      const name = spec === 'None' ? 'clean' : spec;
      return {
        name,
        images: perturbed.adversarial,
        predicted: classes(model, perturbed.adversarial),
      };
    });
    return drawRows(rows, {
      labels: chosen.map(i => labels[i]),
      classNames: data.classNames,
    });
  });
}

/**
 * Draws labeled rows: the row's name on the left, the predicted class below each
 * image, in another color and after the true class where it is wrong.
 */
export function drawRows(
  rows: PictureRow[],
  {labels, classNames}: {labels: number[]; classNames: readonly string[]},
): Buffer {
  const width = NAMES + labels.length * (SIDE + GAP);
  const height = rows.length * (SIDE + CAPTION);
  const parts = rows.flatMap(({name, images, predicted}, row) => {
    const y = row * (SIDE + CAPTION);
    const tiles = tf.unstack(images) as tf.Tensor3D[];
    const drawn = tiles.flatMap((image, column) => {
      const x = NAMES + column * (SIDE + GAP);
      const truth = classNames[labels[column]];
      const wrong = predicted[column] !== labels[column];
      const caption = wrong
        ? `${truth} → ${classNames[predicted[column]]}`
        : truth;
      return [
        `<image x="${x}" y="${y}" width="${SIDE}" height="${SIDE}" style="image-rendering:optimizeSpeed" href="${dataUrl(image)}"/>`,
        `<text x="${x + SIDE / 2}" y="${y + SIDE + 11.5}" font-size="10.5" text-anchor="middle" fill="${wrong ? WRONG : RIGHT}">${caption}</text>`,
      ];
    });
    tf.dispose(tiles);
    return [
      `<text x="2" y="${y + SIDE / 2 + 5}" font-size="15" fill="${RIGHT}">${name}</text>`,
      ...drawn,
    ];
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="Arimo">
<rect width="100%" height="100%" fill="white"/>
${parts.join('\n')}
</svg>`;
  const {pixels, ...size} = render(svg);
  return encodePng({data: pixels, shape: [size.height, size.width, 4]});
}

function render(svg: string) {
  const {width, height, pixels} = new Resvg(svg, {
    fitTo: {mode: 'zoom', value: SCALE},
    // A font of our own: a container may have none.
    font: {
      fontFiles: [FONT_FILE],
      loadSystemFonts: false,
      defaultFontFamily: 'Arimo',
    },
  }).render();
  return {width, height, pixels};
}

const dataUrl = (image: tf.Tensor3D): string =>
  `data:image/png;base64,${encodePng(image).toString('base64')}`;

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
