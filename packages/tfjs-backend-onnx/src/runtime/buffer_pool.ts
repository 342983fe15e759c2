import {MessageChannel, type MessagePort} from 'node:worker_threads';
import type {Value} from '../trace/value.js';

/** Less than this is not worth a message. */
const SMALL = 1024;

/** From here on memory is kept; less of it costs the system little. */
const LARGE = 2 ** 16;

/** Memory that so many runs had no use for is given back. */
const IDLE = 100;

interface Buffer {
  buffer: ArrayBuffer;
  /** The run after which it was put aside. */
  since: number;
}

/** Buffers of one size. */
interface Size {
  /** The last run that had results of it. */
  asked: number;
  /** The latest last. */
  buffers: Buffer[];
}

/**
 * Memory of values that nobody can read any more, for the results of later
 * runs. Allocated anew, it would have to be cleared by the system page by page,
 * and V8, which sees only the small objects that stand for it, would let
 * megabytes pile up behind them and then collect the whole heap for their sake,
 * on a core that ONNX Runtime needs.
 */
export class Spare {
  private readonly sizes = new Map<number, Size>();
  private bytes = 0;
  private run = 0;

  /** @param limit how many bytes may be kept */
  constructor(private readonly limit: () => number) {}

  /** To be called before each run: gives back what has been kept for too long. */
  nextRun(): void {
    this.run++;
    const long = this.run - IDLE;
    for (const [size, {asked, buffers}] of this.sizes) {
      while (buffers.length > 0 && (asked < long || buffers[0].since < long)) {
        this.bytes -= size;
        giveBack([buffers.shift()!.buffer]);
      }
      if (asked < long) this.sizes.delete(size);
    }
  }

  /** Memory for a result of so many bytes; undefined where none is kept. */
  take(bytes: number): ArrayBuffer | undefined {
    if (bytes < LARGE) return undefined;
    const size = this.sizes.get(bytes);
    if (!size) {
      this.sizes.set(bytes, {asked: this.run, buffers: []});
      return undefined;
    }
    size.asked = this.run;
    const spare = size.buffers.pop();
    if (spare) this.bytes -= bytes;
    return spare?.buffer;
  }

  /** Takes the memory of a value that nobody can read any more. */
  free(value: Value): void {
    const {data} = value;
    value.data = value.feed = undefined;
    if (!value.sole || !ArrayBuffer.isView(data)) return;
    value.sole = false;
    const {buffer} = data as {buffer: ArrayBuffer};
    const {byteLength} = buffer;
    if (byteLength < SMALL) return;
    // Of what the program writes itself, more would be put aside than taken.
    const size = value.ofRun && this.sizes.get(byteLength);
    if (size && this.bytes + byteLength <= this.limit()) {
      size.buffers.push({buffer, since: this.run});
      this.bytes += byteLength;
    } else {
      giveBack([buffer]);
    }
  }

  /** Gives all of it back. */
  clear(): void {
    for (const {buffers} of this.sizes.values()) {
      giveBack(buffers.map(({buffer}) => buffer));
    }
    this.sizes.clear();
    this.bytes = 0;
  }
}

let nowhere: MessagePort | undefined;

/**
 * Gives memory back to the system. JavaScript has no word for this, but what is
 * transferred is no longer here, and with a message to a closed port it is no
 * longer anywhere.
 */
export function giveBack(buffers: ArrayBuffer[]): void {
  if (buffers.length === 0) return;
  if (!nowhere) {
    const {port1} = new MessageChannel();
    port1.close();
    nowhere = port1;
  }
  nowhere.postMessage(null, buffers);
}
