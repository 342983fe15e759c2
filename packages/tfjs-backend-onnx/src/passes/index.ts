import type {Graph, IrValue} from '../graph/graph.js';
import {fuseConvolutions} from './fuse_convolutions.js';
import {mergeReorders} from './merge_reorders.js';
import {rewriteTransposes} from './rewrite_transposes.js';
import {sinkReshapes} from './sink_reshapes.js';

/** In this order: sinkReshapes replaces nodes that the others look for. */
const PASSES = [
  fuseConvolutions,
  mergeReorders,
  rewriteTransposes,
  sinkReshapes,
];

/** The graph of `outputs` in a form that runs faster. */
export function optimize(g: Graph, outputs: IrValue[]): IrValue[] {
  return PASSES.reduce((values, pass) => pass(g, values), outputs);
}
