import type {Graph, IrValue} from '../graph/graph.js';

/** A kernel's attributes, as tfjs passes them. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- each kernel has its own
export type Attrs = Record<string, any>;

/** A lowering's inputs by name; those of AddN, Concat and Pack are numbered. */
export type LoweringInputs = Record<string, IrValue>;

/**
 * Adds a kernel's operators to a graph and returns its results. It must infer their
 * shapes and dtypes: these become the shapes and dtypes of the tfjs tensors.
 */
export type Lowering = (
  g: Graph,
  inputs: LoweringInputs,
  attrs: Attrs,
) => IrValue | IrValue[];

/** Thrown by a lowering for a case that has to run on the cpu kernel; the message says why. */
export class Unsupported extends Error {}

export const lowerings = new Map<string, Lowering>();

/** Makes a kernel native. */
export function define(kernel: string, lowering: Lowering): void {
  lowerings.set(kernel, lowering);
}

/** The inputs of a kernel that takes a list, in order. */
export function listed(inputs: LoweringInputs): IrValue[] {
  return Object.values(inputs);
}
