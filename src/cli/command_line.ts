import {Command, Option} from 'commander';
import * as tf from '@tensorflow/tfjs';
import {loadBackend, loadDefaultBackend} from '../node.js';

// For the bench of the backend's package.
export {positive, whole} from './options.js';

/** What all command lines here share: a name (`npm run evaluate --`), help with examples, errors of one sentence. */
export function command(
  name: string,
  {description, examples}: {description: string; examples: string[]},
): Command {
  const shown = examples.map(example => `  $ ${example}`).join('\n');
  return (
    new Command(name)
      .description(description)
      .addHelpText('after', `\nExamples:\n${shown}`)
      .showHelpAfterError('(--help lists the options)')
      .allowExcessArguments(false)
      // Exit code 2 for bad input, and 0 for --help.
      .exitOverride(error => process.exit(error.exitCode === 0 ? 0 : 2))
  );
}

/** Options that must be given. Commander's own check comes before that of misspelled options, which it would hide. */
const required = new WeakSet<Option>();

export function requiredOption(flags: string, description: string): Option {
  const option = new Option(flags, description);
  required.add(option);
  return option;
}

/**
 * Says what a command does. An error is printed as its one sentence, with exit
 * code 2; `DEBUG=1` shows its stack.
 */
export function define<T extends object>(
  program: Command,
  main: (options: T) => Promise<void>,
): Command {
  return program.action(async () => {
    const options = program.opts();
    for (const option of program.options) {
      const given = options[option.attributeName()] !== undefined;
      if (required.has(option) && !given) {
        program.error(`error: required option '${option.flags}' not specified`);
      }
    }
    try {
      await main(options as T);
    } catch (error) {
      const {message, stack} = error as Error;
      console.error(process.env.DEBUG ? stack : `Error: ${message}`);
      process.exitCode = 2;
    }
  });
}

/** Parses the command line and runs: see {@link define}. */
export async function run<T extends object>(
  program: Command,
  main: (options: T) => Promise<void>,
): Promise<void> {
  await define(program, main).parseAsync();
}

const EXIT_CODES = {SIGHUP: 129, SIGINT: 130, SIGTERM: 143};

/**
 * Ctrl-C and SIGTERM stop politely: the returned signal is aborted, and the run
 * finishes the batch it is at. A second one ends at once.
 */
export function stopOnInterrupt(): AbortSignal {
  const controller = new AbortController();
  for (const [name, code] of Object.entries(EXIT_CODES)) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(code);
      console.error('\nStopping; Ctrl-C once more ends at once.');
      controller.abort(code);
    });
  }
  return controller.signal;
}

/** Sets the exit code of a run that was stopped. Returns whether it was. */
export function exitIfStopped(signal: AbortSignal): boolean {
  if (signal.aborted) process.exitCode = signal.reason as number;
  return signal.aborted;
}

/** Starts the backend of that name; by default the fastest that is installed. */
export async function startBackend(
  name?: string,
  threads?: number,
): Promise<void> {
  await (name ? loadBackend(name) : loadDefault());
  if (!threads) return;
  if (tf.getBackend() !== 'onnx') {
    throw new Error('--threads is an option of the backend onnx only.');
  }
  const {useOnnx} = await import('../onnx.js');
  await useOnnx({threads});
}

async function loadDefault(): Promise<void> {
  for (const reason of await loadDefaultBackend()) console.error(reason);
  if (tf.getBackend() === 'cpu') {
    console.error('This runs in plain JavaScript, hundreds of times slower.');
  }
}
