/** Reads bytes in order and never past their end. */
export class ByteReader {
  private readonly view: DataView;

  constructor(
    readonly bytes: Uint8Array,
    public position = 0,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The next `length` bytes, sharing memory. */
  take(length: number): Uint8Array {
    const from = this.claim(length);
    return this.bytes.subarray(from, from + length);
  }

  uint8 = () => this.view.getUint8(this.claim(1));
  uint16 = () => this.view.getUint16(this.claim(2), true);
  uint32 = () => this.view.getUint32(this.claim(4), true);
  int32 = () => this.view.getInt32(this.claim(4), true);
  /** Pickles alone are big-endian here. */
  float64 = () => this.view.getFloat64(this.claim(8), false);

  /** A length or an index: beyond 2^53 it is certainly wrong. */
  size(): number {
    const value = this.view.getBigInt64(this.claim(8), true);
    if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new Error(`it gives a size of ${value}`);
    }
    return Number(value);
  }

  /** A line of ASCII, without its end. */
  line(): string {
    const end = this.bytes.indexOf(10, this.position);
    if (end < 0) throw new Error('it ends too early');
    const text = latin1(this.take(end - this.position));
    this.position++;
    return text;
  }

  /** Moves on by `length` and gives where it was. */
  private claim(length: number): number {
    const from = this.position;
    if (!(length >= 0 && length <= this.bytes.length - from)) {
      throw new Error('it ends too early');
    }
    this.position += length;
    return from;
  }
}

export const latin1 = (bytes: Uint8Array) =>
  new TextDecoder('latin1').decode(bytes);

/** Names in a file may be as long as the file, or move the terminal's cursor. */
export function printable(text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd');
  return clean.length > 400 ? `${clean.slice(0, 400)}…` : clean;
}
