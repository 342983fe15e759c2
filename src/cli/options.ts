import {availableParallelism} from 'node:os';
import {InvalidArgumentError, Option} from 'commander';
import {backendNames, defaultBackend} from '../node.js';

/** A whole number from `min` to `max`. */
export function whole(min: number, max = Infinity) {
  return (text: string): number => {
    const value = text.trim() === '' ? NaN : Number(text);
    if (!Number.isSafeInteger(value) || value < min || value > max) {
      throw new InvalidArgumentError(
        max < Infinity
          ? `It must be a whole number from ${min} to ${max}.`
          : `It must be a whole number of at least ${min}.`,
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

export function belowOne(text: string): number {
  const value = Number(text);
  if (!(text.trim() && value >= 0 && value < 1)) {
    throw new InvalidArgumentError(
      'It must be a number of at least 0 and below 1.',
    );
  }
  return value;
}

/** How clean and attacked images are mixed. */
export function mixture(text: string): 'adversarial' | 'both' | number {
  if (text === 'adversarial' || text === 'both') return text;
  const value = Number(text);
  if (!(text.trim() && value > 0 && value < 1)) {
    throw new InvalidArgumentError(
      'It must be adversarial, both, or a share between 0 and 1.',
    );
  }
  return value;
}

/** The path of a file or folder. */
export function path(text: string): string {
  if (text.trim() === '') {
    throw new InvalidArgumentError('It must be a path, not an empty text.');
  }
  return text;
}

export function backendOption(): Option {
  return new Option(
    '--backend <name>',
    `TensorFlow.js backend (default: ${defaultBackend}, which npm installs)`,
  ).choices(backendNames);
}

/** More threads than this only wait for one another. */
const MOST_THREADS = 4 * availableParallelism();

export function threadsOption(): Option {
  return new Option(
    '--threads <n>',
    'threads of the backend onnx (default: one per core; use 1 beside other work)',
  ).argParser(whole(1, MOST_THREADS));
}

export function variantOption(): Option {
  return new Option(
    '--variant <name>',
    "the paper's definitions, or those of its released code",
  )
    .choices(['paper', 'reference'])
    .default('paper');
}

export function examplesOption(standard: number): Option {
  return new Option('--examples <n>', 'number of test images, from the first')
    .argParser(whole(1, 10_000))
    .default(standard);
}

/** @param min least number of steps; an attack of 0 steps is its start. */
export function stepsOption(min = 0): Option {
  return new Option('--steps <n>', 'steps of each attack')
    .argParser(whole(min))
    .default(100);
}

export function batchOption(): Option {
  return new Option('--batch <n>', 'images in a batch')
    .argParser(whole(1))
    .default(50);
}

export function jsonOption(what = 'the results'): Option {
  return new Option(
    '--json <file>',
    `also write ${what} to this file`,
  ).argParser(path);
}

export function seedOption(): Option {
  return new Option('--seed <n>', 'seed of all random numbers')
    .argParser(whole(0))
    .default(0);
}
