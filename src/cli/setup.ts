import type {Command} from 'commander';
import {type SetupOptions, setupTensorflow} from '../tfjs_node/setup.js';
import {command, define} from './command_line.js';

/** The command that makes an installed tfjs-node work. */
export function setupCommand(name: string): Command {
  const program = command(name, {
    description:
      'Makes the installed @tensorflow/tfjs-node work, with its official binary or from the package registries.',
    examples: [name, `${name} --gpu`, `${name} --cache /big/disk`],
  })
    .option('--gpu', 'set up @tensorflow/tfjs-node-gpu instead (Linux on x64)')
    .option('--cache <dir>', 'keep downloads and compiled files in this folder')
    .option(
      '--wheel',
      'use the Python wheel; do not try the official binary first',
    )
    .option('--force', 'set up again even if it already works')
    .addHelpText(
      'after',
      `
Environment: TFJS_ADVERSARIAL_CACHE (as --cache), PYTHON (a Python with pip),
CXX (a C++ compiler), PIP_INDEX_URL (a mirror of the Python package index).
Exit codes: 0 done, 2 something is missing (one sentence says what).`,
    );
  return define<SetupOptions>(program, async options => {
    // To end by exit, not by the signal, also ends the commands that were started.
    process.on('SIGINT', () => process.exit(130));
    process.on('SIGTERM', () => process.exit(143));
    const result = await setupTensorflow(options);
    const device = result.gpu ? 'the GPU' : 'the CPU';
    const how =
      result.by === 'nothing to do' ? 'already works' : `works (${result.by})`;
    console.log(
      `${result.package} ${how}: TensorFlow ${result.tensorflow} on ${device}.`,
    );
  });
}
