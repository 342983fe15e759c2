import * as tf from '@tensorflow/tfjs';
import {
  attack,
  type Classifier,
  colorSpaces,
  type ImageSet,
  ReColor,
} from '../../src/index.js';

/** The recolouring that remembers the lattice it was last projected to. */
class Watched extends ReColor {
  lattice: tf.Tensor[] = [];

  override project(lattice: tf.Tensor[]): tf.Tensor[] {
    const projected = super.project(lattice);
    tf.dispose(this.lattice);
    this.lattice = projected.map(t => tf.keep(tf.clone(t)));
    return projected;
  }
}

/** A colour of a picture or of the lattice, and where it went: u and v in CIELUV's own units. */
export interface Arrow {
  u: number;
  v: number;
  u2: number;
  v2: number;
  /** The colour itself, for the plot. */
  color: string;
}

export interface Recoloring {
  /** The image before and after, [32, 32, 3]. */
  images: tf.Tensor3D[];
  /** Every fourth of its pixels. */
  pixels: Arrow[];
  /** Points of the lattice's layer nearest to `lightness`, inside the gamut. */
  lattice: Arrow[];
  /** Lightness L of that layer, 0 to 100. */
  lightness: number;
}

/** Attacks one image with C and looks at the function found. The caller disposes the images. */
export function recolor(
  classifier: Classifier,
  data: ImageSet,
  index: number,
  steps: number,
): Recoloring {
  const threat = new Watched();
  const [before, after] = tf.tidy(() => {
    const image = data.tensor(index, index + 1);
    const labels = data.labelTensor(index, index + 1);
    const {adversarial} = attack(threat, {
      steps,
      earlyStop: false,
      keep: 'last',
    }).perturb(classifier, image, labels);
    return [
      tf.squeeze(image, [0]),
      tf.squeeze(adversarial, [0]),
    ] as tf.Tensor3D[];
  });
  const layer = Math.floor(threat.resolution[0] / 2);
  let lattice: Arrow[] = [];
  let pixels: Arrow[] = [];
  tf.tidy(() => {
    lattice = latticeLayer(threat, layer);
    pixels = arrows(
      colorSpaces.luv.fromRgb(before.reshape([-1, 3])),
      colorSpaces.luv.fromRgb(after.reshape([-1, 3])),
    ).filter((_, i) => i % 4 === 0);
  });
  tf.dispose(threat.lattice);
  return {
    images: [before, after],
    pixels,
    lattice,
    lightness: (100 * layer) / (threat.resolution[0] - 1),
  };
}

function latticeLayer(threat: Watched, layer: number): Arrow[] {
  const [layers, rows, columns] = threat.resolution;
  const points: number[][] = [];
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      points.push([layer / (layers - 1), i / (rows - 1), j / (columns - 1)]);
    }
  }
  const colors = tf.tensor2d(points);
  const moves = tf.stack(
    threat.lattice.map(d =>
      tf.slice(d, [0, layer, 0, 0], [1, 1, rows, columns]).reshape([-1]),
    ),
    -1,
  );
  // What comes back from RGB elsewhere was outside the gamut.
  const back = colorSpaces.luv.fromRgb(
    tf.clipByValue(colorSpaces.luv.toRgb(colors), 0, 1),
  );
  const off = tf.max(tf.abs(tf.sub(back, colors)), -1).dataSync();
  return arrows(colors, tf.add(colors, moves)).filter((_, i) => off[i] < 0.02);
}

function arrows(from: tf.Tensor, to: tf.Tensor): Arrow[] {
  const rgb = tf
    .clipByValue(colorSpaces.luv.toRgb(from), 0, 1)
    .arraySync() as number[][];
  const [a, b] = [from, to].map(t => t.arraySync() as number[][]);
  return a.map(([, u, v], i) => ({
    u: 200 * u - 100,
    v: 200 * v - 100,
    u2: 200 * b[i][1] - 100,
    v2: 200 * b[i][2] - 100,
    color: `rgb(${rgb[i].map(c => Math.round(255 * c)).join()})`,
  }));
}
