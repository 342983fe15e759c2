import * as tf from '@tensorflow/tfjs';
import type {TestFn} from 'ava';
import fc from 'fast-check';
import {
  attack,
  type ColorSpaceName,
  ReColor,
  Sequence,
  StAdv,
  type ThreatModel,
} from '../../../src/index.js';
import {field, parametersOf} from '../../helpers/arbitraries.js';
import {leak} from '../../helpers/memory.js';
import {toyImages, toyModel, ownLabels} from '../../helpers/toy.js';

const epsilons = fc.oneof(
  // Not so small that float32 has fewer digits.
  fc.double({min: 1e-6, max: 1, noNaN: true}),
  fc.constantFrom(0, 0.05, 0.06, 1),
);
const smooths = fc.oneof(
  fc.double({min: 1e-6, max: 0.5, noNaN: true}),
  fc.double({min: 1e-9, max: 1e-3, noNaN: true}),
  fc.constantFrom(0, 0.03, 0.04, 3),
);
const side = fc.integer({min: 1, max: 7});

const recolor: fc.Arbitrary<ReColor> = fc
  .record({
    space: fc.constantFrom<ColorSpaceName>('luv', 'rgb', 'ypbpr', 'hsv'),
    epsilon: fc.oneof(epsilons, fc.tuple(epsilons, epsilons, epsilons)),
    smooth: smooths,
    resolution: fc.tuple(
      fc.integer({min: 2, max: 6}),
      fc.integer({min: 2, max: 6}),
      fc.integer({min: 2, max: 6}),
    ),
    variant: fc.constantFrom('paper' as const, 'reference' as const),
  })
  .map(args => new ReColor(args));

const flow: fc.Arbitrary<StAdv> = fc
  .record({
    epsilon: epsilons,
    smooth: smooths,
    variant: fc.constantFrom('paper' as const, 'reference' as const),
  })
  .map(args => new StAdv(args));

/** The components of a term's displacements, and the sizes of its axes. */
function componentsOf(model: ThreatModel, parameters: tf.Tensor[]) {
  const fields =
    model instanceof StAdv ? tf.unstack(parameters[0], -1) : parameters;
  return {
    values: fields.map(t => t.dataSync() as Float32Array),
    shape: fields[0].shape,
  };
}

/** Largest difference of neighbors in float64, and whether all magnitudes are inside ε. */
function measure(model: ReColor | StAdv, parameters: tf.Tensor[]) {
  const {values, shape} = componentsOf(model, parameters);
  const [, ...axes] = shape;
  const strides = axes.map((_, i) =>
    axes.slice(i + 1).reduce((a, b) => a * b, 1),
  );
  let largest = 0;
  for (let i = 0; i < values[0].length; i++) {
    strides.forEach((stride, k) => {
      if (Math.floor(i / stride) % axes[k] === axes[k] - 1) return;
      const squares = values.map(v => (v[i + stride] - v[i]) ** 2);
      largest = Math.max(
        largest,
        Math.sqrt(squares.reduce((a, b) => a + b, 0)),
      );
    });
  }
  const bounds = [model.epsilon].flat();
  const within = values.every((v, k) => {
    const bound = Math.fround(bounds[k % bounds.length]);
    return v.every(x => Math.abs(x) <= bound);
  });
  return {largest, within};
}

function projectOf(
  model: ThreatModel,
  parameters: tf.Tensor[],
  images: tf.Tensor4D,
): tf.Tensor[] {
  return model.project(parameters, images, null);
}

function same(a: tf.Tensor[], b: tf.Tensor[]): boolean {
  return a.every((t, i) => {
    const other = b[i].dataSync();
    return t.dataSync().every((x: number, j: number) => x === other[j]);
  });
}

