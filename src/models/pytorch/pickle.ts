import {latin1, type ByteReader} from './reader.js';

/**
 * What a pickle may hold here: dictionaries become Maps, lists and tuples
 * arrays, and integers beyond 2^53 bigints.
 */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Value[]
  | Map<Value, Value>
  | Global
  | object;

/** The name of a Python class or function, which is never looked up. */
export class Global {
  /** @param name module and name, joined by a dot. */
  constructor(readonly name: string) {}
}

/** What the names in a pickle mean; each throws for what it does not know. */
export interface Meaning {
  /** A class or function that is mentioned, called or not. */
  global(name: string): Global;
  /** The result of calling a global. */
  reduce(global: Global, args: Value[]): Value;
  /** The object that stands outside the pickle under this id. */
  persistent(id: Value): Value;
  /** Gives an object that {@link reduce} made its state; without it, none may have one. */
  build?(object: Value, state: Value): void;
}

/**
 * A name or a number as an error shows it. A list might hold itself, or a list
 * of lists of lists that has no end in practice.
 */
export function shown(value: Value | undefined): string {
  return typeof value === 'object' && value !== null
    ? 'something that is no name'
    : String(value);
}

/**
 * Limit of the instructions of one pickle and the items that its calls copy. A
 * state dict has about fifty for each tensor.
 */
const MOST_WORK = 1_000_000;

/** Limit of the objects of one pickle: each takes some hundred bytes, and an instruction of one byte makes it. */
const MOST_OBJECTS = 200_000;

const MARK = Symbol('mark');
type Slot = Value | typeof MARK;

class Machine {
  private readonly stack: Slot[] = [];
  private readonly memo = new Map<number, Value>();
  private work = 0;
  private objects = 0;

  constructor(
    private readonly input: ByteReader,
    private readonly meaning: Meaning,
  ) {}

  run(): Value {
    for (;;) {
      this.count(1);
      const at = this.input.position;
      const code = this.input.uint8();
      if (code === STOP) return this.pop();
      const opcode = OPCODES[code];
      if (!opcode) {
        throw new Error(
          `it has the pickle opcode 0x${code.toString(16).padStart(2, '0')} at byte ${at}, which no checkpoint of weights needs`,
        );
      }
      opcode(this, this.input);
    }
  }

  private count(work: number): void {
    this.work += work;
    if (this.work > MOST_WORK) {
      throw new Error('its pickle is longer than weights need');
    }
  }

  push(value: Slot): void {
    const isObject = typeof value === 'object' && value !== null;
    if (isObject && ++this.objects > MOST_OBJECTS) {
      throw new Error('its pickle has more objects than weights need');
    }
    this.stack.push(value);
  }

  pop(): Value {
    const value = this.stack.pop();
    if (value === undefined || value === MARK) throw misplaced();
    return value as Value;
  }

  top(): Value {
    const value = this.stack.at(-1);
    if (value === undefined || value === MARK) throw misplaced();
    return value as Value;
  }

  /** Everything above the last mark, which goes too. */
  popMark(): Value[] {
    const mark = this.stack.lastIndexOf(MARK);
    if (mark < 0) throw misplaced();
    return this.stack.splice(mark).slice(1) as Value[];
  }

  put(index: number): void {
    this.memo.set(index, this.top());
  }

  memoize(): void {
    this.put(this.memo.size);
  }

  get(index: number): void {
    const value = this.memo.get(index);
    if (value === undefined) throw misplaced();
    // No new object.
    this.stack.push(value);
  }

  append(items: Value[]): void {
    const list = this.top();
    if (!Array.isArray(list)) throw misplaced();
    for (const item of items) list.push(item);
  }

  setItems(items: Value[]): void {
    const map = this.top();
    if (!(map instanceof Map) || items.length % 2 !== 0) throw misplaced();
    for (let i = 0; i < items.length; i += 2) map.set(items[i], items[i + 1]);
  }

  pushGlobal(module: Value, name: Value): void {
    if (typeof module !== 'string' || typeof name !== 'string') {
      throw misplaced();
    }
    this.push(this.meaning.global(`${module}.${name}`));
  }

  reduce(): void {
    const args = this.pop();
    const callee = this.pop();
    if (!(callee instanceof Global) || !Array.isArray(args)) throw misplaced();
    for (const arg of args) if (Array.isArray(arg)) this.count(arg.length);
    this.push(this.meaning.reduce(callee, args));
  }

