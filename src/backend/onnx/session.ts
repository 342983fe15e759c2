import type {InferenceSession} from 'onnxruntime-node';
import {type OnnxOptions, type Settings, settings} from './options.js';
import {type Program, compile} from './lazy/program.js';
import type {Structure} from './lazy/structure.js';
import {OnnxError} from './lazy/errors.js';
import {blockSize} from './probe.js';

/** How programs are compiled and run: the part that depends on the options. */
export class Session {
  settings: Settings;

  constructor(options: OnnxOptions) {
    this.settings = settings(options);
  }

  configure(options: OnnxOptions): void {
    this.settings = settings(options, this.settings);
  }

  compile(structure: Structure, baked: ReadonlyMap<number, number>): Program {
    const {executionProvider} = this.settings;
    return compile(structure, {
      baked,
      block: executionProvider === 'cpu' ? blockSize() : 0,
      session: this.options(),
    });
  }

  run(program: Program, structure: Structure): void {
    try {
      program.run(structure);
    } catch (error) {
      throw new OnnxError(error as Error, program.sources);
    }
  }

  private options(): InferenceSession.SessionOptions {
    const {executionProvider, threads} = this.settings;
    return {
      executionProviders: [executionProvider],
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
      ...(threads > 0 ? {intraOpNumThreads: threads} : {}),
    };
  }
}
