import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {
  attack,
  type Iterate,
  type Perturbed,
} from '../../src/attacks/attack.js';
import {attackMargin} from '../../src/attacks/outcome.js';
import {logits} from '../../src/models/logits.js';
import {missingBackend, usual} from '../helpers/backends.js';
import {leak, leakAsync} from '../helpers/memory.js';
import {ownLabels, small, toyImages, toyModel} from '../helpers/toy.js';

await missingBackend(usual);

const model = toyModel();
const N = 3;
const images = toyImages(N, {seed: 3});
const labels = ownLabels(model, images);
const SPECS = ['C', 'S', 'D', 'C+S+D', 'None'];

/** A copy on the host: the tensors themselves end with the callback. */
const copy = (iterate: Iterate) => ({
  ...iterate,
  adversarial: iterate.adversarial.arraySync(),
  margin: iterate.margin.arraySync(),
  smoothness: iterate.smoothness.arraySync(),
  parameters: iterate.parameters.map(p => p.clone()),
});

const freeResult = (result: Perturbed) =>
  tf.dispose(result as unknown as tf.TensorContainer);

const near = (a: number[], b: number[]) =>
  a.length === b.length && a.every((x, i) => Math.abs(x - b[i]) < 1e-4);

for (const spec of SPECS) {
  test.serial(`${spec}: every iterate is what its parameters make`, t => {
    const search = attack(small(spec), {steps: 4, learningRate: 0.01});
    const seen: ReturnType<typeof copy>[] = [];
    const result = search.perturb(model, images, labels, {
      history: true,
      onIterate: iterate => {
        seen.push(copy(iterate));
      },
    });
    const steps = spec === 'None' ? 0 : 4;
    t.deepEqual(
      seen.map(({step}) => step),
      Array.from({length: steps + 1}, (_, i) => i),
    );
    for (const {parameters, adversarial, margin, examples} of seen) {
      t.deepEqual(examples, [0, 1, 2]);
      tf.tidy(() => {
        const made = search.threatModel.apply(images, parameters, null);
        const off = tf.max(tf.abs(tf.sub(made, adversarial))).arraySync();
        t.true((off as number) < 1e-5);
        const oneHot = tf.oneHot(labels as tf.Tensor1D, 3) as tf.Tensor2D;
        const own = attackMargin(logits(model, made), oneHot, false);
        t.true(near(own.arraySync(), margin));
      });
    }
    // The history has the same margins, and the result is the best of them.
    const history = result.history!.margin.arraySync();
    history.forEach((row, i) => t.true(near(row, seen[i].margin)));
    const best = [0, 1, 2].map(i => Math.min(...seen.map(s => s.margin[i])));
    t.true(near(best, result.margin.arraySync()));
    seen.forEach(({parameters}) => tf.dispose(parameters));
    freeResult(result);
  });
}

test.serial('examples that have stopped are no longer among them', t => {
  const search = attack('D(0.3)', {
    steps: 6,
    learningRate: 0.05,
    earlyStop: true,
    restarts: 2,
  });
  const last = new Map<number, number>();
  let rows = true;
  const result = search.perturb(model, images, labels, {
    onIterate: ({examples, margin, adversarial}) => {
      rows &&= adversarial.shape[0] === examples.length;
      const margins = margin.arraySync();
      examples.forEach((example, i) => {
        // An example that was beaten is not seen again.
        t.false((last.get(example) ?? 0) < 0);
        last.set(example, margins[i]);
      });
    },
  });
  t.true(rows);
  const success = result.success.arraySync();
  t.true(success.includes(1), 'an attack this large succeeds');
  success.forEach((won, i) => t.is(last.get(i)! < 0, won === 1));
  freeResult(result);
});

test.serial('perturbAsync waits for an asynchronous callback', async t => {
  const search = attack(small('C+S+D'), {steps: 3, learningRate: 0.01});
  let running = 0;
  const margins: number[][] = [];
  const result = await search.perturbAsync(model, images, labels, {
    history: true,
    onIterate: async ({margin, adversarial}) => {
      t.is(++running, 1, 'one at a time');
      await new Promise(resolve => setTimeout(resolve, 5));
      t.false(adversarial.isDisposed);
      margins.push([...(await margin.data())]);
      running--;
    },
  });
  const history = result.history!.margin.arraySync();
  t.is(margins.length, 4);
  history.forEach((row, i) => t.true(near(row, margins[i])));
  freeResult(result);
});

test.serial('perturb refuses an asynchronous callback', t => {
  const search = attack('D', {steps: 2});
  t.throws(
    () =>
      search.perturb(model, images, labels, {
        onIterate: async ({margin}) => {
          await margin.data();
          throw new Error('later');
        },
      }),
    {message: /perturbAsync/},
  );
});

test.serial('nothing leaks, also when the callback throws', async t => {
  const search = attack(small('C+S+D'), {steps: 2, learningRate: 0.01});
  const fault = () => {
    throw new Error('from the callback');
  };
  t.is(
    leak(() =>
      freeResult(
        search.perturb(model, images, labels, {onIterate: () => undefined}),
      ),
    ),
    0,
  );
  t.is(
    await leakAsync(async () => {
      t.throws(
        () => search.perturb(model, images, labels, {onIterate: fault}),
        {message: 'from the callback'},
      );
      await t.throwsAsync(
        () =>
          search.perturbAsync(model, images, labels, {
            onIterate: async ({step}) => {
              if (step === 2) fault();
            },
          }),
        {message: 'from the callback'},
      );
    }),
    0,
  );
});
