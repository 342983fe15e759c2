import type {EvaluationWarning, Variant} from '../../src/index.js';
import type {SearchSettings} from '../../src/cli/search_options.js';

/** What all results in one folder share. */
export interface TableSettings extends SearchSettings {
  seed: number;
  /** Images in a batch. */
  batch: number;
  backend: string;
  /** Examples that are attacked between two writings. */
  part: number;
  /** Number of leading examples whose pictures are kept. */
  pictures: number;
}

/** A finished part of a cell. */
export interface Part {
  /** The name of the unit of work that computed it. */
  unit?: string;
  /** One character for each example. */
  correct: string;
  /** PNGs of perturbed images, base64, from the part's first example on. */
  pictures: string[];
  seconds: number;
  /** Of a cell's first part: what a check of its first examples found. */
  warnings?: EvaluationWarning[];
}

/** A finished cell of the table. */
export interface Cell {
  attack: string;
  /** One character for each example: 1 where it is still classified correctly. */
  correct: string;
  accuracy: number;
  /** Wilson's 95 % interval. */
  interval: [number, number];
  /** The paper's accuracy on 10,000 images, where it has such a cell. */
  paper?: number;
  /** Whether the paper's accuracy lies outside of the interval. */
  differs?: boolean;
}

export interface Row {
  name: string;
  /** SHA-256 of the model's files. */
  model: string;
  variant: Variant;
  /** In the order of the columns; null where not all examples are finished. */
  cells: Array<Cell | null>;
  /** An example counts only if it survives every column. Null until all are finished. */
  worstCase: Omit<Cell, 'attack' | 'paper' | 'differs'> | null;
  /** Reasons not to trust its numbers. */
  warnings?: EvaluationWarning[];
}

/** The whole table. Everything in it can be written as JSON. */
export interface Table {
  settings: TableSettings;
  examples: number;
  columns: string[];
  rows: Row[];
}