/** Hard bounds on the difference of neighbors. */
export function smoothBounds(test: TestFn, backend: string): void {
  const cases = fc.record({
    model: fc.oneof(recolor, flow),
    n: fc.integer({min: 1, max: 3}),
    height: side,
    width: side,
    field,
  });

  test(`${backend}: what is projected is inside both bounds in float64, and stays`, t => {
    fc.assert(
      fc.property(cases, ({model, n, height, width, field}) =>
        tf.tidy((): never => {
          const images = tf.zeros([n, height, width, 3]) as tf.Tensor4D;
          const zeros = model.zeros(images);
          const parameters = parametersOf(zeros, model.bounds(), field);
          const random = model.random(
            images,
            Array.from({length: n}, (_, i) => field.seed + i),
          );
          const projected = projectOf(model, parameters, images);
          for (const made of [projected, random]) {
            const {largest, within} = measure(model, made);
            if (largest > model.smooth) {
              throw new Error(`${model.name}: ${largest} apart`);
            }
            if (!within) throw new Error(`${model.name}: a bound is exceeded`);
          }
          // The reference's projection onto the gamut moves what it has projected.
          if (model.variant === 'paper' || model instanceof StAdv) {
            for (const made of [projected, random]) {
              const again = projectOf(model, made, images);
              if (!same(again, made)) throw new Error(`${model.name}: moved`);
            }
          }
          return undefined as never;
        }),
      ),
      {numRuns: backend === 'cpu' ? 40 : 6},
    );
    t.pass();
  });

  test(`${backend}: each image is projected by itself`, t => {
    fc.assert(
      fc.property(cases, ({model, height, width, field}) =>
        tf.tidy((): never => {
          const images = tf.zeros([3, height, width, 3]) as tf.Tensor4D;
          const far = parametersOf(model.zeros(images), model.bounds(), field);
          const together = projectOf(model, far, images);
          for (let i = 0; i < 3; i++) {
            const alone = projectOf(
              model,
              far.map(p => tf.slice(p, i, 1)),
              tf.slice(images, i, 1),
            );
            alone.forEach((p, k) => {
              const other = tf.slice(together[k], i, 1);
              const apart = tf.max(tf.abs(tf.sub(p, other))).dataSync()[0];
              if (apart > 1e-6) throw new Error(`${model.name}: ${apart}`);
            });
          }
          return undefined as never;
        }),
      ),
      {numRuns: backend === 'cpu' ? 15 : 4},
    );
    t.pass();
  });

  test(`${backend}: a bound that no displacement can exceed changes nothing`, t => {
    tf.tidy(() => {
      const images = toyImages(2);
      for (const make of [
        (smooth?: number) => new ReColor({smooth, resolution: [4, 5, 6]}),
        (smooth?: number) => new StAdv({smooth}),
      ]) {
        const free = make();
        const bound = make(0.21);
        const far = parametersOf(free.zeros(images), free.bounds(), {
          seed: 1,
          kind: 'far',
        });
        t.true(
          same(projectOf(free, far, images), projectOf(bound, far, images)),
        );
      }
    });
  });

  test(`${backend}: nothing is NaN at zero, and steps from there are feasible`, t => {
    tf.tidy(() => {
      const images = toyImages(2);
      const model = new Sequence([
        new ReColor({smooth: 0.02, resolution: [4, 5, 6]}),
        new StAdv({smooth: 0.01}),
      ]);
      const zeros = model.zeros(images);
      const constants = model.prepare(images);
      for (const step of [1, 2, [1, 2]]) {
        const gradients = tf.grads((...p: tf.Tensor[]) =>
          tf.add(
            tf.sum(model.smoothness(p)!),
            tf.sum(model.apply(images, p, constants)),
          ),
        )(zeros);
        const along = model.searchGradients(gradients, step);
        const moved = model.project(
          along.map(g => tf.neg(tf.sign(g))),
          images,
          null,
        );
        for (const p of [...gradients, ...along, ...moved]) {
          t.true(p.dataSync().every(Number.isFinite));
        }
      }
    });
  });

  test(`${backend}: each example's own step averages as one step for all`, t => {
    tf.tidy(() => {
      const model = new StAdv({smooth: 0.01});
      const g = tf.randomNormal([2, 5, 4, 2], 0, 1, 'float32', 3);
      const [both] = model.searchGradients([g], [1, 2]);
      const [odd] = model.searchGradients([g], 1);
      const [even] = model.searchGradients([g], 2);
      t.true(same([tf.slice(both, 0, 1)], [tf.slice(odd, 0, 1)]));
      t.true(same([tf.slice(both, 1, 1)], [tf.slice(even, 1, 1)]));
      t.true(same([even], [g]));
      t.false(same([odd], [g]));
    });
  });

  // Two colors k lattice points apart can be moved apart by min(2ε, k · smooth).
  const moves = [
    ['apgd', 3, 0.02],
    ['apgd', 6, 0.002],
    ['sign', 3, 0.02],
    ['adam', 3, 0.02],
    ['apgd', 5, 0.05],
    ['apgd', 6, 0],
  ] as const;
  // Each shape is compiled anew on the others.
  for (const [optimizer, k, smooth] of moves.slice(
    0,
    backend === 'cpu' ? undefined : 1,
  )) {
    test(`${backend}: ${optimizer} moves colors ${k} points apart by what smooth=${smooth} allows`, t => {
      const threatModel = new ReColor({
        space: 'rgb',
        smooth,
        resolution: [8, 3, 3],
      });
      const low = Math.floor((7 - k) / 2);
      const colors = tf.tensor4d(
        [low / 7, 0.5, 0.5, (low + k) / 7, 0.5, 0.5],
        [1, 1, 2, 3],
      );
      const red = (x: tf.Tensor4D, i: number) =>
        tf.reshape(tf.slice(x, [0, 0, i, 0], [-1, 1, 1, 1]), [-1]);
      const apart = k / 7;
      // The margin is by how much less the colors were moved apart than asked.
      const classifier = (x: tf.Tensor4D) => {
        const moved = tf.sub(tf.sub(red(x, 1), red(x, 0)), apart);
        return tf.stack([tf.neg(moved), tf.zerosLike(moved)], 1);
      };
      const labels = tf.tensor1d([0], 'int32');
      const found = attack(threatModel, {
        optimizer,
        loss: 'margin',
        steps: 60,
        learningRate: optimizer === 'apgd' ? undefined : 0.01,
        smoothnessWeight: 0,
      }).perturb(classifier as never, colors, labels);
      const most = Math.min(0.12, k * smooth);
      const reached = -found.margin.dataSync()[0];
      t.log(`${reached} of ${most}`);
      t.true(reached <= most + 1e-5);
      t.true(reached >= 0.9 * most - 1e-6, `${reached} of ${most}`);
      tf.dispose([found as never, colors, labels]);
    });
  }

  test(`${backend}: a uniform shift is free`, t => {
    const images = tf.fill([1, 2, 2, 3], 0.5) as tf.Tensor4D;
    const labels = tf.tensor1d([0], 'int32');
    const classifier = (x: tf.Tensor4D) => {
      const mean = tf.mean(x, [1, 2, 3]);
      return tf.stack([mean, tf.zerosLike(mean)], 1) as tf.Tensor2D;
    };
    for (const smooth of [0, 0.001]) {
      const found = attack(
        new ReColor({space: 'rgb', smooth, resolution: [4, 4, 4]}),
        {optimizer: 'apgd', steps: 20, smoothnessWeight: 0},
      ).perturb(classifier, images, labels);
      t.true(Math.abs(found.margin.dataSync()[0] - 0.44) < 1e-3);
      tf.dispose(found as never);
    }
    tf.dispose([images, labels]);
  });

  test.serial(`${backend}: nothing leaks`, t => {
    const model = toyModel();
    const images = toyImages(2);
    const labels = ownLabels(model, images);
    for (const optimizer of ['adam', 'sign', 'apgd', 'square'] as const) {
      const made = attack(
        new Sequence([
          new ReColor({smooth: 0.02, resolution: [4, 4, 4]}),
          new StAdv({smooth: 0.01}),
        ]),
        {optimizer, steps: 2, restarts: 2, randomStart: true},
      );
      made.perturb(model, images, labels);
      t.is(
        leak(() => made.perturb(model, images, labels)),
        0,
      );
    }
  });
}
