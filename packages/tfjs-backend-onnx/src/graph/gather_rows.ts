import type {Graph, IrValue} from './graph.js';
import {reshape} from './layout.js';
import {size} from './shape.js';

/** Entries of the longest table: beyond it a program would be mostly tables. */
const LONGEST = 2e6;

/** Whether a table for `entries` places is worth its memory. */
export function fitsTable(entries: number): boolean {
  return entries <= LONGEST;
}

/**
 * Moves a blocked tensor in rows, each the `block` channels of one pixel: the
 * row at each of `places` is row number `entry(place)` of `x`. On all threads,
 * as transposing and padding are not.
 *
 * @param key equal for equal tables.
 */
export function gatherRows(
  g: Graph,
  x: IrValue,
  key: string,
  places: readonly number[],
  entry: (place: readonly number[]) => number,
): IrValue {
  const index = g.table(key, places, entry);
  const rows = reshape(g, x, [size(x.shape) / g.block, g.block]);
  const shape = [...places, g.block];
  return g.node('Gather', [rows, index], shape, 'float32', {axis: 0});
}
