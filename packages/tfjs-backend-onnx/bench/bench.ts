import {resnet32} from '../../../src/index.js';
import {useOnnx} from '../src/index.js';
import {command, positive, run, whole} from '../../../scripts/command_line.js';
import {
  inTurns,
  network,
  picture,
  print,
  scaling,
  trainingStep,
} from '../../../scripts/scaling.js';
import {yardstick} from './handwritten_resnet.js';

const program = command('bench_onnx', {
  description:
    'Times the onnx backend against a hand-written ONNX graph of the same network, in turns; or how cost grows.',
  examples: ['npm run bench:onnx', 'npm run bench:onnx -- --scaling'],
})
  .option('--batch <n>', 'images in a batch', whole(1), 50)
  .option('--threads <n>', 'threads; 0 for one a core', whole(0), 0)
  .option('--seconds <n>', 'time for each row', positive, 5)
  .option('--scaling', 'time and memory against batch, width and steps');

interface Options {
  batch: number;
  threads: number;
  seconds: number;
  scaling?: boolean;
}

run<Options>(program, async ({batch, threads, seconds, ...options}) => {
  const backend = await useOnnx({threads});
  if (options.scaling) {
    scaling();
    return;
  }
  const model = resnet32({seed: 1});
  const images = picture(batch);
  const hand = yardstick(
    model,
    images.dataSync() as Float32Array,
    batch,
    threads,
  );
  const rows = inTurns(
    {
      'network, ONNX by hand': hand,
      'network, this backend': () => network(model, images),
      'training step': trainingStep(model, images),
    },
    seconds,
  );
  print(
    ['', 'ms an image', '× by hand', '× network'],
    rows.map(([name, ms]) => [
      name,
      (ms / batch).toFixed(2),
      (ms / rows[0][1]).toFixed(2),
      (ms / rows[1][1]).toFixed(2),
    ]),
  );
  console.log(backend.stats());
});
