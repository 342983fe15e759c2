import {Command, InvalidArgumentError, Option} from 'commander';
import * as tf from '@tensorflow/tfjs';
import {
  backendNames,
  defaultBackend,
  loadBackend,
  loadDefaultBackend,
} from '../src/node.js';

/** What each command line here has in common: a name, help with examples, sober errors. */
export function command(
  name: string,
  {description, examples}: {description: string; examples: string[]},
): Command {
  const shown = examples.map(example => `  $ ${example}`).join('\n');
  return (
    new Command(`npm run ${name} --`)
      .description(description)
      .addHelpText('after', `\nExamples:\n${shown}`)
      .showHelpAfterError('(--help lists what is allowed)')
      .allowExcessArguments(false)
      // Bad input is exit code 2; what commander itself exits with for --help is 0.
      .exitOverride(error => process.exit(error.exitCode === 0 ? 0 : 2))
  );
}

/**
 * Parses the command line and runs. An error is printed as its one sentence, with
 * exit code 2; `DEBUG=1` shows where it came from.
 */
export async function run<T extends object>(
  program: Command,
  main: (options: T) => Promise<void>,
): Promise<void> {
  program.parse();
  try {
    await main(program.opts() as T);
  } catch (error) {
    const {message, stack} = error as Error;
    console.error(process.env.DEBUG ? stack : `Error: ${message}`);
    process.exitCode = 2;
  }
}

/**
 * Ctrl-C stops politely: the signal is aborted, and whoever looks at it finishes
 * what is at hand. A second Ctrl-C ends at once.
 */
export function stopOnInterrupt(): AbortSignal {
  const controller = new AbortController();
  process.on('SIGINT', () => {
    if (controller.signal.aborted) process.exit(130);
    console.error('\nStopping; Ctrl-C once more ends at once.');
    controller.abort();
  });
  return controller.signal;
}

/** A whole number of at least `min`. */
export function whole(min: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < min) {
      throw new InvalidArgumentError(
        `It must be a whole number of at least ${min}.`,
      );
    }
    return value;
  };
}

export function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) {
    throw new InvalidArgumentError('It must be a number above 0.');
  }
  return value;
}

export function notNegative(text: string): number {
  const value = Number(text);
  if (!(text.trim() && value >= 0 && Number.isFinite(value))) {
    throw new InvalidArgumentError('It must be a number of at least 0.');
  }
  return value;
}

export function backendOption(): Option {
  return new Option(
    '--backend <name>',
    `TensorFlow.js backend; default: ${defaultBackend}, which comes with npm`,
  ).choices(backendNames);
}

export function threadsOption(): Option {
  return new Option(
    '--threads <n>',
    'of the backend onnx (default: one a core; 1 is faster beside other work)',
  ).argParser(whole(1));
}

export function variantOption(): Option {
  return new Option(
    '--variant <name>',
    "the paper's definitions, or what its released code does",
  )
    .choices(['paper', 'reference'])
    .default('paper');
}

export function examplesOption(standard: number): Option {
  return new Option('--examples <n>', 'the first so many test images')
    .argParser(whole(1))
    .default(standard);
}

/** @param min the fewest there may be; without steps an attack is its start. */
export function stepsOption(min = 0): Option {
  return new Option('--steps <n>', 'steps of each attack')
    .argParser(whole(min))
    .default(100);
}

export function attackRateOption(): Option {
  return new Option(
    '--learning-rate <x>',
    "of each attack's Adam (default: 0.001, as in the paper)",
  ).argParser(positive);
}

export function batchOption(): Option {
  return new Option('--batch <n>', 'images in a batch')
    .argParser(whole(1))
    .default(50);
}

export function jsonOption(what = 'the results'): Option {
  return new Option('--json <file>', `also write ${what} to this file`);
}

export function seedOption(): Option {
  return new Option('--seed <n>', 'seed of everything random')
    .argParser(whole(0))
    .default(0);
}

/** Starts the backend asked for; by default the fastest that is there. */
export async function startBackend(
  name?: string,
  threads?: number,
): Promise<void> {
  await (name ? loadBackend(name) : loadDefault());
  if (!threads) return;
  if (tf.getBackend() !== 'onnx') {
    throw new Error('--threads is for the backend onnx alone.');
  }
  const {useOnnx} = await import('../src/onnx.js');
  await useOnnx({threads});
}

async function loadDefault(): Promise<void> {
  for (const reason of await loadDefaultBackend()) console.error(reason);
  if (tf.getBackend() === 'cpu') {
    console.error('This runs in plain JavaScript, hundreds of times slower.');
  }
}
