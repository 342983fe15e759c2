import type * as tf from '@tensorflow/tfjs';
import type {
  AdversarialTrainingState,
  SnapshotTensors,
} from '../../src/index.js';

/** What of an {@link AdversarialTrainingState} is no tensor, as JSON has it. */
export interface AdversaryMetadata {
  robustAccuracy: Record<string, number>;
  logs?: Record<string, number>;
  guard?: {best: Array<number | null>; factor: number; pending?: boolean};
}

/** Before the names of the tensors of the last good epoch. */
const GOOD = 'good.';

/** The two parts of a state: JSON, and tensors by name, which stay the state's. */
export function splitState({
  robustAccuracy,
  logs = {},
  guard,
}: AdversarialTrainingState): {
  metadata: AdversaryMetadata;
  tensors: Map<string, tf.Tensor>;
} {
  const tensors = new Map<string, tf.Tensor>();
  const {good, ...rest} = guard ?? {};
  good?.weights.forEach((t, i) => tensors.set(`${GOOD}weight.${i}`, t));
  good?.products.forEach((t, i) => tensors.set(`${GOOD}product.${i}`, t));
  good?.moments.forEach((list, k) =>
    list.forEach((t, i) => tensors.set(`${GOOD}moment.${k}.${i}`, t)),
  );
  // JSON has no NaN; a value that is left out is measured again.
  const finite = Object.entries(logs).filter(([, x]) => Number.isFinite(x));
  const metadata = {
    robustAccuracy,
    logs: Object.fromEntries(finite),
    ...(guard && {guard: rest as AdversaryMetadata['guard']}),
  };
  return {metadata, tensors};
}

/** The reverse; takes copies, the caller's to dispose. */
export function joinState(
  {guard, ...rest}: AdversaryMetadata,
  tensors: ReadonlyMap<string, tf.Tensor>,
): AdversarialTrainingState {
  const good: SnapshotTensors = {weights: [], products: [], moments: []};
  for (const [name, tensor] of tensors) {
    if (!name.startsWith(GOOD)) continue;
    const [kind, ...at] = name.slice(GOOD.length).split('.');
    const [first, second] = at.map(Number);
    if (kind === 'weight') good.weights[first] = tensor.clone();
    else if (kind === 'product') good.products[first] = tensor.clone();
    else (good.moments[first] ??= [])[second] = tensor.clone();
  }
  // An optimizer's list may be empty.
  good.moments = Array.from(good.moments, list => list ?? []);
  const has = good.weights.length > 0;
  return {...rest, ...(guard && {guard: {...guard, ...(has && {good})}})};
}

/** Disposes of a state's tensors. */
export function tensorsOf(state?: AdversarialTrainingState): tf.Tensor[] {
  const {weights = [], products = [], moments = []} = state?.guard?.good ?? {};
  return [...weights, ...products, ...moments.flat()];
}

/** Whether metadata may be an {@link AdversaryMetadata}. */
export function isAdversaryMetadata(x: unknown): boolean {
  const {robustAccuracy, logs = {}, guard} = (x ?? {}) as AdversaryMetadata;
  if (!isNumbers(robustAccuracy) || !isNumbers(logs)) return false;
  if (guard === undefined) return true;
  const {best, factor, pending = false} = (guard ?? {}) as typeof guard;
  return (
    Array.isArray(best) &&
    best.every(b => b === null || Number.isFinite(b)) &&
    Number.isSafeInteger(factor) &&
    factor >= 1 &&
    typeof pending === 'boolean'
  );
}

function isNumbers(x: unknown): boolean {
  return (
    typeof x === 'object' &&
    x !== null &&
    !Array.isArray(x) &&
    Object.values(x).every(Number.isFinite)
  );
}

/**
 * Checks the tensors of the last good epoch.
 *
 * @param weights Shapes of all weights of the model, in their order.
 * @param trained Shapes of those that are trained.
 * @returns Their names.
 * @throws Error with the reason, the second half of a sentence.
 */
export function checkGood(
  tensors: ReadonlyMap<string, tf.Tensor>,
  weights: string[],
  trained: ReadonlySet<string>,
): Set<string> {
  const names = new Set([...tensors.keys()].filter(n => n.startsWith(GOOD)));
  if (names.size === 0) return names;
  weights.forEach((shape, i) => {
    const name = `${GOOD}weight.${i}`;
    if (String(tensors.get(name)?.shape) !== shape) {
      throw new Error(`${name} is not a weight of this network`);
    }
  });
  for (const name of names) {
    const {shape, size} = tensors.get(name)!;
    const [, kind, at] =
      /^good\.(weight|product|moment\.\d{1,2})\.(\d{1,5})$/.exec(name) ?? [];
    const fits =
      kind === 'weight'
        ? Number(at) < weights.length
        : kind === 'product'
          ? size === 1 && Number(at) < 10
          : kind !== undefined &&
            trained.has(String(shape)) &&
            Number(at) < weights.length;
    if (!fits) throw new Error(`${name} belongs to no run of this network`);
  }
  return names;
}
