import type {Command} from 'commander';
import Table from 'cli-table3';
import * as tf from '@tensorflow/tfjs';
import {attack as makeAttack} from '../index.js';
import {logits} from '../models/logits.js';
import {command, define, requiredOption, startBackend} from './command_line.js';
import {inputShapeOf} from './input_shape.js';
import {MODEL_HELP, readModel} from './models.js';
import {backendOption, batchOption, threadsOption, whole} from './options.js';
import {checkSpec, splitSpecs} from './search_options.js';

interface Options {
  model: string;
  attacks: string;
  size?: number;
  seconds: number;
  batch: number;
  backend?: string;
  threads?: number;
}

/** The command that measures what a step of each attack costs on a model. */
export function benchCommand(name: string): Command {
  const program = command(name, {
    description:
      "The time of one attack step on this machine, beside the model's forward pass and input gradient alone.",
    examples: [`${name} --model my-model --attacks D,C+S+D`],
  })
    .addOption(requiredOption('--model <path>', MODEL_HELP))
    .option('--attacks <specs>', 'separated by commas', 'D,S,C,C+S+D')
    .option('--size <pixels>', 'of images, where the model takes any', whole(1))
    .option('--seconds <n>', 'of measuring each', whole(1), 3)
    .addOption(batchOption())
    .addOption(backendOption())
    .addOption(threadsOption());
  return define<Options>(program, bench);
}

async function bench(options: Options): Promise<void> {
  const specs = splitSpecs(options.attacks);
  specs.forEach(spec => checkSpec(spec));
  await startBackend(options.backend, options.threads);
  const model = await readModel(options.model);
  const {size, batch, seconds} = options;
  const {height = size, width = size, channels = 3} = inputShapeOf(model);
  if (!height || !width) {
    throw new Error(
      'The model takes images of any size: say which one with --size.',
    );
  }
  const images = tf.randomUniform([
    batch,
    height,
    width,
    channels,
  ]) as tf.Tensor4D;
  const labels = tf.zeros([batch], 'int32') as tf.Tensor1D;
  const alone = await time(seconds, async () => {
    const gradient = tf.tidy(() =>
      tf.grad(x => tf.sum(logits(model, x as tf.Tensor4D)))(images),
    );
    await gradient.data();
    gradient.dispose();
  });
  const table = new Table({
    head: ['', 'ms an image', '× network'],
    colAligns: ['left', 'right', 'right'],
    style: {head: [], border: []},
  });
  const row = (what: string, ms: number) =>
    table.push([what, (ms / batch).toFixed(3), (ms / alone).toFixed(2)]);
  row('network alone', alone);
  const steps = 10;
  for (const spec of specs) {
    const attack = makeAttack(spec, {steps});
    console.error(`Measuring ${attack.name} …`);
    const whole = await time(seconds, async () => {
      const found = await attack.perturbAsync(model, images, labels);
      await found.margin.data();
      tf.dispose(found as unknown as tf.TensorContainer);
    });
    row(`a step of ${attack.name}`, whole / steps);
  }
  tf.dispose([images, labels]);
  console.log(table.toString());
  console.log(
    `${height} × ${width} × ${channels}, batches of ${batch}, backend ${tf.getBackend()}, medians. An attack has 100 steps by default, 10 in training.`,
  );
}

/** The median time of a call in milliseconds, after two to warm up. */
async function time(
  seconds: number,
  call: () => Promise<void>,
): Promise<number> {
  await call();
  await call();
  const times: number[] = [];
  const end = performance.now() + 1000 * seconds;
  while (performance.now() < end || times.length < 3) {
    const began = performance.now();
    await call();
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b)[times.length >> 1];
}
