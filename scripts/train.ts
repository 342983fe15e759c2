import {stat} from 'node:fs/promises';
import {join} from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import {Option} from 'commander';
import {loadCifar10} from '../src/node.js';
import {removeTemporary, writeWhole} from '../src/io/cache.js';
import {ownFolder} from '../src/io/lock.js';
import {type Progress, progressBar} from '../src/io/progress.js';
import {
  backendOption,
  command,
  jsonOption,
  notNegative,
  positive,
  run,
  seedOption,
  startBackend,
  stopOnInterrupt,
  threadsOption,
  whole,
} from './command_line.js';
import {type Defense, DEFENSES, findDefense, folderName} from './defenses.js';
import {NETWORKS} from './models.js';
import {hasCheckpoint} from './training/checkpoint.js';
import {
  type GivenSettings,
  type PresetName,
  resolveSettings,
  type Settings,
} from './training/settings.js';
import {trainRow} from './training/train_row.js';

const program = command('train', {
  description:
    'Trains CIFAR-10 classifiers with the defenses of Table 1, logged to TensorBoard. Stopped at any moment, by Ctrl-C or kill -9, the same command with --resume goes on and ends with the same weights.',
  examples: [
    'npm run train -- --defense Undefended --preset cpu --out runs/undefended',
    'npm run train -- --defense C+S+D --preset cpu --init runs/undefended --out runs/csd',
    'npm run train -- --all --preset cpu --out runs/table --resume',
    "npm run train -- --defense 'C (B&W)' --epochs 5 --examples 5000 --network small --out runs/bw",
  ],
})
  .option(
    '--defense <rows>',
    `one or more, with commas between them, of ${DEFENSES.map(row => row.name).join(', ')}`,
  )
  .option(
    '--all',
    'all of them in turn, each in a folder of its own in --out; undefended ones first, from which the others start with a preset',
  )
  .requiredOption(
    '--out <folder>',
    'for the model, its card, checkpoint and logs',
  )
  .addOption(
    new Option(
      '--preset <name>',
      'settings to start from; options given beside it count for more',
    ).choices(['paper', 'cpu']),
  )
  .option('--epochs <n>', 'passes over the data', whole(1))
  .option('--examples <n>', 'training images', whole(1), 50_000)
  .option(
    '--held-out <n>',
    'the last so many of them choose the best epoch by a short attack, and are not trained on (default: 1,000, but at most a tenth)',
    whole(0),
  )
  .option('--batch <n>', 'images in a batch (default: 128)', whole(1))
  .addOption(
    new Option(
      '--mix <name>',
      'train on attacked images alone, or on as many clean ones beside them (default: both); not for Undefended and TRADES',
    ).choices(['adversarial', 'both']),
  )
  .option('--steps <n>', 'attack steps for each batch (default: 10)', whole(0))
  .option(
    '--bound-warm-up <epochs>',
    "in which the attack's bounds grow to their size, by equal steps (default: 0)",
    whole(0),
  )
  .option(
    '--attack-learning-rate <x>',
    "the attack's (default: 0.1/steps)",
    positive,
  )
  .addOption(
    new Option('--optimizer <name>', '(default: adam)').choices([
      'adam',
      'momentum',
    ]),
  )
  .option('--learning-rate <x>', 'at its highest (default: 0.001)', positive)
  .addOption(
    new Option(
      '--schedule <name>',
      'of the learning rate (default: constant)',
    ).choices(['constant', 'steps', 'cosine', 'one-cycle']),
  )
  .option(
    '--warm-up <epochs>',
    'in which the rate of cosine rises (default: 0)',
    notNegative,
  )
  .option(
    '--weight-decay <x>',
    'of convolution and dense kernels (default: 0)',
    notNegative,
  )
  .option(
    '--ema <decay>',
    'save and judge an exponential average of the weights, for instance 0.999; 0 for none (default: 0)',
    notNegative,
  )
  .addOption(
    new Option('--network <name>', 'what to train (default: resnet32)').choices(
      Object.keys(NETWORKS),
    ),
  )
  .option('--init <folder>', 'start from the weights of this model')
  .option(
    '--checkpoint-minutes <n>',
    'time between two checkpoints within an epoch',
    notNegative,
    5,
  )
  .option('--resume', 'go on from where --out has come to, if it has begun')
  .addOption(backendOption())
  .addOption(threadsOption())
  .addOption(seedOption())
  .addOption(jsonOption('the losses and metrics of each epoch'))
  .addHelpText(
    'after',
    `
Presets:
  paper  sized for a GPU. Adversarial rows: from --init, 100 epochs in batches of 360 clean
         and as many attacked images, Adam 0.001, falling to a tenth after half and three quarters,
         attacks of 10 steps (when the rate fell and how many steps the paper took is not known). Undefended: 164 epochs as in
         He et al. 2016. TRADES: a WideResNet-34-10 as in Zhang et al. 2019.
  cpu    the same defenses on ResNet-32, sized for two cores and hours. Undefended: 8 epochs.
         The others: from --init, 2 epochs on attacked images alone, momentum 0.05 on a one-cycle
         schedule, attacks of 2 steps, each as much larger (TRADES: 0.02, 3 steps). It gives up
         accuracy on clean images, of which it sees none; robustness, by the few epochs and since
         a later, stronger attack gains more; and for TRADES the wide network.`,
  );

