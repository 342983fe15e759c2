import type {TfjsNode} from './package.js';
import {run} from '../io/run_command.js';

export type CheckResult =
  | {works: true; tensorflow: string; gpu: boolean}
  | {works: false; reason: string};

// A convolution, its gradients, and topk, which breaks on Node 23 unless the
// package is mended; values are small integers, so they compare exactly.
const PROGRAM = `
const tf = require(process.argv[1]);
const x = tf.reshape(tf.range(0, 16), [1, 4, 4, 1]);
const w = tf.ones([3, 3, 1, 1]);
const [dx, dw] = tf.grads((x, w) => tf.sum(tf.relu(tf.conv2d(x, w, 1, 'same'))))([x, w]);
const {indices} = tf.topk(tf.tensor1d([1, 3, 2]), 2);
const result = [...dx.dataSync().slice(0, 6), ...dw.dataSync().slice(0, 2), ...indices.dataSync()];
const expected = [4, 6, 6, 4, 6, 9, 45, 66, 1, 2];
if (tf.getBackend() !== 'tensorflow') throw new Error('its backend did not start');
if (String(result) !== String(expected)) throw new Error('it computed ' + result + ' instead of ' + expected);
const backend = tf.backend();
console.log('\\n' + JSON.stringify({tensorflow: backend.binding.TF_Version, gpu: backend.isGPUPackage && backend.isUsingGpuDevice}));
`;

/** Runs a few ops on the package in a process of its own. */
export async function checkTfjsNode({
  directory,
}: TfjsNode): Promise<CheckResult> {
  const {ok, timedOut, stdout, stderr} = await run(
    process.execPath,
    ['-e', PROGRAM, directory],
    {env: {TF_CPP_MIN_LOG_LEVEL: '3', NODE_OPTIONS: ''}, timeout: 180_000},
  );
  if (ok) {
    const {tensorflow, gpu} = JSON.parse(stdout.trim().split('\n').at(-1)!) as {
      tensorflow: string;
      gpu: boolean;
    };
    return {works: true, tensorflow, gpu: Boolean(gpu)};
  }
  if (timedOut) return {works: false, reason: 'it did not answer in 3 minutes'};
  const error = /^\w*Error: (.*)$/m.exec(stderr)?.[1];
  return {
    works: false,
    reason: error ?? stderr.trim().split('\n').at(-1) ?? 'it crashed',
  };
}
