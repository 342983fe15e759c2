import {stat} from 'node:fs/promises';
import {join} from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import {Option} from 'commander';
import type {ImageSet} from '../src/index.js';
import {loadCifar10} from '../src/node.js';
import {
  checkFolder,
  checkWritable,
  removeTemporary,
  writeWhole,
} from '../src/io/cache.js';
import {ownFolder} from '../src/io/lock.js';
import {type Progress, progressBar} from '../src/io/progress.js';
import {
  command,
  exitIfStopped,
  requiredOption,
  run,
  startBackend,
  stopOnInterrupt,
} from '../src/cli/command_line.js';
import {NETWORKS} from './models.js';
import {
  backendOption,
  belowOne,
  jsonOption,
  mixture,
  notNegative,
  path,
  positive,
  seedOption,
  threadsOption,
  whole,
} from '../src/cli/options.js';
import {
  findRow,
  folderName,
  inTrainingOrder,
  type PaperRow,
  ROW_NAMES,
  ROWS,
  startsOf,
} from './paper_rows.js';
import {checkMeant} from './training/check_meant.js';
import {finishedEpochs, hasCheckpoint} from './training/checkpoint.js';
import type {OnNaN} from './training/finite_guard.js';
import {
  type GivenSettings,
  resolveSettings,
  type Settings,
} from './training/settings.js';
import {OBJECTIVES} from './training/objectives.js';
import {type PresetName, PRESETS} from './training/presets.js';
import {trainElsewhere, type TrainingJob} from './training/train_elsewhere.js';
import {trainRow} from './training/train_row.js';
import {checkQueueOptions, queueOption, weightsOption} from './work/options.js';
import {parseRedisUrl} from './work/queue/redis.js';

