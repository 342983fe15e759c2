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

/**
 * Accuracy in % on the 10,000 test images of CIFAR-10, by defense and by
 * column: Laidlaw & Feizi 2019, table 1.
 */
const PAPER: Record<string, readonly number[]> = {
  Undefended: [92.2, 5.9, 3.0, 0.0, 0.9, 0.8, 0.0, 0.0, 0.0],
  C: [88.7, 43.5, 45.8, 5.7, 3.6, 3.4, 0.9, 0.2, 0.2],
  D: [84.8, 74.9, 50.6, 30.6, 16.0, 11.7, 8.9, 2.7, 2.2],
  S: [82.7, 16.9, 8.0, 0.5, 26.2, 4.8, 0.0, 0.1, 0.0],
  'C+S': [89.5, 31.7, 23.0, 0.7, 10.9, 8.7, 0.5, 0.6, 0.4],
  'C+D': [88.5, 36.3, 19.5, 7.5, 2.7, 2.8, 5.2, 4.1, 4.6],
  'S+D': [82.1, 66.9, 42.7, 35.4, 21.9, 13.4, 12.2, 7.6, 4.1],
  'C+S+D': [88.9, 30.6, 17.2, 7.3, 3.5, 3.3, 5.5, 3.7, 3.6],
  TRADES: [84.4, 81.3, 59.2, 53.6, 26.6, 17.5, 22.0, 8.6, 5.7],
  'Undefended (B&W)': [88.3, 5.3, 4.1, 0.0, 0.9, 0.6, 0.0, 0.0, 0.0],
  'C (B&W)': [85.8, 40.8, 38.9, 4.2, 2.5, 2.5, 0.5, 0.1, 0.2],
};

/** The rows of Table 1, in its order. */
export const ROWS = Object.keys(PAPER);

/**
 * The row of Table 1 that a name stands for, however it is written: `C+S+D`,
 * `csd`, `c-bw`. Undefined for any other name.
 */
export function paperRow(name: string): string | undefined {
  const letters = (text: string) =>
    text.toLowerCase().replace(/[\s()+&_.-]/g, '');
  return ROWS.find(row => letters(row) === letters(name));
}

/** The paper's accuracy, from 0 to 1; undefined where it has no such cell. */
export function paperAccuracy(row: string, column: string): number | undefined {
  const at = (COLUMNS as readonly string[]).indexOf(column);
  const percent = PAPER[paperRow(row) ?? '']?.[at];
  return percent === undefined ? undefined : percent / 100;
}
