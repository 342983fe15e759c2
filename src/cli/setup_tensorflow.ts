#!/usr/bin/env node
import {Command} from 'commander';
import {setupTensorflow, SetupError} from '../tfjs_node/setup.js';

const EXAMPLES = `
Examples:
  tfjs-adversarial-setup                     @tensorflow/tfjs-node, for the CPU
  tfjs-adversarial-setup --gpu               @tensorflow/tfjs-node-gpu, with CUDA 12
  tfjs-adversarial-setup --cache /big/disk   keep the downloads there

In a clone of tfjs-adversarial: npm run setup:tensorflow -- --gpu

Environment: TFJS_ADVERSARIAL_CACHE (as --cache), PYTHON (a Python with pip),
CXX (a C++ compiler), PIP_INDEX_URL (a mirror of the Python package index).
Exit codes: 0 done, 2 something is missing (one sentence says what).`;

const program = new Command('tfjs-adversarial-setup')
  .description(
    'Bring the installed @tensorflow/tfjs-node into working order, by its official binary or from the package registries.',
  )
  .option('--gpu', 'set up @tensorflow/tfjs-node-gpu instead (Linux on x64)')
  .option('--cache <dir>', 'keep downloads and compiled files in this folder')
  .option('--wheel', 'take the Python wheel, do not try the official binary')
  .option('--force', 'set up again what already works')
  .addHelpText('after', EXAMPLES)
  .allowExcessArguments(false)
  .exitOverride(({exitCode}) => process.exit(exitCode === 0 ? 0 : 2));

// Ending by exit, and not by the signal, also ends what was started.
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));

try {
  const result = await setupTensorflow(program.parse().opts());
  const device = result.gpu ? 'the GPU' : 'the CPU';
  const how =
    result.by === 'nothing to do' ? 'already works' : `works (${result.by})`;
  console.log(
    `${result.package} ${how}: TensorFlow ${result.tensorflow} on ${device}.`,
  );
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`Error: ${error.message}`);
  process.exitCode = 2;
}
