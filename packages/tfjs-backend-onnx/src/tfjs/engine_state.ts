import * as tf from '@tensorflow/tfjs-core';

/** What this backend reads of the engine's state. */
export interface EngineState {
  /** Nesting depth of gradient computations; 0 outside of any. */
  readonly gradientDepth: number;
  /** The open scopes, outermost first. */
  readonly scopeStack: readonly {readonly id: number; readonly name: string}[];
}

export function engineState(): EngineState {
  return tf.engine().state;
}
