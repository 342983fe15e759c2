import type * as tf from '@tensorflow/tfjs-core';

/** A kernel's inputs as tfjs passes them: by name, or a list. */
export type KernelInputs = tf.NamedTensorInfoMap | tf.TensorInfo[] | undefined;

/** Inputs in one list, with the name of each. */
export interface NamedInputs {
  names: string[];
  infos: tf.TensorInfo[];
}

/**
 * Flattens a kernel's inputs. An input that is itself a list (kernels of ragged
 * tensors have them) becomes `name/0`, `name/1` and so on.
 */
export function flattenInputs(inputs: KernelInputs): NamedInputs {
  const names: string[] = [];
  const infos: tf.TensorInfo[] = [];
  const given = (inputs ?? {}) as tf.NamedTensorInfoMap;
  for (const name of Object.keys(given)) {
    const info = given[name];
    if (info == null) continue;
    if (Array.isArray(info)) {
      info.forEach((item, i) => {
        names.push(`${name}/${i}`);
        infos.push(item);
      });
    } else {
      names.push(name);
      infos.push(info);
    }
  }
  return {names, infos};
}

/** The inverse of {@link flattenInputs}. */
export function nestInputs(
  names: readonly string[],
  infos: tf.TensorInfo[],
): tf.NamedTensorInfoMap | tf.TensorInfo[] {
  if (names.length > 0 && names.every((n, i) => n === String(i))) return infos;
  const inputs: Record<string, tf.TensorInfo | tf.TensorInfo[]> = {};
  names.forEach((name, i) => {
    const [list, index] = name.split('/');
    if (index === undefined) inputs[name] = infos[i];
    else ((inputs[list] ??= []) as tf.TensorInfo[]).push(infos[i]);
  });
  // tfjs's type does not know inputs that are lists.
  return inputs as tf.NamedTensorInfoMap;
}
