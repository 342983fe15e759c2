import type {InferenceSession} from 'onnxruntime-node';
import {type OnnxOptions, type Settings, settings} from '../options.js';
import {type Program, compile} from './program.js';
import type {Literals} from '../trace/literals.js';
import type {Spare} from './buffer_pool.js';
import type {Structure} from '../trace/trace.js';
import {OnnxError} from './onnx_error.js';
import {printProfile, profileFolder, readProfile} from './profile.js';
import {blockSize} from './block_size.js';

/** How programs are compiled and run: the part that depends on the options. */
export class Session {
  settings: Settings;
  private folder?: string;

  constructor(options: OnnxOptions) {
    this.settings = settings(options);
  }

  configure(options: OnnxOptions): void {
    this.settings = settings(options, this.settings);
  }

  compile(structure: Structure, literals: Literals): Program {
    return compile(structure, {
      literals,
      block: this.block(),
      provider: this.settings.executionProvider,
      session: this.options(),
    });
  }

  run(program: Program, structure: Structure, spare: Spare): void {
    try {
      program.run(structure, spare);
      if (this.folder) {
        // The first two allocate their memory; the third shows what it costs.
        program.run(structure, spare);
        program.run(structure, spare);
        this.printProfile(program);
      }
    } catch (error) {
      throw new OnnxError(error as Error, program.sources);
    }
  }

  private block(): number {
    return this.settings.executionProvider === 'cpu' ? blockSize() : 0;
  }

  /** A profile ends with its session, so that profiled programs run once. */
  private printProfile({session, sources}: Program): void {
    if (!this.folder) return;
    session?.endProfiling();
    const rows = readProfile(this.folder, sources);
    printProfile(rows, this.settings.profile);
    this.folder = undefined;
  }

  private options(): InferenceSession.SessionOptions {
    const {executionProvider, threads, profile} = this.settings;
    if (profile) this.folder = profileFolder();
    return {
      ...(profile && {
        enableProfiling: true,
        profileFilePrefix: `${this.folder}/run`,
      }),
      executionProviders: [executionProvider],
      // Where convolutions are blocked here, ONNX Runtime's own rewriting only
      // doubles the time to compile; measured, nothing runs faster for it.
      graphOptimizationLevel: this.block() > 0 ? 'basic' : 'all',
      // One block for all that a run needs comes on top of what the first run
      // has taken: for ResNet-32's input gradient nearly as much again, no time saved.
      enableMemPattern: false,
      // Errors are thrown; they need not be printed as well.
      logSeverityLevel: 4,
      // A session's threads would keep their cores busy after each run (measured:
      // for 25 ms), while JavaScript, its collector or another session needs them.
      extra: {
        session: {intra_op: {allow_spinning: '0'}},
        // Or it would join again what fasterTransposes does in two.
        ...(executionProvider === 'cpu' && {
          optimization: {disable_specified_optimizers: 'TransposeOptimizer'},
        }),
      },
      ...(threads > 0 ? {intraOpNumThreads: threads} : {}),
    };
  }
}
