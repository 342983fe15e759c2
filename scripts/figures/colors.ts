import * as tf from '@tensorflow/tfjs';
import {
  attack,
  type Classifier,
  colorSpaces,
  type ImageSet,
  ReColor,
} from '../../src/index.js';
import {rateFor} from './points.js';

/** The recoloring that remembers the lattice it was last projected to. */
class Watched extends ReColor {
  lattice: tf.Tensor[] = [];

  override project(lattice: tf.Tensor[]): tf.Tensor[] {
    const projected = super.project(lattice);
    tf.dispose(this.lattice);
    this.lattice = projected.map(t => tf.keep(tf.clone(t)));
    return projected;
  }
}

/** A color of a picture or of the lattice, and where it went: u and v in CIELUV's own units. */
export interface Arrow {
  u: number;
  v: number;
  u2: number;
  v2: number;
  /** The color itself, for the plot. */
  color: string;
}

export interface Recoloring {
  /** The image before and after, [32, 32, 3]. */
  images: tf.Tensor3D[];
  /** Every fourth of its pixels. */
  pixels: Arrow[];
  /** Points of the lattice's layer that moves most, inside the gamut, around the image's colors. */
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
      learningRate: rateFor(steps),
      // The whole function, not the least that fools.
      confidence: Infinity,
      earlyStop: false,
      keep: 'last',
    }).perturb(classifier, image, labels);
    return [
      tf.squeeze(image, [0]),
      tf.squeeze(adversarial, [0]),
    ] as tf.Tensor3D[];
  });
  const {layer, arrows: whole} = movedMost(threat);
  let pixels: Arrow[] = [];
  tf.tidy(() => {
    pixels = arrows(
      colorSpaces.luv.fromRgb(before.reshape([-1, 3])),
      colorSpaces.luv.fromRgb(after.reshape([-1, 3])),
    ).filter((_, i) => i % 4 === 0);
  });
  tf.dispose(threat.lattice);
  return {
    images: [before, after],
    pixels,
    lattice: whole.filter(around(pixels)),
    lightness: (100 * layer) / (threat.resolution[0] - 1),
  };
}

/** The layer whose points, inside the gamut, move most in all. */
function movedMost(threat: Watched): {layer: number; arrows: Arrow[]} {
  const layers = Array.from({length: threat.resolution[0]}, (_, layer) => ({
    layer,
    arrows: latticeLayer(threat, layer),
  }));
  const way = (arrows: Arrow[]) =>
    arrows.reduce((sum, {u, v, u2, v2}) => sum + Math.hypot(u2 - u, v2 - v), 0);
  return layers.reduce((a, b) => (way(b.arrows) > way(a.arrows) ? b : a));
}

/** Whether a color is in the box of these or a lattice point beside it; none moves elsewhere. */
function around(arrows: Arrow[]) {
  const margin = 10;
  const [us, vs] = [arrows.map(a => a.u), arrows.map(a => a.v)];
  const within = (x: number, xs: number[]) =>
    x > Math.min(...xs) - margin && x < Math.max(...xs) + margin;
  return ({u, v}: Arrow) => within(u, us) && within(v, vs);
}

function latticeLayer(threat: Watched, layer: number): Arrow[] {
  const [layers, rows, columns] = threat.resolution;
  const points: number[][] = [];
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      points.push([layer / (layers - 1), i / (rows - 1), j / (columns - 1)]);
    }
  }
  let found: Arrow[] = [];
  tf.tidy(() => {
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
    found = arrows(colors, tf.add(colors, moves)).filter(
      (_, i) => off[i] < 0.02,
    );
  });
  return found;
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
