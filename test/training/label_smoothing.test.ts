import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {attack} from '../../src/attacks/attack.js';
import {adversarialTraining} from '../../src/callbacks/adversarial_training.js';
import {mart} from '../../src/defenses/mart.js';
import {smoothLabels} from '../../src/training/label_smoothing.js';
import {missingBackend, usual} from '../helpers/backends.js';
import {
  batchesOf,
  classes,
  compiled,
  FIT,
  weightsOf,
  x,
  y,
} from '../helpers/training.js';

await missingBackend(usual);

test('smoothed labels are (1 − s) y + s/classes', t => {
  const smooth = smoothLabels(
    tf.tensor2d([
      [0, 1, 0, 0],
      [1, 0, 0, 0],
    ]),
    0.2,
  );
  const wanted = [0.05, 0.85, 0.05, 0.05, 0.85, 0.05, 0.05, 0.05];
  smooth.dataSync().forEach((v, i) => t.true(Math.abs(v - wanted[i]) < 1e-6));
});

test('the loss has the closed form of a mean over all labels', t => {
  // CE of smoothed labels is (1 − s) CE + s · mean over k of −log p_k.
  const z = tf.tensor2d([[1.2, -0.4, 0.3]]);
  const logP = [...tf.logSoftmax(z).dataSync()];
  const s = 0.3;
  const labels = smoothLabels(tf.tensor2d([[0, 0, 1]]), s);
  const [found] = tf.neg(tf.sum(tf.mul(labels, tf.logSoftmax(z)))).dataSync();
  const uniform = -(logP[0] + logP[1] + logP[2]) / 3;
  t.true(Math.abs(found - ((1 - s) * -logP[2] + s * uniform)) < 1e-6);
});

test.serial(
  'attacks see the labels as they are, the loss the smoothed ones',
  async t => {
    for (const mix of ['adversarial', 'both'] as const) {
      const model = compiled();
      const {history} = await model.fit(x, y, {
        ...FIT,
        callbacks: adversarialTraining({
          ...{attack: 'D', steps: 2, learningRate: 0.05},
          ...{mix, labelSmoothing: 0.2},
        }),
      });
      const byHand = compiled();
      for (const [images, labels] of batchesOf(y)) {
        const {adversarial} = attack('D', {
          steps: 2,
          learningRate: 0.05,
        }).perturb(byHand, images, labels as tf.Tensor2D);
        const smooth = smoothLabels(labels, 0.2);
        const [both, twice] =
          mix === 'both'
            ? [tf.concat([images, adversarial]), tf.concat([smooth, smooth])]
            : [adversarial, smooth];
        await byHand.trainOnBatch(both, twice);
      }
      t.deepEqual(weightsOf(model), weightsOf(byHand));
      t.true((history.acc[0] as number) >= 0);
    }
  },
);

test.serial(
  'class indices, MART and numbers out of range are refused',
  async t => {
    const args = {attack: 'D', labelSmoothing: 0.1};
    const model = compiled({loss: 'sparseCategoricalCrossentropy'});
    const before = weightsOf(model);
    await t.throwsAsync(
      model.fit(x, tf.reshape(classes, [-1, 1]), {
        ...FIT,
        callbacks: adversarialTraining(args),
      }),
      {message: /needs one-hot labels/},
    );
    t.deepEqual(weightsOf(model), before);
    t.throws(() => adversarialTraining({...args, objective: mart()}), {
      message: /leave out labelSmoothing/,
    });
    for (const labelSmoothing of [1, -0.1, NaN]) {
      t.throws(() => adversarialTraining({attack: 'D', labelSmoothing}), {
        message: /labelSmoothing must be a number from 0 to below 1/,
      });
    }
  },
);
