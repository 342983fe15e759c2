import type {Structure} from './trace.js';
import type {Data, Value} from './value.js';

/**
 * What a compiled program takes for granted of the numbers that the tfjs program
 * wrote itself in the course of the run: constants of its loops, most of them.
 */
export interface Literals {
  /** Leaves that are 0 or 1 everywhere, which simplifies what they are used in. */
  readonly baked: ReadonlyMap<number, number>;
  /**
   * Leaves that hold the same numbers as an earlier one, which stands for them:
   * what the steps of a run do to their own copies of ε is then done once.
   */
  readonly same: ReadonlyMap<number, number>;
}

/** Longer ones are data rather than constants. */
const SHORT = 64;

/**
 * The literals of a structure that is to be compiled.
 *
 * All other numbers are inputs, as they may change (a learning rate does).
 *
 * @param run the number of the current run; only what was written in it counts
 */
export function literals(structure: Structure, run: number): Literals {
  const {leaves} = structure;
  const baked = new Map<number, number>();
  const same = new Map<number, number>();
  const first = new Map<string, number>();
  const places = firstUses(structure);
  leaves.forEach((leaf, slot) => {
    if (leaf.writtenBefore !== run) return;
    if (leaf.uniform === 0 || leaf.uniform === 1) {
      baked.set(slot, leaf.uniform);
    } else if (leaf.data!.length <= SHORT && leaf.dtype !== 'string') {
      // Only where they are used alike: numbers that are equal by chance part again.
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
 * What still holds of `old`: `old` itself if all of it does. What was seen to
 * change is an input for good.
 */
export function stillTrue(old: Literals, {leaves}: Structure): Literals {
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
    // NaN is the same as NaN here, and 0 is not −0.
    if (!Object.is(a[i], b[i])) return false;
  }
  return true;
}

/** Which operand of which kind of call each leaf is first. */
function firstUses({calls}: Structure): Map<Value, string> {
  const places = new Map<Value, string>();
  for (const {signature, inputs} of calls) {
    inputs.forEach((value, i) => {
      if (!places.has(value)) places.set(value, `${signature.id} ${i}`);
    });
  }
  return places;
}