const SETTINGS = [
  'network',
  'epochs',
  'batch',
  'mix',
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
  backend?: string;
  threads?: number;
  seed: number;
  json?: string;
}

run<Options>(program, async options => {
  const defenses = rows(options);
  const several = options.all || defenses.length > 1;
  const jobs = defenses.map(defense => {
    const init = options.init ?? pretrained(defense, defenses, options);
    return {
      defense,
      out: several ? join(options.out, folderName(defense)) : options.out,
      settings: resolveSettings(defense, options.preset, {
        ...chosen(options),
        init,
      }),
    };
  });
  if (options.mix && !jobs.some(job => job.settings.mix)) {
    throw new Error(
      `${options.defense} has no choice of --mix: leave it out. It is for rows that train on an attack's examples without an objective of their own.`,
    );
  }
  for (const {out} of jobs) await checkFolder(out, options.resume);
  const stop = stopOnInterrupt();
  await startBackend(options.backend, options.threads);
  const {examples, checkpointMinutes, json} = options;
  const data = await loadCifar10({split: 'train', examples});
  for (const {out} of jobs) {
    await ownFolder(out);
    await removeTemporary(out);
  }
  const histories: Record<string, unknown> = {};
  for (const {defense, out, settings} of jobs) {
    let bar: Progress | undefined;
    let from: number | undefined;
    const history: Array<Record<string, number>> = [];
    const done = await trainRow(defense, settings, data, {
      out,
      checkpointMinutes,
      signal: stop,
      onBatch: (batch, total) => {
        // What an earlier run has done would make the time left too short.
        from ??= batch - 1;
        bar ??= progressBar(`Training ${defense.name}`, total - from);
        bar.update(batch - from);
      },
      onEpoch: (epoch, logs) => {
        history.push(logs);
        console.error(
          `\n${defense.name}, epoch ${epoch + 1}/${settings.epochs}: ${summary(logs)}`,
        );
      },
    });
    bar?.stop();
    histories[defense.name] = history;
    if (!done) {
      console.log(`Stopped; the same command with --resume goes on.`);
      process.exitCode = 130;
      break;
    }
    console.log(
      `\n${defense.name} is in ${out}. Attack it:\n  npm run evaluate -- --model ${out} --examples 200\nIts logs:\n  tensorboard --logdir ${join(out, 'logs')}`,
    );
  }
  if (json) {
    const [only] = defenses;
    const result = several
      ? {defenses: histories}
      : {defense: only.name, history: histories[only.name]};
    await writeWhole(json, JSON.stringify(result, null, 2) + '\n');
  }
});

/** The rows that are asked for; those that others start from come first. */
function rows({defense, all}: Options): PaperRow[] {
  if (!defense === !all) {
    throw new Error('Give either --defense with one or more rows, or --all.');
  }
  const found = all
    ? DEFENSES
    : [...new Set(defense!.split(',').map(findDefense))];
  return [
    ...found.filter(row => !row.training),
    ...found.filter(row => row.training),
  ];
}

/** With a preset, the undefended model of the same run. */
function pretrained(
  defense: PaperRow,
  defenses: PaperRow[],
  {preset, out}: Options,
): string | null {
  if (!preset || !defense.training) return null;
  if (preset === 'paper' && defense.name === 'TRADES') return null;
  const start = defenses.find(
    row => !row.training && row.grayscale === defense.grayscale,
  );
  return start ? join(out, folderName(start)) : null;
}

/** The settings among the options. */
function chosen(options: Options): GivenSettings {
  const {examples, seed} = options;
  const given = SETTINGS.map(key => [key, options[key]]);
  return {...Object.fromEntries(given), examples, seed};
}

async function checkFolder(out: string, resume = false): Promise<void> {
  const begun = await hasCheckpoint(out);
  if (begun && !resume) {
    throw new Error(
      `${out} holds a training run already: give --resume to go on with it, or another --out.`,
    );
  }
  const model = await stat(join(out, 'model.json')).catch(() => null);
  if (model && !begun) {
    throw new Error(
      `${out} holds a model that train has no checkpoint of: give another --out.`,
    );
  }
}

function summary(logs: tf.Logs): string {
  const shown = [
    ...['loss', 'acc', 'clean_acc', 'adv_acc', 'adv_margin'],
    ...['held_out_acc', 'held_out_adv_acc'],
  ];
  return shown
    .filter(key => key in logs)
    .map(key => `${key} ${Number(logs[key]).toFixed(3)}`)
    .join(', ');
}
