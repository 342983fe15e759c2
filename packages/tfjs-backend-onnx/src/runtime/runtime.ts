import type {InferenceSession} from 'onnxruntime-node';
import type {Literals} from '../trace/literals.js';
import type {Trace} from '../trace/trace.js';
import {blockSize} from './block_size.js';
import type {BufferPool} from './buffer_pool.js';
import {OnnxError} from './onnx_error.js';
import {createProfileDirectory, printProfile, readProfile} from './profile.js';
import {type Program, compile} from './program.js';

/** The settings that compiling and running depend on. */
export interface RuntimeSettings {
  executionProvider: string;
  /** 0 for ONNX Runtime's own choice. */
  threads: number;
  /** Whether to print the slowest operators of each run, or how many. */
  profile: boolean | number;
}

/** Compiles and runs programs. */
export class Runtime {
  /** Where the last compiled program writes its profile, until it is printed. */
  private profileDirectory?: string;

  constructor(public settings: RuntimeSettings) {}

  compile(trace: Trace, literals: Literals): Program {
    return compile(trace, {
      literals,
      block: this.block(),
      provider: this.settings.executionProvider,
      session: this.sessionOptions(),
    });
  }

  run(program: Program, trace: Trace, pool: BufferPool): void {
    try {
      program.run(trace, pool);
      if (this.profileDirectory) {
        // The first two runs allocate memory; the third is representative.
        program.run(trace, pool);
        program.run(trace, pool);
        this.printProfile(program);
      }
    } catch (error) {
      throw new OnnxError(error as Error, program.sources);
    }
  }

  private block(): number {
    return this.settings.executionProvider === 'cpu' ? blockSize() : 0;
  }

  /** Reading a profile ends its session, so a profiled program runs only once. */
  private printProfile({session, sources}: Program): void {
    if (!this.profileDirectory) return;
    session?.endProfiling();
    const rows = readProfile(this.profileDirectory, sources);
    printProfile(rows, this.settings.profile);
    this.profileDirectory = undefined;
  }

  private sessionOptions(): InferenceSession.SessionOptions {
    const {executionProvider, threads, profile} = this.settings;
    if (profile) this.profileDirectory = createProfileDirectory();
    return {
      ...(profile && {
        enableProfiling: true,
        profileFilePrefix: `${this.profileDirectory}/run`,
      }),
      executionProviders: [executionProvider],
      // With convolutions already blocked, ONNX Runtime's own rewriting doubles
      // the time to compile and speeds nothing up (measured).
      graphOptimizationLevel: this.block() > 0 ? 'basic' : 'all',
      // The memory pattern is one block for a whole run, allocated in addition to
      // what the first run took: for ResNet-32's input gradient nearly twice the
      // memory, and no time saved.
      enableMemPattern: false,
      // Errors are thrown; printing them as well is not needed.
      logSeverityLevel: 4,
      extra: {
        // Spinning threads keep their cores busy after each run (25 ms measured),
        // while JavaScript, its collector or another session needs them.
        session: {intra_op: {allow_spinning: '0'}},
        // It would merge the transposes that rewriteTransposes splits.
        ...(executionProvider === 'cpu' && {
          optimization: {disable_specified_optimizers: 'TransposeOptimizer'},
        }),
      },
      ...(threads > 0 ? {intraOpNumThreads: threads} : {}),
    };
  }
}
