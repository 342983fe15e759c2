// Computes units of work that its parent sends, one after another. A process of
// its own: computing blocks the event loop, and its parent has to answer others.
import * as tf from '@tensorflow/tfjs';
import type {Classifier, ImageSet} from '../../src/index.js';
import {loadCifar10} from '../../src/node.js';
import {startBackend} from '../../src/cli/command_line.js';
import {evaluatePart} from '../../src/cli/evaluation_part.js';
import {type Scaling, scaled} from '../../src/cli/input_range.js';
import {attackOptions} from '../../src/cli/search_options.js';
import {modelDigest, readModel} from '../models.js';
import {computeTraining} from './compute_training.js';
import {computeUnit} from './compute_unit.js';

import type {EvaluationUnit} from './evaluation_unit.js';
import {readImages} from './image_files.js';
import {nameOf, parseAny, type Result} from './kinds.js';
import {dataDigest, VERSION, type WorkUnit} from './unit.js';

export interface ChildOptions {
  backend?: string;
  threads?: number;
  worker: string;
}

export interface Order {
  unit: unknown;
  /** Where the unit's model lies on this machine. */
  path?: string;
  /** The file with the unit's examples, where they are sent with it. */
  images?: string;
  /** Of a row to train: its folder, and the file that gets what is in it. */
  run?: {folder: string; bundle: string};
}

export type Answer =
  | {kind: 'ready'; backend: string}
  | {kind: 'examples'; count: number}
  | {kind: 'saved'; batches: number}
  | {kind: 'result'; result: Result}
  | {kind: 'error'; message: string};

/** Models that stay loaded, most recently used last. */
const MAX_MODELS = 4;

const {backend, threads, worker}: ChildOptions = JSON.parse(process.argv[2]);
const models = new Map<string, Classifier>();

const send = (answer: Answer) => process.send?.(answer);
const fail = (error: unknown) =>
  send({kind: 'error', message: (error as Error).message});

// Ctrl-C goes to the whole group. The parent decides what it means.
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit(0));

try {
  await startBackend(backend, threads);
  process.on('message', (order: Order) => {
    compute(order).then(result => send({kind: 'result', result}), fail);
  });
  send({kind: 'ready', backend: tf.getBackend()});
} catch (error) {
  fail(error);
}

async function compute(order: Order): Promise<Result> {
  const unit = parseAny(order.unit);
  if (unit.version !== VERSION || unit.backend !== tf.getBackend()) {
    throw new Error(
      `This worker has version ${VERSION} and backend ${tf.getBackend()}, but the unit asks for ${unit.version} and ${unit.backend}.`,
    );
  }
  const {version, backend} = unit;
  const head = {unit: nameOf(unit), version, backend, worker};
  const onExamples = (count: number) => send({kind: 'examples', count});
  if ('kind' in unit && unit.kind === 'training') {
    const found = await computeTraining(unit, {
      ...{path: order.path, ...order.run!, onBatches: onExamples},
      onSaved: batches => send({kind: 'saved', batches}),
    });
    return {...head, ...found};
  }
  if ('kind' in unit) {
    const data = await examplesOf(unit, order.images);
    const model = await modelOf(unit.model, order.path!, unit.scaling);
    const {attack, search, variant, batch} = unit;
    const found = await evaluatePart(model, data, {
      ...{attack, options: attackOptions(search, variant), batchSize: batch},
      onExample: () => onExamples(1),
    });
    return {...head, ...found};
  }
  const data = await examplesOf(unit);
  const model = await modelOf(unit.model, order.path!);
  return {...head, ...(await computeUnit(unit, {model, data, onExamples}))!};
}

let cifar10: Promise<ImageSet> | undefined;

/** Those that were sent, or else those of CIFAR-10. */
async function examplesOf(
  unit: WorkUnit | EvaluationUnit,
  file?: string,
): Promise<ImageSet> {
  let data: ImageSet;
  if (file && 'kind' in unit) {
    data = await readImages(file, unit);
  } else {
    const all = await (cifar10 ??= loadCifar10());
    data = all.slice(unit.begin, Math.min(unit.end, all.size));
  }
  if (dataDigest(data) !== unit.data) {
    throw new Error('The examples of this worker are not those of the unit.');
  }
  return data;
}

async function modelOf(
  digest: string,
  path: string,
  scaling?: Scaling,
): Promise<Classifier> {
  const key = JSON.stringify([digest, scaling]);
  let model = models.get(key);
  if (!model) {
    if ((await modelDigest(path)) !== digest) {
      throw new Error('The model of this worker is not that of the unit.');
    }
    const read = await readModel(path);
    model = scaling ? scaled(read, scaling) : read;
  }
  models.delete(key);
  models.set(key, model);
  for (const [old, unused] of models) {
    if (models.size <= MAX_MODELS) break;
    models.delete(old);
    (unused as {dispose?(): void}).dispose?.();
  }
  return model;
}