const program = command('npm run train --', {
  description:
    'Trains CIFAR-10 classifiers with the defenses of Table 1 and logs to TensorBoard. A run that was stopped, by Ctrl-C or kill -9, resumes with the same command and --resume, and ends with the same weights.',
  examples: [
    'npm run train -- --defense Undefended --preset evening --out runs/undefended',
    'npm run train -- --defense C+S+D --preset evening --init runs/undefended --out runs/csd',
    'npm run train -- --all --preset evening --out runs/table --resume',
    "npm run train -- --defense 'C (B&W)' --epochs 5 --examples 5000 --network small --out runs/bw",
  ],
})
  .option(
    '--defense <rows>',
    `one or more of ${ROW_NAMES.join(', ')}, separated by commas`,
  )
  .option(
    '--all',
    'all rows in turn, each in a folder of its own in --out, after the row that it starts from; what is finished is left as it is',
  )
  .addOption(
    requiredOption(
      '--out <folder>',
      'for the model, its card, checkpoint and logs',
    ).argParser(path),
  )
  .addOption(
    new Option(
      '--preset <name>',
      'settings to start from; other options override it',
    ).choices(Object.keys(PRESETS)),
  )
  .option('--epochs <n>', 'passes over the data', whole(1))
  .option('--examples <n>', 'training images', whole(1, 50_000), 50_000)
  .option(
    '--held-out <n>',
    'hold out the last n images; a short attack on them selects the best epoch (default: 1,000, but at most a tenth)',
    whole(0),
  )
  .option('--batch <n>', 'images in a batch (default: 128)', whole(1))
  .addOption(
    new Option(
      '--smoothness <name>',
      "keep C and S smooth by the paper's price, or by a hard bound on neighbors, as strong(SPEC) has (default: price)",
    ).choices(['price', 'bound']),
  )
  .addOption(
    new Option(
      '--crafting <name>',
      'make attacked images by PGD, or by one step from large noise (default: pgd)',
    ).choices(['pgd', 'fast']),
  )
  .option(
    '--mix <name>',
    'train on attacked images only (adversarial), on as many clean ones too (both), or attack this share of each batch, for instance 0.5 (default: both); only for the objective loss',
    mixture,
  )
  .addOption(
    new Option(
      '--objective <name>',
      'what to minimize (default: trades for TRADES, otherwise loss)',
    ).choices(Object.keys(OBJECTIVES)),
  )
  .option(
    '--label-smoothing <s>',
    'labels are (1 - s) one-hot + s/10 (default: 0)',
    belowOne,
  )
  .option(
    '--awp <gamma>',
    'perturb the weights adversarially too, by this share of their norm, for instance 0.005; costs a second update (default: 0)',
    belowOne,
  )
  .addOption(
    new Option(
      '--union <name>',
      'how several attacks are put together; only for Union (default: adaptive)',
    ).choices(['worst', 'mean', 'random', 'adaptive']),
  )
  .addOption(
    new Option(
      '--on-overfitting <action>',
      'where fast crafting overfits catastrophically: warn, or restore the last good epoch and double the steps (default: warn)',
    ).choices(['warn', 'restore']),
  )
  .option(
    '--steps <n>',
    'attack steps for each batch (default: 10; 1 for --crafting fast)',
    whole(0),
  )
  .option(
    '--bound-warm-up <epochs>',
    "epochs over which the attack's bounds grow to full size, in equal steps (default: 0)",
    whole(0),
  )
  .option(
    '--attack-learning-rate <x>',
    'learning rate of the attack (default: 0.1/steps)',
    positive,
  )
  .addOption(
    new Option('--optimizer <name>', '(default: adam)').choices([
      'adam',
      'momentum',
    ]),
  )
  .option(
    '--learning-rate <x>',
    'peak learning rate (default: 0.001)',
    positive,
  )
  .addOption(
    new Option(
      '--schedule <name>',
      'of the learning rate (default: constant)',
    ).choices(['constant', 'steps', 'cosine', 'one-cycle']),
  )
  .option(
    '--warm-up <epochs>',
    'epochs over which the rate of cosine rises (default: 0)',
    notNegative,
  )
  .option(
    '--weight-decay <x>',
    'of convolution and dense kernels (default: 0)',
    notNegative,
  )
  .option(
    '--ema <decay>',
    'save an exponential average of the weights, for instance 0.999; 0 for none (default: 0)',
    notNegative,
  )
  .addOption(
    new Option('--network <name>', 'to train (default: resnet32)').choices(
      Object.keys(NETWORKS),
    ),
  )
  .option('--init <folder>', 'start from the weights of this model', path)
  .option(
    '--checkpoint-minutes <n>',
    'time between two checkpoints within an epoch',
    notNegative,
    5,
  )
  .option('--resume', 'resume from the checkpoint in --out, if there is one')
  .addOption(
    new Option(
      '--on-nan <action>',
      'if a loss or weight is not finite: stop with an error, or undo the batch and continue',
    )
      .choices(['stop', 'skip'])
      .default('stop'),
  )
  .addOption(queueOption())
  .addOption(weightsOption())
  .addOption(backendOption())
  .addOption(threadsOption())
  .addOption(seedOption())
  .addOption(jsonOption('the losses and metrics of each epoch'))
  .addHelpText(
    'after',
    `
Presets:
  paper  sized for a GPU. Adversarial rows: from --init, 100 epochs in batches
         of 360 clean and as many attacked images, Adam 0.001, falling to a
         tenth after half and three quarters, attacks of 10 steps (the paper
         does not say when the rate falls, nor how many steps it takes).
         Undefended: 164 epochs as in He et al. 2016. TRADES: a
         WideResNet-34-10 as in Zhang et al. 2019.
  evening  the same defenses on ResNet-32, sized for two cores and at most 2.5
         hours a row. Undefended: 40 epochs. The others: from --init, attacked
         images only, made by a single step (--crafting fast), momentum on a
         one-cycle schedule to 0.1, weight decay 0.0005, --ema 0.998,
         --smoothness bound. 22 epochs
         for rows that start from an undefended one; 18 (TRADES: 14) to a rate
         of 0.05 for rows that start from a robust one. Ten steps of PGD would
         be more robust by 3 points, in four times the time.
  With --all, rows start from one another:
         Undefended > C, D, S;  C > C+S;  D > C+D, S+D, TRADES;
         C+D > C+S+D, Union;  Undefended (B&W) > C (B&W).
         With paper, all start from an undefended one.`,
  );

