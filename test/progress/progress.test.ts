import * as tf from '@tensorflow/tfjs';
import test, {type ExecutionContext} from 'ava';
import {
  adversarialTraining,
  attack,
  evaluateRobustness,
  fitProgress,
  type ProgressReport,
} from '../../src/index.js';
import {compiled, dataset, FIT, N, x, y} from '../helpers/training.js';

// Serial, since standard error is watched.

const model = compiled();
const STEPS_OF_EPOCH = N / FIT.batchSize;

function recorder() {
  const reports: ProgressReport[] = [];
  return {reports, progress: (r: ProgressReport) => void reports.push(r)};
}

/** What work writes to standard error, as if that were a terminal or not. */
async function written(isTTY: boolean, work: () => Promise<unknown>) {
  const {stderr} = process;
  const before = Object.getOwnPropertyDescriptor(stderr, 'isTTY');
  const {write} = stderr;
  let text = '';
  Object.defineProperty(stderr, 'isTTY', {value: isTTY, configurable: true});
  stderr.write = ((chunk: string) => ((text += chunk), true)) as typeof write;
  try {
    await work();
  } finally {
    stderr.write = write;
    if (before) Object.defineProperty(stderr, 'isTTY', before);
    else delete (stderr as {isTTY?: boolean}).isTTY;
  }
  return text;
}

/** Counts never fall, the estimate is proportional, and the last report is the end. */
function checkReports(t: ExecutionContext, reports: ProgressReport[]) {
  t.true(reports.at(-1)!.finished);
  reports.forEach(({done, total, seconds, secondsLeft}, i) => {
    t.true(i === 0 || done >= reports[i - 1].done);
    if (secondsLeft === undefined) return void t.is(done, 0);
    t.true(Math.abs(secondsLeft * done - seconds * (total! - done)) < 1e-9);
  });
}

test.serial(
  'fitProgress: batches of all epochs, and results of each',
  async t => {
    const {reports, progress} = recorder();
    const tensors = tf.memory().numTensors;
    await model.fit(x, y, {
      ...FIT,
      ...{initialEpoch: 1, epochs: 3, callbacks: fitProgress(progress)},
    });
    t.is(tf.memory().numTensors, tensors);
    checkReports(t, reports);
    t.true(reports.every(({total}) => total === 2 * STEPS_OF_EPOCH));
    const ends = reports.filter(({finished}) => finished);
    t.deepEqual(
      ends.map(({task, done}) => [task, done]),
      [
        ['epoch 2/3', STEPS_OF_EPOCH],
        ['epoch 3/3', 2 * STEPS_OF_EPOCH],
      ],
    );
    for (const {values} of ends) {
      t.deepEqual(Object.keys(values!), ['loss', 'acc']);
      t.true(Object.values(values!).every(Number.isFinite));
    }
  },
);

test.serial('a dataset: its size, or that of its first epoch', async t => {
  const known = dataset();
  const generated = tf.data.generator(async function* () {
    yield* await known.toArray();
  } as unknown as () => Iterator<tf.TensorContainer>);
  for (const data of [known, generated]) {
    const {reports, progress} = recorder();
    await model.fitDataset(data, {
      ...{epochs: 2, verbose: 0, callbacks: fitProgress(progress)},
    });
    const second = reports.filter(({task}) => task === 'epoch 2/2');
    checkReports(t, second);
    t.true(second.every(({total}) => total === 2 * STEPS_OF_EPOCH));
    t.is(
      reports[0].total,
      data === known ? 2 * STEPS_OF_EPOCH : undefined,
      'before the first epoch',
    );
  }
});

test.serial(
  'adversarialTraining: clean and adversarial accuracy too',
  async t => {
    const {reports, progress} = recorder();
    const callbacks = adversarialTraining({attack: 'D', steps: 1, progress});
    await model.fit(x, y, {...FIT, epochs: 1, callbacks});
    checkReports(t, reports);
    t.deepEqual(Object.keys(reports.at(-1)!.values!), [
      ...['loss', 'acc', 'clean_acc', 'adv_acc'],
    ]);
  },
);

