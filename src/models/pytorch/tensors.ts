import {Global, type Meaning, shown, type Value} from './pickle.js';

/** A tensor of a checkpoint. */
export interface CheckpointTensor {
  /** As PyTorch has it. */
  shape: number[];
  /** Row by row. Any float type becomes float32, int64 float64. */
  data: Float32Array | Float64Array | Int32Array;
}

interface StorageType {
  bytes: number;
  read: (view: DataView, count: number) => CheckpointTensor['data'];
}

function readEach<T extends CheckpointTensor['data']>(
  make: (length: number) => T,
  bytes: number,
  get: (view: DataView, at: number) => number,
): StorageType {
  const read = (view: DataView, count: number) => {
    const values = make(count);
    for (let i = 0; i < count; i++) values[i] = get(view, i * bytes);
    return values;
  };
  return {bytes, read};
}

const floats = (length: number) => new Float32Array(length);
const ints = (length: number) => new Int32Array(length);
const longs = (length: number) => new Float64Array(length);

/** PyTorch's typed storages, little-endian. */
const STORAGES: Readonly<Record<string, StorageType>> = {
  FloatStorage: readEach(floats, 4, (v, at) => v.getFloat32(at, true)),
  DoubleStorage: readEach(floats, 8, (v, at) => v.getFloat64(at, true)),
  HalfStorage: readEach(floats, 2, (v, at) => half(v.getUint16(at, true))),
  BFloat16Storage: readEach(floats, 2, (v, at) => {
    bits.setUint32(0, v.getUint16(at, true) << 16);
    return bits.getFloat32(0);
  }),
  LongStorage: readEach(longs, 8, (v, at) => Number(v.getBigInt64(at, true))),
  IntStorage: readEach(ints, 4, (v, at) => v.getInt32(at, true)),
  ShortStorage: readEach(ints, 2, (v, at) => v.getInt16(at, true)),
  CharStorage: readEach(ints, 1, (v, at) => v.getInt8(at)),
  ByteStorage: readEach(ints, 1, (v, at) => v.getUint8(at)),
  BoolStorage: readEach(ints, 1, (v, at) => v.getUint8(at)),
};

const bits = new DataView(new ArrayBuffer(4));