const SETTINGS = [
  'network',
  'epochs',
  'batch',
  'smoothness',
  'crafting',
  'mix',
  'objective',
  'labelSmoothing',
  'awp',
  'union',
  'onOverfitting',
  'steps',
  'boundWarmUp',
  'attackLearningRate',
  'optimizer',
  'learningRate',
  'schedule',
  'warmUp',
  'weightDecay',
  'ema',
  'heldOut',
] as const;

interface Options extends Partial<Omit<Settings, 'defense' | 'init'>> {
  defense?: string;
  all?: boolean;
  out: string;
  preset?: PresetName;
  examples: number;
  init?: string;
  checkpointMinutes: number;
  resume?: boolean;
  onNan: OnNaN;
  backend?: string;
  threads?: number;
  queue?: string;
  weights?: string;
  seed: number;
  json?: string;
}

run<Options>(program, async options => {
  checkQueueOptions(options);
  const address = options.queue ? parseRedisUrl(options.queue) : undefined;
  if (address && options.threads !== undefined) {
    throw new Error(
      '--threads is for the processes that compute: give it to npm run worker.',
    );
  }
  const defenses = rows(options);
  const several = options.all || defenses.length > 1;
  let jobs: TrainingJob[] = [];
  for (const defense of defenses) {
    const settings = resolveSettings(defense, options.preset, {
      ...chosen(options),
      init:
        options.init ??
        (several ? await pretrained(defense, defenses, options) : null),
    });
    const out = several ? join(options.out, folderName(defense)) : options.out;
    jobs.push({defense, out, settings});
  }
  checkMeant(
    options,
    jobs.map(({settings}) => settings),
  );
  if (several && options.resume) jobs = await unfinished(jobs);
  for (const {out} of jobs) await checkUnused(out, options.resume);
  for (const {out} of jobs) await checkFolder(out);
  const {examples, json} = options;
  if (json !== undefined) await checkWritable(json);
  const stop = stopOnInterrupt();
  console.error('Loading CIFAR-10 …');
  await startBackend(options.backend, options.threads);
  const data = await loadCifar10({split: 'train', examples});
  for (const {out} of jobs) {
    await ownFolder(out);
    await removeTemporary(out);
  }
  const histories: Record<string, unknown> = {};
  const elsewhere =
    address &&
    trainElsewhere(jobs, data, {
      ...{...options, address, onNaN: options.onNan, signal: stop},
    });
  for (const job of jobs) {
    const {done, history} = await (elsewhere
      ? elsewhere.next()
      : trainJob(job, data, options, stop));
    histories[job.defense.name] = history;
    if (!done) {
      console.log('Stopped; the same command with --resume continues.');
      exitIfStopped(stop);
      break;
    }
    const {defense, out} = job;
    console.log(
      `\n${defense.name} is in ${out}. Attack it:\n  npm run evaluate -- --model ${out} --examples 200\nIts logs:\n  tensorboard --logdir ${join(out, 'logs')}`,
    );
  }
  if (json !== undefined) {
    const [only] = defenses;
    const result = several
      ? {defenses: histories}
      : {defense: only.name, history: histories[only.name]};
    await writeWhole(json, JSON.stringify(result, null, 2) + '\n');
  }
});