test.serial('perturbAsync: steps of all restarts, the same result', async t => {
  const {reports, progress} = recorder();
  const search = attack('D', {
    steps: 3,
    restarts: 2,
    earlyStop: false,
    seed: 1,
  });
  const told = await search.perturbAsync(model, x, y, {progress});
  const silent = await search.perturbAsync(model, x, y);
  checkReports(t, reports);
  t.is(reports.at(-1)!.total, 6);
  t.deepEqual(
    [...new Set(reports.map(({done}) => done))],
    [0, 1, 2, 3, 4, 5, 6],
  );
  t.deepEqual(told.adversarial.dataSync(), silent.adversarial.dataSync());
});

test.serial('evaluateRobustness: examples of each attack', async t => {
  const {reports, progress} = recorder();
  const attacks = ['None', 'D'];
  const {results} = await evaluateRobustness(
    model,
    {images: x, labels: y},
    {attacks, steps: 3, progress, warnings: false},
  );
  for (const {attack: name, accuracy} of results) {
    // After the display of its beginning.
    const own = reports.filter(({task}) => task === name);
    checkReports(t, own);
    const {done, total, unit, values} = own.at(-1)!;
    t.deepEqual([done, total, unit], [N, N, 'examples']);
    t.is(values!.misclassified, Math.round(N * (1 - accuracy)));
  }
});

const fit = (args: object, progress?: boolean) => () =>
  model.fit(x, y, {
    ...FIT,
    epochs: 1,
    callbacks: adversarialTraining({
      ...{attack: 'D', steps: 1},
      ...(progress !== undefined && {progress}),
    }),
    ...args,
  });
const evaluate = (progress?: boolean) => () =>
  evaluateRobustness(
    model,
    {images: x, labels: y},
    {attacks: ['None'], warnings: false, progress},
  );

test.serial('by default it is shown in a terminal only', async t => {
  t.regex(await written(true, fit({verbose: 1})), /░.*\n?.*epoch 1\/1: loss/s);
  t.regex(await written(true, evaluate()), /None: \d of 12 misclassified/);
  t.is(await written(false, fit({verbose: 1})), '');
  t.is(await written(false, evaluate()), '');
  const search = attack('D', {steps: 2});
  t.is(await written(true, () => search.perturbAsync(model, x, y)), '');
});

test.serial('one option switches it on and off', async t => {
  t.is(await written(true, fit({verbose: 1}, false)), '');
  t.is(await written(true, evaluate(false)), '');
  t.regex(await written(false, fit({}, true)), /epoch 1\/1: \d+ %.*left\n/);
  t.regex(await written(false, evaluate(true)), /None: 50 %, .*left\n/);
});

test.serial('a fit is shown once', async t => {
  t.is(await written(true, fit({verbose: 0})), '', 'verbose: 0');
  const quiet = adversarialTraining({attack: 'D', steps: 1});
  for (const order of [0, 1]) {
    const callbacks = [fitProgress(), quiet];
    if (order) callbacks.reverse();
    const text = await written(true, fit({verbose: 1, callbacks}));
    t.is(text.match(/epoch 1\/1: /g)?.length, 1);
  }
  const callbacks = [quiet, fitProgress(false)];
  t.is(await written(true, fit({verbose: 1, callbacks})), '');
});

test.serial('an error ends the bar', async t => {
  const broken = compiled();
  const text = await written(true, async () => {
    await t.throwsAsync(
      broken.fit(tf.mul(x, 300), y, {
        ...FIT,
        callbacks: adversarialTraining({attack: 'D', progress: true}),
      }),
    );
  });
  t.regex(text, /░/);
  t.true(text.lastIndexOf('\x1b[?7h') > text.lastIndexOf('\x1b[?7l'));
});

test.serial('anything else is an error before any work', async t => {
  const progress = 'yes' as never;
  const message = /progress must be true, false or a function, but is "yes"/;
  t.throws(() => fitProgress(progress), {message});
  t.throws(() => adversarialTraining({attack: 'D', progress}), {message});
  await t.throwsAsync(
    evaluateRobustness(
      model,
      {images: x, labels: y},
      {attacks: ['D'], progress},
    ),
    {message},
  );
  await t.throwsAsync(attack('D').perturbAsync(model, x, y, {progress}), {
    message,
  });
});
