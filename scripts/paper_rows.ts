import type {UnionMode} from '../src/index.js';
import type {ObjectiveName} from './training/objectives.js';

/** What a row is trained against. */
export interface RowTraining {
  /** A spec, or several. */
  attack: string | string[];
  /** How several attacks are put together. */
  union?: UnionMode;
  /** What is minimized in place of the model's loss. */
  objective?: ObjectiveName;
}

/** A row of Table 1 of Laidlaw & Feizi 2019, or of this repository. */
export interface PaperRow {
  name: string;
  /** Whether the model sees the images in gray. */
  grayscale: boolean;
  /** Null for plain training. */
  training: RowTraining | null;
  /** The row that training starts from, with a preset; null for random weights. */
  start: string | null;
  /**
   * Accuracy in % on the 10,000 test images of CIFAR-10 that Table 1 prints, in
   * the order of {@link COLUMNS}. Rows that the paper does not have, have none.
   */
  paper?: readonly number[];
}

/** The columns of Table 1, in its order. */
export const COLUMNS = [
  'None',
  'C-RGB',
  'C',
  'D',
  'S',
  'C+S',
  'C+D',
  'S+D',
  'C+S+D',
] as const;

const attacked = (
  attack: string,
  start: string,
  paper: number[],
): PaperRow => ({
  name: attack,
  grayscale: false,
  training: {attack},
  start,
  paper,
});

/**
 * The eleven rows of Table 1 in its order, and Union: one of three attacks a
 * batch, the oftener the more examples it fools. Rows form a tree by `start`.
 */
export const ROWS: readonly PaperRow[] = [
  {
    name: 'Undefended',
    grayscale: false,
    training: null,
    start: null,
    paper: [92.2, 5.9, 3.0, 0.0, 0.9, 0.8, 0.0, 0.0, 0.0],
  },
  attacked('C', 'Undefended', [88.7, 43.5, 45.8, 5.7, 3.6, 3.4, 0.9, 0.2, 0.2]),
  attacked(
    'D',
    'Undefended',
    [84.8, 74.9, 50.6, 30.6, 16.0, 11.7, 8.9, 2.7, 2.2],
  ),
  attacked('S', 'Undefended', [82.7, 16.9, 8.0, 0.5, 26.2, 4.8, 0.0, 0.1, 0.0]),
  attacked('C+S', 'C', [89.5, 31.7, 23.0, 0.7, 10.9, 8.7, 0.5, 0.6, 0.4]),
  attacked('C+D', 'D', [88.5, 36.3, 19.5, 7.5, 2.7, 2.8, 5.2, 4.1, 4.6]),
  attacked('S+D', 'D', [82.1, 66.9, 42.7, 35.4, 21.9, 13.4, 12.2, 7.6, 4.1]),
  attacked('C+S+D', 'C+D', [88.9, 30.6, 17.2, 7.3, 3.5, 3.3, 5.5, 3.7, 3.6]),
  {
    name: 'TRADES',
    grayscale: false,
    training: {attack: 'D(0.031)', objective: 'trades'},
    start: 'D',
    paper: [84.4, 81.3, 59.2, 53.6, 26.6, 17.5, 22.0, 8.6, 5.7],
  },
  {
    name: 'Undefended (B&W)',
    grayscale: true,
    training: null,
    start: null,
    paper: [88.3, 5.3, 4.1, 0.0, 0.9, 0.6, 0.0, 0.0, 0.0],
  },
  {
    name: 'C (B&W)',
    grayscale: true,
    training: {attack: 'C'},
    start: 'Undefended (B&W)',
    paper: [85.8, 40.8, 38.9, 4.2, 2.5, 2.5, 0.5, 0.1, 0.2],
  },
  {
    name: 'Union',
    grayscale: false,
    training: {attack: ['C', 'D', 'S'], union: 'adaptive'},
    start: 'C+D',
  },
];

export const ROW_NAMES = ROWS.map(row => row.name);

/** The rows that a row's training starts from, the nearest first. */
export function startsOf(row: PaperRow): PaperRow[] {
  const start = ROWS.find(({name}) => name === row.start);
  return start ? [start, ...startsOf(start)] : [];
}

/** Rows in an order in which each comes after those that it may start from. */
export function inTrainingOrder(rows: readonly PaperRow[]): PaperRow[] {
  const depth = new Map(rows.map(row => [row, startsOf(row).length]));
  return [...rows].sort((a, b) => depth.get(a)! - depth.get(b)!);
}

/** Letters alone, in lower case: `C (B&W)`, `c-bw` and `CBW` are one name. */
function letters(name: string): string {
  return name.toLowerCase().replace(/[\s()+&_.-]/g, '');
}

/**
 * The row that a name stands for: its own name or its folder's, or the same
 * letters, whatever their case and the signs between them (`csd`, `c-bw`).
 * Undefined for any other name.
 *
 * @param say called with one sentence if the name is neither the row's nor its
 *     folder's: which row was understood.
 */
export function matchRow(
  name: string,
  say?: (sentence: string) => void,
): PaperRow | undefined {
  const found = ROWS.find(row => letters(row.name) === letters(name));
  if (found && name !== found.name && name !== folderName(found)) {
    say?.(`'${name}' is read as the row ${found.name}.`);
  }
  return found;
}

/**
 * As {@link matchRow}; says on standard error which row was understood.
 *
 * @throws Error with the names of all rows if there is no such row.
 */
export function findRow(
  name: string,
  say: (sentence: string) => void = sayOnce,
): PaperRow {
  const found = matchRow(name, say);
  if (found) return found;
  throw new Error(
    `'${name}' is no row of Table 1: it must be one of ${ROW_NAMES.join(', ')}.`,
  );
}

const told = new Set<string>();

function sayOnce(sentence: string): void {
  if (!told.has(sentence)) console.error(sentence);
  told.add(sentence);
}

/** A row's name as a folder's: `C (B&W)` is in `C-BW`. */
export function folderName({name}: PaperRow): string {
  return name.replace(' (B&W)', '-BW');
}

/** The paper's accuracy, from 0 to 1; undefined where it has no such cell. */
export function paperAccuracy(row: string, column: string): number | undefined {
  const at = (COLUMNS as readonly string[]).indexOf(column);
  const percent = matchRow(row)?.paper?.[at];
  return percent === undefined ? undefined : percent / 100;
}