/** Trains one row, with progress on standard error. */
async function trainJob(
  {defense, out, settings}: TrainingJob,
  data: ImageSet,
  {checkpointMinutes, onNan}: Options,
  signal: AbortSignal,
): Promise<{done: boolean; history: Array<Record<string, number>>}> {
  const {network, epochs, batch} = settings;
  console.error(
    `Training ${defense.name}: ${network}, ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}, batches of ${batch} …`,
  );
  const history: Array<Record<string, number>> = [];
  let from: number | undefined;
  let bar: Progress | undefined;
  let shown = '';
  // One bar at a time: a new title ends the one before.
  const show = (title: string, done: number, total: number) => {
    if (title !== shown) {
      bar?.stop();
      bar = progressBar(title, total);
      shown = title;
    }
    bar?.update(done);
  };
  try {
    const done = await trainRow(defense, settings, data, {
      ...{out, checkpointMinutes, signal, onNaN: onNan},
      onBatch: (batch, total) => {
        // The batches of an earlier run would make the time left too short.
        from ??= batch - 1;
        show(`Training ${defense.name}`, batch - from, total - from);
      },
      onHeldOut: (done, total) => show('Held-out attack', done, total),
      onEpoch: (epoch, logs) => {
        history.push(logs);
        bar?.stop();
        shown = '';
        console.error(
          `${defense.name}, epoch ${epoch + 1}/${epochs}:\n${summary(logs)}`,
        );
      },
    });
    return {done, history};
  } finally {
    bar?.stop();
  }
}

/** The chosen rows, each after those that it may start from. */
function rows({defense, all}: Options): PaperRow[] {
  if (!defense === !all) {
    throw new Error('Give either --defense with one or more rows, or --all.');
  }
  return inTrainingOrder(
    all
      ? ROWS
      : [...new Set(defense!.split(',').map(name => findRow(name.trim())))],
  );
}

/**
 * With a preset, a row starts from the nearest one that is trained in the same
 * run or is in its folder already.
 */
async function pretrained(
  defense: PaperRow,
  defenses: PaperRow[],
  {preset, out}: Options,
): Promise<string | null> {
  const {name, training} = defense;
  if (!preset || !training || (preset === 'paper' && name === 'TRADES')) {
    return null;
  }
  const starts = startsOf(defense);
  // The paper's rows all start from an undefended model.
  const allowed = preset === 'paper' ? starts.slice(-1) : starts;
  for (const row of allowed) {
    const folder = join(out, folderName(row));
    if (defenses.includes(row) || (await hasModel(folder))) return folder;
  }
  return null;
}

/** The settings among the options. */
function chosen(options: Options): GivenSettings {
  const {examples, seed} = options;
  const given = SETTINGS.map(key => [key, options[key]]);
  return {...Object.fromEntries(given), examples, seed};
}

/** Rows that are trained to their end, wherever that was, stay as they are. */
async function unfinished(jobs: TrainingJob[]): Promise<TrainingJob[]> {
  const left: TrainingJob[] = [];
  for (const job of jobs) {
    const {defense, out, settings} = job;
    const done = (await hasModel(out)) && (await finishedEpochs(out));
    const more =
      settings.schedule === 'constant' && settings.epochs > Number(done);
    if (done === false || more) left.push(job);
    else console.error(`${defense.name} is in ${out} already.`);
  }
  return left;
}

async function hasModel(folder: string): Promise<boolean> {
  return (await stat(join(folder, 'model.json')).catch(() => null)) !== null;
}

async function checkUnused(out: string, resume = false): Promise<void> {
  const begun = await hasCheckpoint(out);
  if (begun && !resume) {
    throw new Error(
      `${out} holds a training run already: give --resume to continue it, or another --out.`,
    );
  }
  if (!begun && (await hasModel(out))) {
    throw new Error(
      `${out} holds a model without a checkpoint to resume from: give another --out.`,
    );
  }
}

const SHOWN = [
  ...['loss', 'acc', 'clean_acc', 'adv_acc', 'adv_margin'],
  ...['fast_acc', 'pgd_acc'],
  ...['held_out_acc', 'held_out_adv_acc', 'skipped_batches'],
];

/** The logs in lines of at most 80 columns. */
function summary(logs: tf.Logs): string {
  const lines = [''];
  for (const key of SHOWN.filter(key => key in logs)) {
    const value = Number(logs[key]);
    const text = `${key} ${Number.isInteger(value) ? value : value.toFixed(3)}`;
    const line = `${lines[lines.length - 1]}  ${text}`;
    if (line.length <= 78) lines[lines.length - 1] = line;
    else lines.push(`  ${text}`);
  }
  return lines.join('\n');
}