/** IEEE 754 binary16. */
function half(value: number): number {
  const sign = value & 0x8000 ? -1 : 1;
  const exponent = (value >> 10) & 0x1f;
  const fraction = value & 0x3ff;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** A block of numbers of one type that tensors look into. */
export class Storage {
  private values?: CheckpointTensor['data'];
  private readonly type: StorageType;

  /** @throws if `type` is no storage class of PyTorch's. */
  constructor(
    type: Value,
    /** Numbers in it. */
    readonly size: number,
  ) {
    const name = type instanceof Global ? type.name : shown(type);
    if (!isStorage(name)) {
      throw new Error(`it has a storage of the type ${name}`);
    }
    this.type = STORAGES[name.slice(name.lastIndexOf('.') + 1)];
  }

  get bytes(): number {
    return this.size * this.type.bytes;
  }

  isLike(other: Storage): boolean {
    return this.type === other.type && this.size === other.size;
  }

  /** @throws if there are too few or too many bytes. */
  fill(data: Uint8Array): void {
    if (data.length !== this.bytes) {
      throw new Error(
        `a storage of ${this.bytes} bytes has ${data.length} in the file`,
      );
    }
    const {buffer, byteOffset, byteLength} = data;
    const view = new DataView(buffer, byteOffset, byteLength);
    this.values = this.type.read(view, this.size);
  }

  get data(): CheckpointTensor['data'] {
    if (!this.values) throw new Error('a storage is not in the file');
    return this.values;
  }
}

/** A tensor as a pickle describes it, before there are any numbers. */
export class TensorView {
  /** @throws if it would reach outside its storage. */
  constructor(
    private readonly storage: Storage,
    private readonly offset: number,
    readonly shape: number[],
    private readonly strides: number[],
  ) {
    if (shape.length > 8 || strides.length > 8) {
      throw new Error(`it has a tensor of ${shape.length} dimensions`);
    }
    const all = [offset, ...shape, ...strides];
    const last = shape.reduce(
      (sum, n, i) => sum + (n - 1) * strides[i],
      offset,
    );
    const fits =
      shape.length === strides.length &&
      all.every(n => Number.isSafeInteger(n) && n >= 0) &&
      // Numbers shown more than once could make a small file fill the memory.
      this.size <= storage.size &&
      (this.size === 0 || last < storage.size);
    if (!fits) {
      throw new Error(
        `a tensor of shape [${shape.join(', ')}] and strides [${strides.join(', ')}] reaches outside its ${storage.size} numbers`,
      );
    }
  }

  get size(): number {
    return this.shape.reduce((product, n) => product * n, 1);
  }

  /** Its numbers, row by row: shared if they lie so, else copied. */
  read(): CheckpointTensor {
    const {storage, offset, shape, strides, size} = this;
    if (this.isContiguous()) {
      return {shape, data: storage.data.subarray(offset, offset + size)};
    }
    const data = storage.data.slice(0, size);
    const index = new Array<number>(shape.length).fill(0);
    let from = offset;
    for (let i = 0; i < size; i++) {
      data[i] = storage.data[from];
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        from += strides[axis];
        if (++index[axis] < shape[axis]) break;
        from -= strides[axis] * shape[axis];
        index[axis] = 0;
      }
    }
    return {shape, data};
  }

  isContiguous(): boolean {
    let expected = 1;
    for (let axis = this.shape.length - 1; axis >= 0; axis--) {
      if (this.shape[axis] !== 1 && this.strides[axis] !== expected) {
        return false;
      }
      expected *= this.shape[axis];
    }
    return true;
  }
}

const numbers = (value: Value) =>
  Array.isArray(value) && value.every(n => typeof n === 'number')
    ? (value as number[])
    : undefined;

type Call = (args: Value[]) => Value | undefined;

/** The calls that occur in checkpoints; undefined if arguments do not fit. */
const CALLS: Readonly<Record<string, Call>> = {
  'collections.OrderedDict': ([pairs = [], ...more]) => {
    const valid =
      Array.isArray(pairs) &&
      pairs.every(pair => Array.isArray(pair) && pair.length === 2);
    return valid && more.length === 0
      ? new Map(pairs as [Value, Value][])
      : undefined;
  },
  'torch._utils._rebuild_tensor': rebuild,
  'torch._utils._rebuild_tensor_v2': rebuild,
  'torch._utils._rebuild_parameter': ([tensor]) =>
    tensor instanceof TensorView ? tensor : undefined,
  'torch.Size': ([size]) => numbers(size),
};

function rebuild([storage, offset, size, stride]: Value[]) {
  const [shape, strides] = [numbers(size), numbers(stride)];
  if (!(storage instanceof Storage) || typeof offset !== 'number') return;
  if (!shape || !strides) return;
  return new TensorView(storage, offset, shape, strides);
}

const isStorage = (name: string) =>
  /^torch\.(cuda\.)?\w+$/.test(name) &&
  Object.hasOwn(STORAGES, name.slice(name.lastIndexOf('.') + 1));

/** The classes and functions of weights; every other one is refused by name. */
export const globals: Pick<Meaning, 'global' | 'reduce'> = {
  global: name => {
    if (Object.hasOwn(CALLS, name) || isStorage(name)) return new Global(name);
    throw new Error(
      `it refers to ${name}, which no checkpoint of weights needs; nothing of it was run`,
    );
  },
  reduce: ({name}, args) => {
    const result = Object.hasOwn(CALLS, name) ? CALLS[name](args) : undefined;
    if (result !== undefined) return result;
    throw new Error(`it calls ${name} with arguments that do not fit`);
  },
};
