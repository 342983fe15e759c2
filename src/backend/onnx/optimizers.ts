import * as tf from '@tensorflow/tfjs';

/** What tfjs's Adam keeps; none of it is public. */
interface AdamState {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  accBeta1: tf.Variable;
  accBeta2: tf.Variable;
  accumulatedFirstMoment: {variable: tf.Variable}[];
  accumulatedSecondMoment: {variable: tf.Variable}[];
}

/**
 * tfjs's Adam takes 14 kernels and 7 scalars a variable, about half of all
 * that a training step of ResNet-32 makes tfjs's engine do. On this backend it
 * is one kernel a variable (kernels/optimizers.ts), in the same arithmetic; on
 * other backends, and where the moments do not exist yet, tfjs's own runs.
 */
export function registerOptimizers(backendName: string): void {
  const {prototype} = tf.AdamOptimizer;
  const original = prototype.applyGradients;
  prototype.applyGradients = function applyGradients(given) {
    const gradients = Array.isArray(given)
      ? given.map(({name, tensor}) => [name, tensor] as const)
      : Object.entries(given);
    const state = this as unknown as AdamState;
    if (tf.getBackend() !== backendName || !hasMoments(state, gradients)) {
      original.call(this, given);
      return;
    }
    tf.tidy(() => updateAll(state, gradients));
    this.incrementIterations();
  };
}

type Gradients = (readonly [string, tf.Tensor | null | undefined])[];

function hasMoments(state: AdamState, gradients: Gradients): boolean {
  const moments = [state.accumulatedFirstMoment, state.accumulatedSecondMoment];
  return (
    [state.accBeta1, state.accBeta2].every(b => b instanceof tf.Variable) &&
    moments.every(m => gradients.every((_, i) => m?.[i]?.variable)) &&
    gradients.every(([, g]) => g == null || g.dtype === 'float32')
  );
}

function updateAll(state: AdamState, gradients: Gradients): void {
  const {accBeta1, accBeta2, beta1, beta2, epsilon} = state;
  const {registeredVariables} = tf.engine();
  const shared = {
    correction1: tf.sub(1, accBeta1),
    correction2: tf.sub(1, accBeta2),
    step: tf.scalar(-state.learningRate),
  };
  gradients.forEach(([name, gradient], i) => {
    if (gradient == null) return;
    const value = registeredVariables[name];
    const first = state.accumulatedFirstMoment[i].variable;
    const second = state.accumulatedSecondMoment[i].variable;
    const inputs = {value, gradient, first, second, ...shared};
    const updated: tf.Tensor[] = tf
      .engine()
      .runKernel('AdamUpdate', inputs, {beta1, beta2, epsilon});
    [value, first, second].forEach((v, j) => v.assign(updated[j]));
  });
  accBeta1.assign(tf.mul(accBeta1, beta1));
  accBeta2.assign(tf.mul(accBeta2, beta2));
}
