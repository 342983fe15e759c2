import * as tf from '@tensorflow/tfjs';

/** The hooks of a callback that does not override methods. */
export type Hooks = ConstructorParameters<typeof tf.CustomCallback>[0];

/**
 * A callback of `fit` and `fitDataset` that knows its model and says so where
 * tfjs would ignore it.
 *
 * In a list of callbacks that begins with a plain object, tfjs takes all others
 * for plain objects too: it copies their methods and never calls `setModel`. Such
 * a copy is noticed when training begins.
 */
export abstract class FitCallback extends tf.CustomCallback {
  /** The model that is trained; set before `onTrainBegin`. */
  protected model?: tf.LayersModel;

  /** @param name The function that makes it, for the error. */
  constructor(name: string, hooks: Hooks = {}) {
    super(hooks);
    const begin = this.onTrainBegin.bind(this);
    const guarded = async function (this: tf.CustomCallback, logs?: tf.Logs) {
      if (this.onTrainBegin !== guarded) {
        throw new Error(
          `${name} must not come after a plain object in callbacks, where tfjs ignores it. ` +
            'Write the plain object as new tf.CustomCallback({...}).',
        );
      }
      await begin(logs);
    };
    this.onTrainBegin = guarded;
  }

  /** @internal */
  override setModel(model: Parameters<tf.CustomCallback['setModel']>[0]) {
    this.model = model as unknown as tf.LayersModel;
  }

  /** Has tfjs average a key of the batches' logs over each epoch. */
  protected announce(
    params: Parameters<tf.CustomCallback['setParams']>[0],
    ...keys: string[]
  ): void {
    const {metrics} = params as {metrics?: string[]};
    for (const key of keys) {
      if (metrics && !metrics.includes(key)) metrics.push(key);
    }
  }
}
