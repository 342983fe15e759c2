import type {Trace} from './trace.js';
import type {Data, Value} from './value.js';

/**
 * What a compiled program assumes about the numbers that the tfjs program wrote
 * during the run; most of them are constants of its loops.
 */
export interface Literals {
  /** Leaves that are 0, or 1, in every element: these simplify the ops that use them. */
  readonly baked: ReadonlyMap<number, number>;
  /**
   * Leaves that hold the same numbers as an earlier leaf, which replaces them. If
   * each step of a run writes its own copy of ε, ops on it are then done once.
   */
  readonly same: ReadonlyMap<number, number>;
}

/** Longest constant; anything longer is taken to be data. */
const SHORT = 64;

/**
 * The literals of a trace that is about to be compiled. All other numbers are
 * inputs, since they may change (a learning rate does).
 *
 * @param run the number of the current run; only numbers written in it are literals
 */
export function literals(trace: Trace, run: number): Literals {
  const {leaves} = trace;
  const baked = new Map<number, number>();
  const same = new Map<number, number>();
  const first = new Map<string, number>();
  const places = firstUses(trace);
  leaves.forEach((leaf, slot) => {
    if (leaf.writtenBefore !== run) return;
    if (leaf.uniform === 0 || leaf.uniform === 1) {
      baked.set(slot, leaf.uniform);
    } else if (leaf.data!.length <= SHORT && leaf.dtype !== 'string') {
      // Only if used in the same place: numbers that are equal by chance will differ later.
      const key = `${places.get(leaf)} ${(leaf.data as Float32Array).join()}`;
      const earlier = first.get(key);
      if (earlier === undefined) first.set(key, slot);
      else if (sameNumbers(leaf.data!, leaves[earlier].data!)) {
        same.set(slot, earlier);
      }
    }
  });
  return {baked, same};
}

/**
 * The literals of `old` that still hold; `old` itself if all of them do. A number
 * that has changed once stays an input.
 */
export function stillTrue(old: Literals, {leaves}: Trace): Literals {
  const isBaked = (slot: number, n: number) => leaves[slot].uniform === n;
  const isSame = (slot: number, earlier: number) =>
    sameNumbers(leaves[slot].data!, leaves[earlier].data!);
  if (all(old.baked, isBaked) && all(old.same, isSame)) return old;
  return {
    baked: new Map([...old.baked].filter(entry => isBaked(...entry))),
    same: new Map([...old.same].filter(entry => isSame(...entry))),
  };
}

function all(
  map: ReadonlyMap<number, number>,
  holds: (key: number, value: number) => boolean,
): boolean {
  for (const [key, value] of map) if (!holds(key, value)) return false;
  return true;
}

function sameNumbers(a: Data, b: Data): boolean {
  if (a === b) return true;
  for (let i = 0; i < a.length; i++) {
    // Here NaN equals NaN, and 0 differs from −0.
    if (!Object.is(a[i], b[i])) return false;
  }
  return true;
}

/** For each leaf, the signature and operand index of its first use. */
function firstUses({calls}: Trace): Map<Value, string> {
  const places = new Map<Value, string>();
  for (const {signature, inputs} of calls) {
    inputs.forEach((value, i) => {
      if (!places.has(value)) places.set(value, `${signature.id} ${i}`);
    });
  }
  return places;
}
