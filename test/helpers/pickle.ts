/** Parts of Python pickles of protocol 2, to write ones no Python would. */
const bytes = (...values: number[]) => Buffer.from(values);
const ascii = (text: string) => Buffer.from(text, 'latin1');

export const PROTO = bytes(0x80, 2);
export const STOP = ascii('.');
export const MARK = ascii('(');
export const NONE = ascii('N');
export const REDUCE = ascii('R');
export const PERSISTENT = ascii('Q');
export const EMPTY_DICT = ascii('}');
export const EMPTY_LIST = ascii(']');
export const TUPLE = ascii('t');
export const SETITEMS = ascii('u');

export const global = (name: string) => {
  const dot = name.lastIndexOf('.');
  return ascii(`c${name.slice(0, dot)}\n${name.slice(dot + 1)}\n`);
};

export const text = (value: string) => {
  const data = Buffer.from(value, 'utf8');
  const length = Buffer.alloc(4);
  length.writeUInt32LE(data.length);
  return Buffer.concat([ascii('X'), length, data]);
};

export const int = (value: number | bigint) => {
  const data = Buffer.alloc(8);
  data.writeBigInt64LE(BigInt(value));
  return Buffer.concat([bytes(0x8a, 8), data]);
};

export const tuple = (...items: Buffer[]) =>
  Buffer.concat([MARK, ...items, TUPLE]);

export const list = (...items: Buffer[]) =>
  Buffer.concat([EMPTY_LIST, MARK, ...items, ascii('e')]);

export const dict = (items: Record<string, Buffer>) =>
  Buffer.concat([
    EMPTY_DICT,
    MARK,
    ...Object.entries(items).flatMap(([key, value]) => [text(key), value]),
    SETITEMS,
  ]);

export const call = (name: string, ...args: Buffer[]) =>
  Buffer.concat([global(name), tuple(...args), REDUCE]);

/** A whole pickle. */
export const pickle = (...parts: Buffer[]) =>
  Buffer.concat([PROTO, ...parts, STOP]);

/** A storage's persistent id. */
export const storage = (key: string, size: number, type = 'FloatStorage') =>
  Buffer.concat([
    tuple(
      text('storage'),
      global(`torch.${type}`),
      text(key),
      text('cpu'),
      int(size),
    ),
    PERSISTENT,
  ]);

export interface View {
  key?: string;
  /** Numbers in the storage; default as many as the tensor has. */
  size?: number;
  offset?: number;
  strides?: number[];
  type?: string;
}

/** A tensor that looks into a storage. */
export const tensor = (shape: number[], view: View = {}) => {
  const count = shape.reduce((product, n) => product * n, 1);
  const strides =
    view.strides ??
    shape.map((_, i) => shape.slice(i + 1).reduce((p, n) => p * n, 1));
  return call(
    'torch._utils._rebuild_tensor_v2',
    storage(view.key ?? '0', view.size ?? count, view.type),
    int(view.offset ?? 0),
    tuple(...shape.map(int)),
    tuple(...strides.map(int)),
    bytes(0x89),
    call('collections.OrderedDict'),
  );
};

const long = (value: number) => {
  const data = Buffer.alloc(8);
  data.writeBigInt64LE(BigInt(value));
  return data;
};

/** The file format before PyTorch 1.6. */
export const stream = (
  object: Buffer,
  storages: Record<string, {size: number; data: Uint8Array}>,
) =>
  Buffer.concat([
    // The magic number, the version, and what the machine is like.
    bytes(0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8),
    bytes(0x50, 0x19, 0x2e),
    pickle(int(1001)),
    pickle(dict({little_endian: bytes(0x88)})),
    pickle(object),
    pickle(list(...Object.keys(storages).map(text))),
    ...Object.values(storages).flatMap(({size, data}) => [
      long(size),
      Buffer.from(data),
    ]),
  ]);

/** Float32 numbers as bytes. */
export const floats = (...values: number[]) =>
  new Uint8Array(Float32Array.from(values).buffer);

export {long as int64};
