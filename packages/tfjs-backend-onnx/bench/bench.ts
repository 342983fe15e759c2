import * as tf from '@tensorflow/tfjs';
import os from 'node:os';
import {parseArgs} from 'node:util';
import {useOnnx} from '../src/index.js';
import {handwrittenResnet} from './handwritten_resnet.js';
import {cifarResnet} from './resnet.js';
import {network, randomImages, timeInTurns, trainingStep} from './workloads.js';

const USAGE = `Times this backend on ResNet-32 against a hand-written ONNX graph of the same
network, and against tfjs-node and wasm if these packages are installed.

  npm run bench:onnx -- [--batch 50] [--threads 0] [--seconds 5]

  --batch    images per batch
  --threads  threads per operator of this backend; 0 for one per core
  --seconds  time for each row
  --only     skip the other backends`;

const {values} = parseArgs({
  options: {
    batch: {type: 'string', default: '50'},
    threads: {type: 'string', default: '0'},
    seconds: {type: 'string', default: '5'},
    only: {type: 'boolean', default: false},
    help: {type: 'boolean', short: 'h', default: false},
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit();
}
const [batch, threads, seconds] = [
  positive('batch', values.batch),
  positive('threads', values.threads, 0),
  positive('seconds', values.seconds),
];

/** Milliseconds per image; undefined if a backend lacks the kernels. */
interface Row {
  name: string;
  milliseconds?: number;
}

const rows: Row[] = [];
await measureOnnx();
if (!values.only) {
  await measureOther('tfjs-node', 'tensorflow', '@tensorflow/tfjs-node');
  await measureOther('wasm', 'wasm', '@tensorflow/tfjs-backend-wasm');
}
print();

async function measureOnnx(): Promise<void> {
  await useOnnx({threads});
  const model = cifarResnet(5);
  const images = randomImages(batch);
  const hand = handwrittenResnet(
    model,
    images.dataSync() as Float32Array,
    batch,
    threads,
  );
  report(
    timeInTurns(
      {
        'network, hand-written ONNX': hand,
        'network, onnx': () => network(model, images),
        'training step, onnx': trainingStep(model, images),
      },
      seconds,
    ),
  );
}

async function measureOther(
  name: string,
  backend: string,
  packageName: string,
): Promise<void> {
  try {
    await import(packageName);
    if (!(await tf.setBackend(backend))) throw new Error('it does not start');
  } catch (error) {
    const [reason] = (error as Error).message.split('\n');
    console.error(`${name} is left out: ${reason}`);
    return;
  }
  const model = cifarResnet(5);
  const images = randomImages(batch);
  const works: Record<string, () => void> = {
    [`network, ${name}`]: () => network(model, images),
    [`training step, ${name}`]: trainingStep(model, images),
  };
  for (const [row, work] of Object.entries(works)) {
    try {
      report(timeInTurns({[row]: work}, seconds));
    } catch (error) {
      console.error(`${row}: ${(error as Error).message}`);
      rows.push({name: row});
    }
  }
}

function report(times: Record<string, number>): void {
  for (const [name, time] of Object.entries(times)) {
    rows.push({name, milliseconds: time / batch});
  }
}

function print(): void {
  const [{model}] = os.cpus();
  console.log(
    `\nResNet-32, ${batch} images per batch, ${os.availableParallelism()} × ${model}\n`,
  );
  const own = (name: string) =>
    rows.find(r => r.name === `${name.split(',')[0]}, onnx`)?.milliseconds;
  console.log(`${''.padEnd(30)}ms per image  × this backend`);
  for (const {name, milliseconds} of rows) {
    const time = milliseconds?.toFixed(2) ?? 'no kernel';
    const ratio = milliseconds ? (milliseconds / own(name)!).toFixed(2) : '';
    console.log(name.padEnd(30) + time.padStart(12) + ratio.padStart(16));
  }
}

function positive(name: string, text: string, least = Number.MIN_VALUE) {
  const value = Number(text);
  if (!(value >= least) || (name !== 'seconds' && !Number.isInteger(value))) {
    console.error(`--${name} must not be ${text}.\n\n${USAGE}`);
    process.exit(2);
  }
  return value;
}
