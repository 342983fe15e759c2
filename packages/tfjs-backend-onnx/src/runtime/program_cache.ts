import {type Literals, literals, stillTrue} from '../trace/literals.js';
import type {Program} from './program.js';
import type {Trace} from '../trace/trace.js';
import {warnOnce} from '../trace/warn_once.js';

interface Entry {
  program: Program;
  literals: Literals;
}

/** Number of programs, dropped for lack of memory and compiled again, that triggers a warning. */
const TOO_MANY = 10;

/**
 * Compiled programs by the key of their trace. The least recently used are
 * dropped if there are too many or they hold too much memory.
 */
export class ProgramCache {
  private readonly entries = new Map<string, Entry>();
  private bytes = 0;
  /** Keys of programs dropped for lack of memory, latest last; at most `cacheSize`. */
  private readonly dropped = new Set<string>();
  private recompiled = 0;
  compilations = 0;

  /**
   * @param limits the current limits on programs and bytes of working memory
   * @param compile compiles a trace that is not in the cache
   */
  constructor(
    private readonly limits: () => {
      cacheSize: number;
      memoryLimit: number;
      /** A profiled program runs only once, so none is kept. */
      profile: boolean | number;
    },
    private readonly compile: (trace: Trace, literals: Literals) => Program,
  ) {}

  get size(): number {
    return this.entries.size;
  }

  /**
   * Finds or compiles the program of a trace.
   *
   * @param run the number of the current run, of which literals are assumed constant
   */
  get(trace: Trace, run: number): Program {
    if (this.limits().profile) this.clear();
    const old = this.entries.get(trace.key);
    const known = old ? stillTrue(old.literals, trace) : literals(trace, run);
    if (old && known === old.literals) {
      // Most recently used is last.
      this.entries.delete(trace.key);
      this.entries.set(trace.key, old);
      return old.program;
    }
    if (old) this.remove(trace.key, old);
    this.compilations++;
    if (this.dropped.delete(trace.key)) this.countRecompiled();
    const program = this.compile(trace, known);
    this.bytes += program.bytes;
    this.entries.set(trace.key, {program, literals: known});
    this.shrink();
    return program;
  }

  clear(): void {
    for (const [key, entry] of this.entries) this.remove(key, entry);
    this.dropped.clear();
    this.recompiled = 0;
  }

  private shrink(): void {
    const {cacheSize, memoryLimit} = this.limits();
    for (const [key, entry] of this.entries) {
      if (this.entries.size === 1) return;
      const full = this.bytes > memoryLimit;
      if (this.entries.size <= cacheSize && !full) return;
      this.remove(key, entry);
      if (!full) continue;
      for (const oldest of this.dropped) {
        if (this.dropped.size < cacheSize) break;
        this.dropped.delete(oldest);
      }
      this.dropped.add(key);
    }
  }

  private countRecompiled(): void {
    this.recompiled++;
    if (this.recompiled < TOO_MANY) return;
    const mib = (this.limits().memoryLimit / 2 ** 20).toFixed(0);
    warnOnce(
      `onnx backend: graphs are dropped and compiled again and again because together they need more than memoryLimit (${mib} MiB). Raise it, or use smaller batches.`,
    );
  }

  private remove(key: string, {program}: Entry): void {
    this.entries.delete(key);
    this.bytes -= program.bytes;
    program.dispose();
  }
}
