import {type Command, Option} from 'commander';
import type {ImageSet, Variant} from '../index.js';
import {type AttackAll} from '../evaluation/robustness.js';
import type {Scaling} from './input_range.js';
import type {SearchOptions} from './search_options.js';

/** What other processes are to attack. */
export interface ElsewhereWork {
  /** As `--model` gives it. */
  model: string;
  /** How the model's images are scaled. */
  scaling?: Scaling;
  data: ImageSet;
  /** Whether the images are those of the CIFAR-10 test set, which every worker has. */
  isCifar10: boolean;
  /** Specs of single attacks, in the order of the report. */
  attacks: string[];
  variant: Variant;
  search: SearchOptions;
  batch: number;
  signal: AbortSignal;
}

/** Work that goes on in other processes. */
export interface ElsewhereRun {
  /** Waits for the attack that is the next of the report. */
  attackAll: AttackAll;
  /** Ends the work; to be called in any case. */
  end(): Promise<void>;
}

/** Lets other processes compute an evaluation. */
export interface Elsewhere {
  addOptions(program: Command): void;
  /**
   * Undefined where the options ask for no other process.
   *
   * @throws Error with one sentence if they do not go together.
   */
  prepare(
    options: object,
  ): ((work: ElsewhereWork) => Promise<ElsewhereRun>) | undefined;
}

/** The published package has no queue: its command says so. */
export const onlyInRepository: Elsewhere = {
  addOptions(program) {
    for (const flags of ['--jobs <n>', '--queue <url>']) {
      program.addOption(new Option(flags).hideHelp());
    }
  },
  prepare(options) {
    for (const name of ['jobs', 'queue']) {
      if (!(name in options)) continue;
      throw new Error(
        `--${name} is an option of npm run evaluate in the repository of tfjs-adversarial: the published package has no queue.`,
      );
    }
    return undefined;
  },
};
