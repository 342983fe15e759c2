import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import fc from 'fast-check';
import {Delta} from '../../../src/attacks/threat_models/delta.js';
import {ReColor} from '../../../src/attacks/threat_models/recolor.js';
import {StAdv} from '../../../src/attacks/threat_models/stadv.js';
import type {ThreatModel} from '../../../src/attacks/threat_models/threat_model.js';
import type {ColorSpaceName} from '../../../src/color/color_spaces.js';
import {field, image, parametersOf} from '../../helpers/arbitraries.js';
import {missingBackend, usual} from '../../helpers/backends.js';
import {excess} from '../../helpers/displacement.js';
import {leak} from '../../helpers/memory.js';
import {small} from '../../helpers/toy.js';

await missingBackend(usual);

const HEIGHT = 3;
const WIDTH = 4;
const SPACES: ColorSpaceName[] = ['luv', 'rgb', 'ypbpr', 'hsv'];
const epsilon = fc.double({min: 0, max: 1, noNaN: true});
const toImages = (values: number[]) =>
  tf.tensor4d(values, [1, HEIGHT, WIDTH, 3]);

/** Runs a property inside a tidy, on images and parameters of the model. */
function holds(
  runs: number,
  model: fc.Arbitrary<ThreatModel>,
  property: (
    model: ThreatModel,
    images: tf.Tensor4D,
    parameters: tf.Tensor[],
  ) => boolean | string,
): void {
  fc.assert(
    fc.property(
      model,
      image(HEIGHT, WIDTH),
      field,
      (model, values, field) =>
        tf.tidy(() => {
          const images = toImages(values);
          const found = property(
            model,
            images,
            parametersOf(model.zeros(images), model.bounds(), field),
          );
          if (typeof found === 'string') throw new Error(found);
          return found as unknown as tf.TensorContainer;
        }) as unknown as boolean,
    ),
    {numRuns: runs},
  );
}

const recolor = (space: ColorSpaceName) =>
  fc
    .record({
      epsilon: fc.oneof(
        epsilon,
        fc.constant(0.06),
        fc.tuple(epsilon, epsilon, epsilon),
      ),
      resolution: fc.tuple(
        fc.integer({min: 2, max: 4}),
        fc.integer({min: 2, max: 4}),
        fc.integer({min: 2, max: 4}),
      ),
    })
    .map(args => new ReColor({space, ...args}));

for (const space of SPACES) {
  test(`no channel of any recoloring in ${space} moves past its bound`, t => {
    holds(150, recolor(space), (model, images, parameters) => {
      const lattice = model.project(parameters, images, null);
      const over = excess(model, images, model.apply(images, lattice, null));
      return over <= 1e-4 || `${model.name} is exceeded by ${over}`;
    });
    t.pass();
  });
}

test('no channel moves past the bound of D, no image past that in l2', t => {
  const model = fc.oneof(
    epsilon.map(epsilon => new Delta({epsilon})),
    epsilon.map(e => new Delta({norm: 'l2', epsilon: e * 3})),
  );
  holds(100, model, (model, images, parameters) => {
    const delta = model.project(parameters, images, null);
    const over = excess(model, images, model.apply(images, delta, null));
    return over <= 1e-5 || `${model.name} is exceeded by ${over}`;
  });
  t.pass();
});

test('S reads each pixel from no further than its bound', t => {
  const model = fc
    .double({min: 0, max: 0.6, noNaN: true})
    .map(epsilon => new StAdv({epsilon}));
  holds(50, model, (model, images, parameters) => {
    const flow = model.project(parameters, images, null);
    const over = excess(model, images, model.apply(images, flow, null));
    return over <= 1e-5 || `${model.name} is exceeded by ${over}`;
  });
  t.pass();
});

const SPECS = [
  'None',
  'C',
  'C-RGB',
  'C-YPbPr',
  'C-HSV',
  'D',
  'S',
  'C+S',
  'S+C',
  'D+C-HSV',
  'C+S+D',
];
const anyModel = fc.oneof(
  fc.constantFrom(...SPECS).map(spec => small(spec)),
  fc.constant(new Delta({norm: 'l2', epsilon: 0.7})),
);

test('without perturbation images stay what they are, to the last bit', t => {
  holds(200, anyModel, (model, images) => {
    const zeros = model.zeros(images);
    const before = images.dataSync();
    return [null, model.prepare(images)].every(constants => {
      const after = model.apply(images, zeros, constants).dataSync();
      const changed = after.findIndex((v, i) => v !== before[i]);
      if (changed < 0) return true;
      throw new Error(
        `${model.name}: ${before[changed]} became ${after[changed]}`,
      );
    });
  });
  t.pass();
});

test('perturbed images are in [0, 1], whatever the parameters', t => {
  const models = fc.oneof(
    anyModel,
    fc.constantFrom(...SPECS).map(spec => small(spec, 'reference')),
  );
  holds(150, models, (model, images, parameters) => {
    const inside = model.project(parameters, images, null);
    return [parameters, inside].every(p =>
      model
        .apply(images, p, null)
        .dataSync()
        .every(v => v >= 0 && v <= 1),
    );
  });
  t.pass();
});

test('what was projected is left as it is by projecting again', t => {
  holds(60, anyModel, (model, images, parameters) => {
    const once = model.project(parameters, images, null);
    const twice = model.project(once, images, null);
    return once.every((p, i) => {
      const [difference] = tf.max(tf.abs(tf.sub(p, twice[i]))).dataSync();
      return difference <= 1e-6;
    });
  });
  t.pass();
});

test('constants prepared from the images change nothing', t => {
  const models = fc.oneof(
    anyModel,
    fc.constantFrom(...SPECS).map(spec => small(spec, 'reference')),
  );
  holds(80, models, (model, images, parameters) => {
    const with_ = model.apply(images, parameters, model.prepare(images));
    const without = model.apply(images, parameters, null);
    const [difference] = tf.max(tf.abs(tf.sub(with_, without))).dataSync();
    return difference <= 1e-6 || `${model.name}: ${difference}`;
  });
  t.pass();
});

test('random parameters are inside the bounds and follow their seeds', t => {
  fc.assert(
    fc.property(anyModel, fc.nat(1e6), (model, seed) => {
      const left = leak(() => {
        const images = tf.zeros([2, HEIGHT, WIDTH, 3]) as tf.Tensor4D;
        const first = tf.zeros([1, HEIGHT, WIDTH, 3]) as tf.Tensor4D;
        const both = model.random(images, [seed, seed + 1]);
        const alone = model.random(first, [seed + 1]);
        const bounds = model.bounds();
        both.forEach((p, i) => {
          const values = p.dataSync();
          if (values.some(v => Math.abs(v) > bounds[i] + 1e-6)) {
            throw new Error(`${model.name} starts out of bounds`);
          }
          const second = values.slice(values.length / 2);
          if (alone[i].dataSync().some((v, k) => v !== second[k])) {
            throw new Error(`${model.name} starts otherwise in a batch`);
          }
        });
        return [images, first, both, alone];
      });
      return left === 0;
    }),
    {numRuns: 40},
  );
  t.pass();
});
