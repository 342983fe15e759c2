import {readFile} from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs';
import {
  attack,
  type Classifier,
  type ImageSet,
  lpips,
  type LpipsWeights,
} from '../../src/index.js';
import {fileError, writeWhole} from '../../src/io/cache.js';

/** The result of one attack on the examples. */
export interface Point {
  /** Share of the examples still classified correctly, in %. */
  accuracy: number;
  /** Mean LPIPS (AlexNet) to the clean images, if it was measured. */
  lpips?: number;
}

/** Finished points by attack. Each is written at once, so that a stopped run can resume. */
export class Points {
  private constructor(
    private readonly file: string,
    private readonly settings: object,
    readonly points: Record<string, Point>,
  ) {}

  /**
   * @param file may hold the points of an earlier run; they are used if its
   *     settings were the same.
   */
  static async open(file: string, settings: object): Promise<Points> {
    const text = await readFile(file, 'utf8').catch(error => {
      if (error.code === 'ENOENT') return null;
      throw fileError(error, file, 'read');
    });
    if (text === null) return new Points(file, settings, {});
    try {
      const earlier = JSON.parse(text);
      const same =
        JSON.stringify(earlier.settings) === JSON.stringify(settings);
      return new Points(file, settings, same ? earlier.points : {});
    } catch {
      throw new Error(
        `${file} is not a file of points; remove it or choose another --out.`,
      );
    }
  }

  async measure(key: string, work: () => Point): Promise<Point> {
    if (!Object.hasOwn(this.points, key)) {
      this.points[key] = work();
      const {settings, points} = this;
      await writeWhole(
        this.file,
        JSON.stringify({settings, points}, null, 2) + '\n',
      );
    }
    return this.points[key];
  }
}

/**
 * Adam's rate at which an attack of any number of steps reaches its bound: the
 * paper's 0.001 at its 100 steps. Bounds above the paper's need more.
 */
export const rateFor = (steps: number, scale = 1) =>
  (0.1 * Math.max(1, scale)) / steps;

export interface MeasureArgs {
  steps: number;
  /** The bounds, in multiples of the paper's. Default 1. */
  scale?: number;
  seed: number;
  batch: number;
  weights?: LpipsWeights;
}

/** One attack on all examples. All run to their last step, so that shapes are constant. */
export function measure(
  classifier: Classifier,
  data: ImageSet,
  spec: string,
  {steps, scale, seed, batch, weights}: MeasureArgs,
): Point {
  let correct = 0;
  let distance = 0;
  for (let i = 0; i < data.size; i += batch) {
    const end = Math.min(i + batch, data.size);
    tf.tidy(() => {
      const images = data.tensor(i, end);
      const {adversarial, success} = attack(spec, {
        steps,
        seed,
        learningRate: rateFor(steps, scale),
        earlyStop: false,
      }).perturb(classifier, images, data.labelTensor(i, end));
      correct += end - i - tf.sum(tf.cast(success, 'int32')).dataSync()[0];
      if (weights) {
        distance += tf.sum(lpips(images, adversarial, weights)).dataSync()[0];
      }
    });
  }
  return {
    accuracy: (100 * correct) / data.size,
    ...(weights && {lpips: distance / data.size}),
  };
}
