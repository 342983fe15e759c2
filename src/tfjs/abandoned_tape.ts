import * as tf from '@tensorflow/tfjs';

/** What tfjs's engine keeps of a gradient under way. */
interface Engine {
  state?: {
    gradientDepth?: number;
    activeTape?: Array<{saved?: tf.Tensor[]}> | null;
  };
}

/**
 * Runs `f`, which computes a gradient, and, if it throws, frees the tensors that
 * tfjs has saved for the backward pass: it does so itself only where the backward
 * pass comes to its end.
 */
export function freeingTape<T>(f: () => T): T {
  try {
    return f();
  } catch (error) {
    const {state} = tf.engine() as unknown as Engine;
    // Inside another gradient, the tape is still in use.
    if (state?.gradientDepth === 0 && state.activeTape) {
      state.activeTape.forEach(({saved}) => tf.dispose(saved));
      state.activeTape = null;
    }
    throw error;
  }
}
