import * as tf from '@tensorflow/tfjs-core';

/** Fields of tfjs's Adam optimizer; all of them are private or protected. */
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

/** Variables up to this size share one kernel: for them an operator's overhead exceeds its work. */
const SMALL = 2 ** 14;

/**
 * tfjs's Adam calls 14 kernels and creates 7 scalars per variable, about half of
 * the engine's work in a training step of ResNet-32. On this backend it calls
 * one kernel per large variable and one for all small ones (kernels/adam.ts),
 * with the same arithmetic. On other backends, and before the moments exist,
 * the original method runs.
 */
export function patchAdamOptimizer(backendName: string): void {
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

interface Update {
  gradient: tf.Tensor;
  /** The variable, its first moment and its second moment. */
  state: tf.Variable[];
}

function updateAll(state: AdamState, gradients: Gradients): void {
  const {accBeta1, accBeta2, beta1, beta2, epsilon} = state;
  const {registeredVariables} = tf.engine();
  const shared = [
    tf.sub(1, accBeta1),
    tf.sub(1, accBeta2),
    tf.scalar(-state.learningRate),
  ];
  const updates = gradients.flatMap(([name, gradient], i): Update[] => {
    if (gradient == null) return [];
    const first = state.accumulatedFirstMoment[i].variable;
    const second = state.accumulatedSecondMoment[i].variable;
    return [{gradient, state: [registeredVariables[name], first, second]}];
  });
  const isSmall = ({gradient}: Update) => gradient.size <= SMALL;
  const large = updates.filter(u => !isSmall(u)).map(u => [u]);
  for (const group of [updates.filter(isSmall), ...large]) {
    if (group.length === 0) continue;
    const inputs = group.flatMap(u => [u.gradient, ...u.state]);
    const updated: tf.Tensor[] = tf
      .engine()
      .runKernel('AdamUpdate', [...shared, ...inputs] as never, {
        beta1,
        beta2,
        epsilon,
      });
    group
      .flatMap(u => u.state)
      .forEach((variable, i) => variable.assign(updated[i]));
  }
  accBeta1.assign(tf.mul(accBeta1, beta1));
  accBeta2.assign(tf.mul(accBeta2, beta2));
}
