// Computes units of work that its parent sends, one after another. A process of
// its own: computing blocks the event loop, and its parent has to answer others.
import * as tf from '@tensorflow/tfjs';
import type {Classifier} from '../../src/index.js';
import {loadCifar10} from '../../src/node.js';
import {startBackend} from '../../src/cli/command_line.js';
import {modelDigest, readCifar10Model} from '../models.js';
import {computeUnit} from './compute_unit.js';
import type {WorkResult} from './result.js';
import {dataDigest, parseUnit, unitName, VERSION} from './unit.js';

export interface ChildOptions {
  backend?: string;
  threads?: number;
  worker: string;
}

export interface Order {
  unit: unknown;
  /** Where the unit's model lies on this machine. */
  path: string;
}

export type Answer =
  | {kind: 'ready'; backend: string}
  | {kind: 'examples'; count: number}
  | {kind: 'result'; result: WorkResult}
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
  const data = await loadCifar10();
  process.on('message', (order: Order) => {
    compute(order).then(result => send({kind: 'result', result}), fail);
  });
  send({kind: 'ready', backend: tf.getBackend()});

  async function compute({unit: sent, path}: Order): Promise<WorkResult> {
    const unit = parseUnit(sent);
    if (unit.version !== VERSION || unit.backend !== tf.getBackend()) {
      throw new Error(
        `This worker has version ${VERSION} and backend ${tf.getBackend()}, but the unit asks for ${unit.version} and ${unit.backend}.`,
      );
    }
    const examples = data.slice(unit.begin, unit.end);
    if (dataDigest(examples) !== unit.data) {
      throw new Error('The examples of this worker are not those of the unit.');
    }
    const model = await modelOf(unit.model, path);
    const found = await computeUnit(unit, {
      ...{model, data: examples},
      onExamples: count => send({kind: 'examples', count}),
    });
    const {version, backend} = unit;
    return {unit: unitName(unit), version, backend, worker, ...found!};
  }
} catch (error) {
  fail(error);
}

async function modelOf(digest: string, path: string): Promise<Classifier> {
  let model = models.get(digest);
  if (!model) {
    if ((await modelDigest(path)) !== digest) {
      throw new Error('The model of this worker is not that of the unit.');
    }
    model = await readCifar10Model(path);
  }
  models.delete(digest);
  models.set(digest, model);
  for (const [old, unused] of models) {
    if (models.size <= MAX_MODELS) break;
    models.delete(old);
    (unused as {dispose?(): void}).dispose?.();
  }
  return model;
}
