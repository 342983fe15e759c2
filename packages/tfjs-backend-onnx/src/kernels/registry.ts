import type {Graph, IrValue} from '../graph/graph.js';

/** A kernel's attributes, as tfjs hands them over. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- each kernel has its own
export type Attrs = Record<string, any>;

/** A kernel's inputs by name; those of AddN, Concat and Pack are numbered. */
export type KernelInputs = Record<string, IrValue>;

/** Writes a kernel's operators into a graph. */
export type Lowering = (
  g: Graph,
  inputs: KernelInputs,
  attrs: Attrs,
) => IrValue | IrValue[];

/** Thrown by a lowering for a case that only the cpu kernel can do. */
export class Unsupported extends Error {}

export const lowerings = new Map<string, Lowering>();

export function define(kernel: string, lowering: Lowering): void {
  lowerings.set(kernel, lowering);
}

/** The inputs of a kernel that takes a list. */
export function listed(inputs: KernelInputs): IrValue[] {
  return Object.values(inputs);
}
