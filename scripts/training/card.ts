import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {writeWhole} from '../../src/io/cache.js';
import type {Settings} from './settings.js';

/** The facts of a trained model; all numbers in it were measured. */
export interface Card {
  defense: string;
  settings: Settings;
  /** The epoch whose weights are saved, counted from 1. */
  bestEpoch: number;
  /** Accuracy of these on the held-out training images, if there are any. */
  heldOut?: {
    examples: number;
    clean: number;
    robust?: number;
    attack?: string;
    steps?: number;
  };
  /** Losses, metrics and accuracies of each epoch. */
  history: Array<Record<string, number>>;
  /** Time spent on training. */
  seconds: number;
  versions: Record<string, string>;
}

/** Versions of the software that made the weights. */
export async function versions(): Promise<Record<string, string>> {
  const read = async (path: string) =>
    JSON.parse(await readFile(new URL(path, import.meta.url), 'utf8'))
      .version as string;
  const onnx = tf.getBackend() === 'onnx';
  return {
    'tfjs-adversarial': await read('../../package.json'),
    '@tensorflow/tfjs': tf.version.tfjs,
    node: process.versions.node,
    backend: tf.getBackend(),
    ...(onnx && {
      'onnxruntime-node': await read(
        '../../node_modules/onnxruntime-node/package.json',
      ),
    }),
  };
}

/** Writes `card.json` and `card.md` beside the weights. */
export async function writeCard(folder: string, card: Card): Promise<void> {
  await writeWhole(
    join(folder, 'card.json'),
    JSON.stringify(card, null, 2) + '\n',
  );
  await writeWhole(join(folder, 'card.md'), markdown(card));
}

export function markdown(card: Card): string {
  const {defense, settings, bestEpoch, heldOut, history, seconds} = card;
  const {network, examples, init} = settings;
  const trained = examples - settings.heldOut;
  const lines = [
    `# ${defense}`,
    '',
    `A CIFAR-10 classifier, ${network}, trained with the defense ${defense} on ${trained.toLocaleString('en')} training images in ${(seconds / 60).toFixed(0)} minutes${init ? ', from the weights of an earlier model' : ''}. The weights are those of epoch ${bestEpoch} of ${history.length}${settings.ema ? ', averaged over the updates' : ''}.`,
    '',
  ];
  if (heldOut) {
    const robust =
      heldOut.robust === undefined
        ? ''
        : ` and ${percent(heldOut.robust)} under ${heldOut.attack} (${heldOut.steps} steps)`;
    lines.push(
      `Accuracy on ${heldOut.examples.toLocaleString('en')} held-out training images, which selected the epoch: ${percent(heldOut.clean)} on clean images${robust}. Run \`npm run evaluate\` for test accuracy.`,
      '',
    );
  }
  lines.push('## Epochs', '', ...table(history), '');
  const facts = {...settings, ...card.versions};
  lines.push('## Settings', '', '| | |', '|---|---|');
  for (const [key, value] of Object.entries(facts)) {
    lines.push(`| ${key} | ${value ?? '–'} |`);
  }
  lines.push('', ...explanations(settings));
  return lines.join('\n') + '\n';
}

/** What is fixed behind the settings. */
function explanations(settings: Settings): string[] {
  const {optimizer, crafting, objective, union} = settings;
  const objectives = {
    loss: 'cross-entropy',
    trades: 'TRADES with β = 6',
    mart: 'MART with β = 5',
    'logit-pairing': 'logit pairing with weight 0.5 and a clean part of 1',
  };
  return [
    optimizer === 'momentum'
      ? 'Optimizer: SGD with Nesterov momentum 0.9.'
      : 'Optimizer: Adam with β₁ = 0.9 and β₂ = 0.999.',
    ...(objective ? [`Objective: ${objectives[objective]}.`] : []),
    ...(crafting === 'fast'
      ? [
          'Crafting: noise uniform in ±2ε and steps of ε in all, without projection; on a grid of spacing 4 for C and S.',
        ]
      : []),
    ...(union === 'adaptive'
      ? [
          'Union: one attack a batch, with probability ∝ 1 − its running robust accuracy.',
        ]
      : []),
    'Augmentation: random flips and crops. Weight decay is on kernels only.',
  ];
}

function table(history: Card['history']): string[] {
  const keys = [...new Set(history.flatMap(row => Object.keys(row)))];
  return [
    `| epoch | ${keys.join(' | ')} |`,
    `|${'---|'.repeat(keys.length + 1)}`,
    ...history.map(
      (row, i) =>
        `| ${i + 1} | ${keys.map(key => (key in row ? shown(row[key]) : '–')).join(' | ')} |`,
    ),
  ];
}

/** JSON writes a number that is not finite as null. */
function shown(value: number | null): string {
  return Number.isFinite(value)
    ? String(Number(value!.toPrecision(4)))
    : 'not finite';
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
