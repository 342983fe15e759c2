import type {Command} from 'commander';
import Table from 'cli-table3';
import * as tf from '@tensorflow/tfjs';
import {attack as makeAttack} from '../index.js';
import {objectiveGradients} from '../attacks/objective_gradient.js';
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
  console.error('Loading the model …');
  await startBackend(options.backend, options.threads);
  const model = await readModel(options.model);
  const {size, seconds} = options;
  const {height = size, width = size, channels = 3} = inputShapeOf(model);
  if (!height || !width) {
    throw new Error(
      'The model takes images of any size: say which one with --size.',
    );
  }
  const imagesOf = (count: number) =>
    tf.randomUniform([count, height, width, channels]) as tf.Tensor4D;
  const gradientOf = (images: tf.Tensor4D) => async () => {
    // As attacks take it: without gradients of the weights.
    const gradient = tf.tidy(
      () =>
        objectiveGradients(
          x => tf.sum(logits(model, x as tf.Tensor4D)) as tf.Scalar,
          [images],
        )[0],
    );
    await gradient.data();
    gradient.dispose();
  };
  console.error('Measuring the network alone …');
  const one = imagesOf(1);
  const batch = await affordableBatch(options, gradientOf(one));
  const images = imagesOf(batch);
  const labels = tf.zeros([batch], 'int32') as tf.Tensor1D;
  const alone = await time(seconds, gradientOf(images));
  const table = new Table({
    head: ['', 'ms an image', '× network'],
    colAligns: ['left', 'right', 'right'],
    style: {head: [], border: []},
  });
  const row = (what: string, ms: number) => {
    const perImage = (ms / batch).toFixed(3);
    // At once: the table may take minutes, or not come if the command is stopped.
    console.error(`${what}: ${perImage} ms an image`);
    table.push([what, perImage, (ms / alone).toFixed(2)]);
  };
  row('network alone', alone);
  // A step takes about twice as long as the network.
  const affordable = Math.floor((1000 * seconds) / (2 * alone));
  const steps = Math.min(10, Math.max(2, affordable));
  for (const spec of specs) {
    const attack = makeAttack(spec, {steps});
    console.error(`Measuring ${attack.name} …`);
    const whole = await time(seconds, async () => {
      const found = await attack.perturbAsync(model, images, labels, {
        progress: false,
      });
      await found.margin.data();
      tf.dispose(found as unknown as tf.TensorContainer);
    });
    row(`a step of ${attack.name}`, whole / steps);
  }
  tf.dispose([one, images, labels]);
  console.log(table.toString());
  console.log(
    `${height} × ${width} × ${channels}, batches of ${batch}, backend ${tf.getBackend()}, medians of searches of ${steps} steps. An attack has 100 steps by default, 10 in training.`,
  );
}

/** As many images as a call of about `seconds` takes, given the call for one. */
async function affordableBatch(
  {batch, seconds}: Options,
  call: () => Promise<void>,
): Promise<number> {
  // The first call also sets things up.
  await timed(call);
  const affordable = Math.floor((1000 * seconds) / (await timed(call)));
  if (affordable >= batch) return batch;
  const fewer = Math.max(1, affordable);
  console.error(
    `The network is slow here: batches of ${fewer} in place of ${batch}.`,
  );
  return fewer;
}

async function timed(call: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await call();
  return performance.now() - began;
}

/**
 * The median time of a call in milliseconds, after two to warm up. Where a call
 * takes longer than `seconds`, one to warm up and one that is measured.
 */
async function time(
  seconds: number,
  call: () => Promise<void>,
): Promise<number> {
  const limit = 1000 * seconds;
  const slow = (await timed(call)) > limit;
  const times = [await timed(call)];
  if (slow && times[0] > limit) return times[0];
  // The second call was to warm up, too.
  times.length = 0;
  const end = performance.now() + limit;
  do times.push(await timed(call));
  while (performance.now() < end);
  return times.sort((a, b) => a - b)[times.length >> 1];
}
