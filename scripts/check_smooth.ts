import {writeFile} from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs';
import {
  attack,
  type AttackOptions,
  evaluateRobustness,
  type ImageSet,
  logits,
  strong,
} from '../src/index.js';
import {loadCifar10} from '../src/node.js';
import {
  command,
  requiredOption,
  run,
  startBackend,
} from '../src/cli/command_line.js';
import {
  backendOption,
  examplesOption,
  jsonOption,
  threadsOption,
} from '../src/cli/options.js';
import {readCifar10Model} from './models.js';

const program = command('../scripts/check_smooth', {
  description:
    'Compares a strong evaluation with searches set by hand, under the same bounds on size and on the difference of neighbors.',
  examples: [
    "node scripts/run.mjs check_smooth --model robust:C --attack 'C(smooth=0.04)' --examples 30",
  ],
})
  .addOption(requiredOption('--model <path>', 'as in npm run evaluate'))
  .addOption(requiredOption('--attack <spec>', 'inside strong(…)'))
  .option(
    '--survivors',
    'run the searches set by hand only on what the strong evaluation left: enough to see whether it missed anything, and faster',
  )
  .addOption(examplesOption(30))
  .addOption(backendOption())
  .addOption(threadsOption())
  .addOption(jsonOption());

interface Options {
  model: string;
  attack: string;
  survivors?: boolean;
  examples: number;
  backend?: string;
  threads?: number;
  json?: string;
}

/** None pays for smoothness: the bound is hard. */
const common = {smoothnessWeight: 0, earlyStop: true} as const;

const BY_HAND: AttackOptions[] = [
  {optimizer: 'adam', learningRate: 0.001, loss: 'margin', steps: 300},
  {optimizer: 'adam', learningRate: 0.005, loss: 'dlr', steps: 100},
  {optimizer: 'adam', learningRate: 0.01, loss: 'margin', steps: 100},
  {optimizer: 'adam', learningRate: 0.01, loss: 'crossEntropy', steps: 300},
  {optimizer: 'adam', learningRate: 0.02, loss: 'margin', steps: 100},
  {optimizer: 'sign', learningRate: 0.001, loss: 'crossEntropy', steps: 300},
  {optimizer: 'sign', learningRate: 0.005, loss: 'margin', steps: 100},
  {optimizer: 'sign', learningRate: 0.01, loss: 'crossEntropy', steps: 100},
  {optimizer: 'sign', learningRate: 0.02, loss: 'dlr', steps: 100},
  {
    ...{optimizer: 'sign', learningRate: 0.01, loss: 'margin', steps: 40},
    randomStart: true,
    restarts: 3,
  },
  {optimizer: 'apgd', loss: 'margin', steps: 100},
  {optimizer: 'apgd', loss: 'dlr', steps: 300},
  {optimizer: 'apgd', loss: 'crossEntropy', steps: 300},
  // Toward the likeliest and the second likeliest of the other classes.
  {optimizer: 'sign', learningRate: 0.01, steps: 60, targeted: true},
  {optimizer: 'apgd', loss: 'crossEntropy', steps: 60, targeted: true},
];

await run<Options>(program, async options => {
  await startBackend(options.backend, options.threads);
  const model = await readCifar10Model(options.model);
  const data = await loadCifar10({examples: options.examples});
  const images = data.tensor();
  const labels = data.labelTensor();

  const {results} = await evaluateRobustness(
    model,
    {images, labels},
    {attacks: ['None', strong(options.attack)], warnings: false},
  );
  const [clean, ours] = results;
  console.log(
    `${ours.attack} = ${ours.bounds}: ${count(ours.correct)} of ${count(clean.correct)} left, ${ours.seconds.toFixed(0)} s`,
  );
  for (const {name, examples, broken, seconds} of ours.searches!) {
    console.log(`  ${name}: ${broken} of ${examples}, ${seconds.toFixed(0)} s`);
  }
  const from = options.survivors ? ours.correct : clean.correct;
  const union = [...from].map(mark => mark === '1');
  let seconds = 0;
  const rows = [];
  for (const search of BY_HAND) {
    const places = [...from].flatMap((mark, i) => (mark === '1' ? [i] : []));
    if (places.length === 0) break;
    const started = performance.now();
    const broken = await searchOnce(model, data, places, ours.bounds, search);
    seconds += (performance.now() - started) / 1000;
    broken.forEach(i => (union[i] = false));
    const missed = broken.filter(i => ours.correct[i] === '1');
    const left = places.length - broken.length;
    rows.push({...search, left, missed});
    console.log(
      `  ${JSON.stringify(search)}: ${left} left` +
        (missed.length ? `, of which strong missed ${missed}` : ''),
    );
  }
  const left = union.filter(Boolean).length;
  console.log(
    `all of these: ${left} of ${count(from)} left, ${seconds.toFixed(0)} s`,
  );
  tf.dispose([images, labels]);
  if (options.json) {
    const report = {...options, strong: ours, clean, rows, left, seconds};
    await writeFile(options.json, JSON.stringify(report, null, 2));
  }
});

/** The places of the examples that one search breaks. */
async function searchOnce(
  model: Awaited<ReturnType<typeof readCifar10Model>>,
  data: ImageSet,
  places: number[],
  spec: string,
  options: AttackOptions,
): Promise<number[]> {
  const images = tf.tidy(() => tf.gather(data.tensor(), places));
  const labels = tf.tidy(() => tf.gather(data.labelTensor(), places));
  const broken = new Set<number>();
  for (const rank of options.targeted ? [0, 1] : [0]) {
    const aims = options.targeted
      ? nextClasses(model, images, labels, rank)
      : labels;
    const found = attack(spec, {...common, ...options}).perturb(
      model,
      images,
      aims,
    );
    const success = await found.success.data();
    places.filter((_, i) => success[i]).forEach(place => broken.add(place));
    tf.dispose([found as unknown as tf.TensorContainer, aims]);
  }
  tf.dispose([images, labels]);
  return [...broken];
}

/** The likeliest class other than the label, or the one after it. */
function nextClasses(
  model: Awaited<ReturnType<typeof readCifar10Model>>,
  images: tf.Tensor4D,
  labels: tf.Tensor1D,
  rank: number,
): tf.Tensor1D {
  return tf.tidy(() => {
    const z = logits(model, images);
    const own = tf.oneHot(tf.cast(labels, 'int32'), z.shape[1]);
    const others = tf.sub(z, tf.mul(own, 1e6));
    const {indices} = tf.topk(others, 2);
    return tf.reshape(tf.slice(indices, [0, rank], [-1, 1]), [-1]);
  });
}

function count(marks: string): number {
  return [...marks].filter(mark => mark === '1').length;
}
