import {type Literals, literals, stillTrue} from '../trace/literals.js';
import type {Program} from './program.js';
import type {Structure} from '../trace/trace.js';
import {warnOnce} from '../trace/warn_once.js';

interface Entry {
  program: Program;
  literals: Literals;
}

/** So many programs that had gone for lack of memory and were needed again are a loop that compiles. */
const TOO_MANY = 10;

/**
 * Compiled programs by structure; the least recently used go first, when there
 * are too many or they hold too much memory.
 */
export class ProgramCache {
  private readonly entries = new Map<string, Entry>();
  private bytes = 0;
  /** What went for lack of memory, the latest last; no more than may be cached. */
  private readonly gone = new Set<string>();
  private missed = 0;
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
      literals: Literals,
    ) => Program,
  ) {}

  get size(): number {
    return this.entries.size;
  }

  /** @param run the number of the current run; only literals written in it are taken for granted */
  get(structure: Structure, run: number): Program {
    if (this.limits().profile) this.clear();
    const old = this.entries.get(structure.key);
    const known = old
      ? stillTrue(old.literals, structure)
      : literals(structure, run);
    if (old && known === old.literals) {
      // Most recently used is last.
      this.entries.delete(structure.key);
      this.entries.set(structure.key, old);
      return old.program;
    }
    if (old) this.remove(structure.key, old);
    this.compilations++;
    if (this.gone.delete(structure.key)) this.miss();
    const program = this.compile(structure, known);
    this.bytes += program.bytes;
    this.entries.set(structure.key, {program, literals: known});
    this.shrink();
    return program;
  }

  clear(): void {
    for (const [key, entry] of this.entries) this.remove(key, entry);
    this.gone.clear();
    this.missed = 0;
  }

  private shrink(): void {
    const {cacheSize, memoryLimit} = this.limits();
    for (const [key, entry] of this.entries) {
      if (this.entries.size === 1) return;
      const full = this.bytes > memoryLimit;
      if (this.entries.size <= cacheSize && !full) return;
      this.remove(key, entry);
      if (!full) continue;
      for (const oldest of this.gone) {
        if (this.gone.size < cacheSize) break;
        this.gone.delete(oldest);
      }
      this.gone.add(key);
    }
  }

  private miss(): void {
    this.missed++;
    if (this.missed < TOO_MANY) return;
    const mib = (this.limits().memoryLimit / 2 ** 20).toFixed(0);
    warnOnce(
      `onnx backend: graphs are dropped and compiled again and again, because they need more than memoryLimit, ${mib} MiB, together. Raise it, or use smaller batches.`,
    );
  }

  private remove(key: string, {program}: Entry): void {
    this.entries.delete(key);
    this.bytes -= program.bytes;
    program.dispose();
  }
}
