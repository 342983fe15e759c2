import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {
  adversarialTraining,
  type AdversarialTrainingArgs,
  NonFiniteError,
} from '../../src/index.js';
import {missingBackend, usual} from '../helpers/backends.js';
import {leakAsync} from '../helpers/memory.js';
import {
  batchesOf,
  compiled,
  FIT,
  weightsOf,
  x,
  y,
} from '../helpers/training.js';

await missingBackend(usual);

const BAD = 2;
const usualLoss = (labels: tf.Tensor, p: tf.Tensor) =>
  tf.metrics.categoricalCrossentropy(labels, p);

/** A loss that goes wrong in the second of three batches of each epoch. */
const FAULTS: Record<
  string,
  {fault: RegExp; wrong(each: tf.Tensor, p: tf.Tensor): tf.Tensor}
> = {
  'a loss of NaN': {
    fault: /the loss became NaN/,
    wrong: each => tf.mul(each, NaN),
  },
  'an infinite loss': {
    fault: /the loss became infinite/,
    wrong: each => tf.div(each, 0),
  },
  'gradients of NaN': {
    fault: /gradients were not finite|weights became NaN/,
    // 0, with the gradient 0/0.
    wrong: (each, p) => tf.add(each, tf.sqrt(tf.sum(tf.square(tf.sub(p, p))))),
  },
};

function make(
  wrong?: (each: tf.Tensor, p: tf.Tensor) => tf.Tensor,
  adam = false,
) {
  let batch = 0;
  return compiled({
    loss: (labels, p) => {
      const each = usualLoss(labels, p);
      return ++batch % 3 === BAD && wrong ? wrong(each, p) : each;
    },
    optimizer: () =>
      adam ? tf.train.adam(0.01) : tf.train.momentum(0.05, 0.9),
  });
}

async function quiet<T>(
  f: () => Promise<T>,
): Promise<{value: T; said: string[]}> {
  const said: string[] = [];
  const {warn} = console;
  console.warn = (text: string) => void said.push(text);
  try {
    return {value: await f(), said};
  } finally {
    console.warn = warn;
  }
}

const ARGS: AdversarialTrainingArgs = {attack: 'D', steps: 1};

for (const [what, {fault, wrong}] of Object.entries(FAULTS)) {
  for (const adam of [false, true]) {
    const name = `${what}, ${adam ? 'Adam' : 'momentum'}`;

    test.serial(
      `${name}: stop, with the weights from before that batch`,
      async t => {
        const model = make(wrong, adam);
        const error = await t.throwsAsync(
          model.fit(x, y, {...FIT, callbacks: adversarialTraining(ARGS)}),
          {instanceOf: NonFiniteError},
        );
        t.regex(
          error!.message,
          /^Training stopped: .* in batch 2 of epoch 1; /,
        );
        t.regex(error!.message, fault);
        const before = make(undefined, adam);
        const [[images, labels]] = batchesOf(y);
        await before.fit(images, labels, {
          ...FIT,
          callbacks: adversarialTraining(ARGS),
        });
        t.deepEqual(weightsOf(model), weightsOf(before));
      },
    );

    test.serial(`${name}: skip is training without that batch`, async t => {
      const model = make(wrong, adam);
      const skip: AdversarialTrainingArgs = {...ARGS, onNonFinite: 'skip'};
      const {value, said} = await quiet(() =>
        model.fit(x, y, {...FIT, callbacks: adversarialTraining(skip)}),
      );
      t.is(said.length, 1);
      t.regex(said[0], /batch 2 of epoch 1; its update is left out/);
      t.true(Math.abs((value.history.skipped[0] as number) - 1 / 3) < 1e-6);
      t.true(Number.isFinite(value.history.loss[0] as number));
      const without = make(undefined, adam);
      const [first, , third] = batchesOf(y);
      for (const [images, labels] of [first, third]) {
        await without.fit(images, labels, {
          ...FIT,
          callbacks: adversarialTraining(ARGS),
        });
      }
      t.deepEqual(weightsOf(model), weightsOf(without));
    });
  }
}

test.serial(
  'a rate that makes weights infinite is noticed, with every way to craft',
  async t => {
    for (const args of [
      ARGS,
      {attack: 'D', crafting: 'fast'},
      {attack: 'D', steps: 1, awp: 0.01},
      {attack: ['D', 'S'], union: 'adaptive', crafting: 'fast'},
    ] as AdversarialTrainingArgs[]) {
      const model = compiled({optimizer: () => tf.train.sgd(1e39)});
      const before = weightsOf(model);
      await t.throwsAsync(
        model.fit(x, y, {...FIT, callbacks: adversarialTraining(args)}),
        {name: 'NonFiniteError'},
      );
      t.deepEqual(weightsOf(model), before);
    }
  },
);

test.serial('neither way leaks', async t => {
  const model = make(FAULTS['a loss of NaN'].wrong, true);
  const run = async (onNonFinite: 'stop' | 'skip') => {
    const callbacks = adversarialTraining({...ARGS, onNonFinite});
    await quiet(() =>
      model.fit(x, y, {...FIT, callbacks}).catch(error => {
        if (!(error instanceof NonFiniteError)) throw error;
      }),
    );
  };
  await run('skip');
  t.is(await leakAsync(() => run('skip')), 0);
});

test.serial('a fit after one that was stopped trains', async t => {
  const model = make(FAULTS['a loss of NaN'].wrong);
  await t.throwsAsync(
    model.fit(x, y, {...FIT, callbacks: adversarialTraining(ARGS)}),
  );
  const before = weightsOf(model);
  const [[images, labels]] = batchesOf(y);
  await model.fit(images, labels, {
    ...FIT,
    callbacks: adversarialTraining(ARGS),
  });
  t.notDeepEqual(weightsOf(model), before);
});
