import type {Graph, IrValue} from './graph.js';
import {reshape} from './layout.js';
import {size} from './shape.js';

/** Largest number of entries: with longer tables a program would be mostly tables. */
const LONGEST = 2e6;

/** Whether a table of `entries` is worth its memory. */
export function fitsTable(entries: number): boolean {
  return entries <= LONGEST;
}

/**
 * Rearranges a blocked tensor by rows, each the `block` channels of one pixel.
 * Unlike a transpose or a pad, this runs on all threads.
 *
 * @param key identifies the table: equal for equal `shape` and `entry`
 * @param shape of the result, without the last axis, the `block` channels
 * @param entry for each index of the result, the number of the row of `x` there
 */
export function gatherRows(
  g: Graph,
  x: IrValue,
  key: string,
  shape: readonly number[],
  entry: (index: readonly number[]) => number,
): IrValue {
  const index = g.table(key, shape, entry);
  const rows = reshape(g, x, [size(x.shape) / g.block, g.block]);
  return g.node('Gather', [rows, index], [...shape, g.block], 'float32', {
    axis: 0,
  });
}
