import {readRegularFile} from '../../io/cache.js';
import type {Value} from './pickle.js';
import {printable} from './reader.js';
import {isStream, readStream} from './stream.js';
import {isTar, readTarCheckpoint} from './tar_checkpoint.js';
import {TensorView, type CheckpointTensor} from './tensors.js';
import {isZip, readZipCheckpoint} from './zip_checkpoint.js';

/** Where training scripts put the weights among other things. */
const WRAPPERS = ['state_dict', 'model_state_dict', 'net', 'model', 'network'];

/** Options of {@link loadPyTorchCheckpoint}. */
export interface CheckpointOptions {
  /** Larger files are refused before they are read. Default 2^30 (1 GiB). */
  maxBytes?: number;
}

/** The weights of a PyTorch module, by name. */
export type Checkpoint = Map<string, CheckpointTensor>;

/**
 * Reads the weights in a PyTorch checkpoint (`.pt`, `.pth`), in the formats
 * that `torch.save` writes now (zip), wrote before PyTorch 1.6 (a stream of
 * pickles) and at the very first (tar): a state dict, alone or under `state_dict`, `model_state_dict`, `net`, `model` or
 * `network`. The prefix `module.` of parallel training is taken off.
 *
 * The file is read as data: nothing in it is run, nothing is written, and an
 * opcode, class or function that weights do not need is an error that names
 * it.
 *
 * @param file its path, or its bytes.
 * @throws one sentence: no regular file, too large, not a checkpoint, truncated,
 *     sizes or checksums that do not agree, a name that is not allowed.
 */
export async function loadPyTorchCheckpoint(
  file: string | Uint8Array,
  {maxBytes = 2 ** 30}: CheckpointOptions = {},
): Promise<Checkpoint> {
  const name = typeof file === 'string' ? file : 'The checkpoint';
  const bytes =
    typeof file === 'string' ? await readRegularFile(file, maxBytes) : file;
  try {
    return weights(await readAny(bytes), bytes.length);
  } catch (error) {
    const reason = printable((error as Error).message).replace(/\.$/, '');
    throw new Error(`${name} cannot be used: ${reason}.`, {cause: error});
  }
}

async function readAny(bytes: Uint8Array): Promise<Value> {
  if (isZip(bytes)) return readZipCheckpoint(bytes);
  if (isTar(bytes)) return readTarCheckpoint(bytes);
  if (isStream(bytes)) return readStream(bytes);
  throw new Error(
    bytes.length === 0 ? 'it is empty' : 'it is not a PyTorch checkpoint',
  );
}

/** Finds the state dict and reads its tensors. */
function weights(value: Value, fileSize: number): Checkpoint {
  const dictionary = findStateDict(value);
  const views = [...dictionary].filter(
    (entry): entry is [string, TensorView] =>
      typeof entry[0] === 'string' && entry[1] instanceof TensorView,
  );
  // Copies of shared numbers, many times over, would fill the memory.
  const copied = views.reduce(
    (sum, [, view]) => sum + (view.isContiguous() ? 0 : view.size),
    0,
  );
  if (copied > fileSize) {
    throw new Error('its tensors hold more numbers than it has room for');
  }
  const prefix = 'module.';
  const parallel =
    views.length > 0 && views.every(([key]) => key.startsWith(prefix));
  return new Map(
    views.map(([key, view]) => [
      parallel ? key.slice(prefix.length) : key,
      view.read(),
    ]),
  );
}

function findStateDict(value: Value): Map<Value, Value> {
  if (value instanceof Map) {
    const candidates = [value, ...WRAPPERS.map(name => value.get(name))];
    for (const candidate of candidates) {
      if (
        candidate instanceof Map &&
        [...candidate.values()].some(item => item instanceof TensorView)
      ) {
        return candidate;
      }
    }
  }
  throw new Error(
    `it holds no weights, neither at the top nor under ${WRAPPERS.join(', ')}`,
  );
}
