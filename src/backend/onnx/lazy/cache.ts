import type {Program} from './program.js';
import type {Structure} from './structure.js';

interface Entry {
  program: Program;
  /** Literals that are part of the program, by leaf. */
  baked: Map<number, number>;
}

/**
 * Compiled programs by structure; the least recently used go first, when there
 * are too many or they hold too much memory.
 */
export class ProgramCache {
  private readonly entries = new Map<string, Entry>();
  private bytes = 0;
  compilations = 0;

  /**
   * @param limits how many programs, and how many bytes of working memory
   * @param compile what to do for a structure that is not here
   */
  constructor(
    private readonly limits: () => {
      cacheSize: number;
      memoryLimit: number;
      /** Profiled programs can run only once. */
      profile: boolean | number;
    },
    private readonly compile: (
      structure: Structure,
      baked: ReadonlyMap<number, number>,
    ) => Program,
  ) {}

  get size(): number {
    return this.entries.size;
  }

  /** @param run the number of the current run; literals written in it may be baked */
  get(structure: Structure, run: number): Program {
    if (this.limits().profile) this.clear();
    const old = this.entries.get(structure.key);
    const baked = old
      ? stillTrue(old.baked, structure)
      : literals(structure, run);
    if (old && baked.size === old.baked.size) {
      // Most recently used is last.
      this.entries.delete(structure.key);
      this.entries.set(structure.key, old);
      return old.program;
    }
    if (old) this.remove(structure.key, old);
    this.compilations++;
    const program = this.compile(structure, baked);
    this.bytes += program.bytes;
    this.entries.set(structure.key, {program, baked});
    this.shrink();
    return program;
  }

  clear(): void {
    for (const [key, entry] of this.entries) this.remove(key, entry);
  }

  private shrink(): void {
    const {cacheSize, memoryLimit} = this.limits();
    for (const [key, entry] of this.entries) {
      if (this.entries.size === 1) return;
      if (this.entries.size <= cacheSize && this.bytes <= memoryLimit) return;
      this.remove(key, entry);
    }
  }

  private remove(key: string, {program}: Entry): void {
    this.entries.delete(key);
    this.bytes -= program.bytes;
    program.dispose();
  }
}

/**
 * Numbers that a program writes itself are inputs, as they may change (a
 * learning rate does). Only 0 and 1, which simplify what they are used in, are
 * taken to be part of the program, until one of them is seen to change: then
 * it is an input for good.
 */
function literals({leaves}: Structure, run: number): Map<number, number> {
  const baked = new Map<number, number>();
  leaves.forEach(({uniform, writtenBefore}, slot) => {
    if (writtenBefore === run && (uniform === 0 || uniform === 1)) {
      baked.set(slot, uniform);
    }
  });
  return baked;
}

function stillTrue(
  baked: Map<number, number>,
  {leaves}: Structure,
): Map<number, number> {
  for (const [slot, number] of baked) {
    if (leaves[slot].uniform !== number) {
      return new Map([...baked].filter(([s, n]) => leaves[s].uniform === n));
    }
  }
  return baked;
}