  /** Attributes of a dictionary (PyTorch's `_metadata`) are passed over. */
  build(): void {
    const state = this.pop();
    const object = this.top();
    if (object instanceof Map) return;
    if (!this.meaning.build) {
      throw new Error('it sets the state of an object other than a dictionary');
    }
    this.meaning.build(object, state);
  }

  persistent(): void {
    this.push(this.meaning.persistent(this.pop()));
  }

  tuple(size: number): void {
    const items: Value[] = [];
    for (let i = 0; i < size; i++) items.unshift(this.pop());
    this.push(items);
  }
}

function misplaced(): Error {
  return new Error('its pickle does not fit together');
}

const STOP = 0x2e;

const string = (bytes: Uint8Array) => {
  try {
    return new TextDecoder('utf-8', {fatal: true}).decode(bytes);
  } catch {
    throw new Error('it has a text that is not UTF-8');
  }
};

/** Little-endian two's complement. */
function long(bytes: Uint8Array): number | bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) {
    value = (value << 8n) | BigInt(bytes[i]);
  }
  value = BigInt.asIntN(8 * bytes.length, value);
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : value;
}

type Opcode = (machine: Machine, input: ByteReader) => void;

/** All that pickles of weights are made of, in protocols 2 to 5. */
const OPCODES: Readonly<Record<number, Opcode>> = {
  // PROTO
  0x80: (_m, input) => {
    const protocol = input.uint8();
    if (protocol > 5) throw new Error(`its pickle protocol is ${protocol}`);
  },
  // FRAME: how much follows, for readers of streams
  0x95: (_m, input) => void input.size(),
  // MARK
  0x28: m => m.push(MARK),

  // NONE, NEWTRUE, NEWFALSE
  0x4e: m => m.push(null),
  0x88: m => m.push(true),
  0x89: m => m.push(false),
  // BININT, BININT1, BININT2, LONG1, BINFLOAT
  0x4a: (m, input) => m.push(input.int32()),
  0x4b: (m, input) => m.push(input.uint8()),
  0x4d: (m, input) => m.push(input.uint16()),
  0x8a: (m, input) => m.push(long(input.take(input.uint8()))),
  0x47: (m, input) => m.push(input.float64()),
  // BINUNICODE, SHORT_BINUNICODE, and Python 2's BINSTRING, SHORT_BINSTRING
  0x58: (m, input) => m.push(string(input.take(input.uint32()))),
  0x8c: (m, input) => m.push(string(input.take(input.uint8()))),
  0x54: (m, input) => m.push(latin1(input.take(input.uint32()))),
  0x55: (m, input) => m.push(latin1(input.take(input.uint8()))),
  // BINBYTES, SHORT_BINBYTES
  0x42: (m, input) => m.push(input.take(input.uint32())),
  0x43: (m, input) => m.push(input.take(input.uint8())),

  // EMPTY_LIST, APPEND, APPENDS
  0x5d: m => m.push([]),
  0x61: m => m.append([m.pop()]),
  0x65: m => m.append(m.popMark()),
  // EMPTY_DICT, SETITEM, SETITEMS
  0x7d: m => m.push(new Map()),
  0x73: m => {
    const value = m.pop();
    m.setItems([m.pop(), value]);
  },
  0x75: m => m.setItems(m.popMark()),
  // EMPTY_TUPLE, TUPLE1, TUPLE2, TUPLE3, TUPLE
  0x29: m => m.tuple(0),
  0x85: m => m.tuple(1),
  0x86: m => m.tuple(2),
  0x87: m => m.tuple(3),
  0x74: m => m.push(m.popMark()),

  // BINPUT, LONG_BINPUT, MEMOIZE, BINGET, LONG_BINGET
  0x71: (m, input) => m.put(input.uint8()),
  0x72: (m, input) => m.put(input.uint32()),
  0x94: m => m.memoize(),
  0x68: (m, input) => m.get(input.uint8()),
  0x6a: (m, input) => m.get(input.uint32()),

  // GLOBAL, STACK_GLOBAL, REDUCE, BUILD, BINPERSID
  0x63: (m, input) => m.pushGlobal(input.line(), input.line()),
  0x93: m => {
    const name = m.pop();
    m.pushGlobal(m.pop(), name);
  },
  0x52: m => m.reduce(),
  0x62: m => m.build(),
  0x51: m => m.persistent(),
};

/**
 * Reads one pickle as data. Nothing in it is run: the opcodes are those that
 * weights need, and what its globals mean is the caller's to say.
 *
 * @param input left behind the pickle.
 * @throws why it cannot be read, as the second half of a sentence.
 */
export function unpickle(input: ByteReader, meaning: Meaning): Value {
  return new Machine(input, meaning).run();
}
