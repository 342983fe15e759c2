import type * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {
  adversarialTraining,
  type AdversarialTrainingArgs,
  StAdv,
  trades,
} from '../../src/index.js';
import {BATCH, compiled, x, y} from '../helpers/training.js';

const SMOOTH = 0.02;

/** Notes by how many times its bound neighbors of each flow differ. */
class Watched extends StAdv {
  seen: number[] = [];

  override apply(
    images: tf.Tensor4D,
    parameters: tf.Tensor[],
    constants: tf.Tensor[] | null,
  ): tf.Tensor4D {
    const {S} = this.neighborDifferences(parameters);
    this.seen.push(Math.max(...S.dataSync()) / this.smooth);
    return super.apply(images, parameters, constants);
  }

  override with(changes: {scale?: number}): Watched {
    const {epsilon, smooth} = super.with(changes);
    const wider = new Watched({epsilon, smooth});
    wider.seen = this.seen;
    return wider;
  }
}

const WAYS: Record<string, Partial<AdversarialTrainingArgs>> = {
  pgd: {crafting: 'pgd', steps: 3},
  'pgd, random start': {crafting: 'pgd', steps: 2, randomStart: true},
  fast: {crafting: 'fast'},
  TRADES: {objective: trades(), steps: 2},
};

for (const [name, args] of Object.entries(WAYS)) {
  test.serial(
    `training crafts inside the bound on neighbors: ${name}`,
    async t => {
      const attack = new Watched({epsilon: 0.2, smooth: SMOOTH});
      const model = compiled();
      await model.fit(x, y, {
        epochs: 1,
        batchSize: BATCH,
        verbose: 0,
        callbacks: [adversarialTraining({attack, ...args})],
      });
      const largest = Math.max(...attack.seen);
      t.log(`${attack.seen.length} flows, up to ${largest} of the bound`);
      t.true(largest > 0.3 && largest <= 1);
      model.dispose();
    },
  );
}

test.serial('a spec with a bound on neighbors trains', async t => {
  for (const crafting of ['pgd', 'fast'] as const) {
    const model = compiled();
    const {history} = await model.fit(x.slice(0, 2), y.slice(0, 2), {
      epochs: 1,
      batchSize: 2,
      verbose: 0,
      callbacks: [
        adversarialTraining({
          attack: 'C(0.06, smooth=0.04)',
          steps: 1,
          crafting,
        }),
      ],
    });
    t.true(Number.isFinite(history.loss[0] as number));
    model.dispose();
  }
});
