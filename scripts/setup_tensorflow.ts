import {type SetupOptions, setupTensorflow} from '../src/node.js';
import {command, run} from './command_line.js';

const program = command('setup:tensorflow', {
  description:
    'Makes the installed @tensorflow/tfjs-node work, with its official binary or from the package registries.',
  examples: [
    'npm run setup:tensorflow',
    'npm run setup:tensorflow -- --gpu',
    'npm run setup:tensorflow -- --cache /big/disk',
  ],
})
  .option('--gpu', 'set up @tensorflow/tfjs-node-gpu instead (Linux on x64)')
  .option('--cache <dir>', 'keep downloads and compiled files in this folder')
  .option(
    '--wheel',
    'use the Python wheel; do not try the official binary first',
  )
  .option('--force', 'set up again even if it already works');

// To end by exit, not by the signal, also ends the commands that were started.
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));

run<SetupOptions>(program, async options => {
  const result = await setupTensorflow(options);
  const device = result.gpu ? 'the GPU' : 'the CPU';
  const how =
    result.by === 'nothing to do' ? 'already works' : `works (${result.by})`;
  console.log(
    `${result.package} ${how}: TensorFlow ${result.tensorflow} on ${device}.`,
  );
});
