import {MessageChannel, type MessagePort} from 'node:worker_threads';
import type {Value} from '../trace/value.js';

/** Bytes below which memory is left to the garbage collector. */
const SMALL = 1024;

/** Bytes from which a buffer is kept; smaller ones are cheap to allocate. */
const LARGE = 2 ** 16;

/** Number of runs after which an unused buffer is released. */
const IDLE = 100;

interface Buffer {
  buffer: ArrayBuffer;
  /** The run after which it was added. */
  since: number;
}

/** Buffers of one size. */
interface SizeClass {
  /** The last run that asked for this size. */
  asked: number;
  /** Oldest first. */
  buffers: Buffer[];
}

/**
 * Reuses the memory of disposed results for the results of later runs. Newly
 * allocated memory has to be cleared by the system page by page, and V8 sees only
 * the small objects that own it: it lets many megabytes pile up behind them and
 * then collects the whole heap, on a core that ONNX Runtime needs.
 */
export class BufferPool {
  private readonly sizes = new Map<number, SizeClass>();
  private bytes = 0;
  private run = 0;

  /** @param limit how many bytes the pool may hold */
  constructor(private readonly limit: () => number) {}

  /** Called before each run: releases buffers that have been unused for too long. */
  nextRun(): void {
    this.run++;
    const long = this.run - IDLE;
    for (const [size, {asked, buffers}] of this.sizes) {
      while (buffers.length > 0 && (asked < long || buffers[0].since < long)) {
        this.bytes -= size;
        release([buffers.shift()!.buffer]);
      }
      if (asked < long) this.sizes.delete(size);
    }
  }

  /** A buffer of exactly this many bytes, or undefined if the pool has none. */
  take(bytes: number): ArrayBuffer | undefined {
    if (bytes < LARGE) return undefined;
    const size = this.sizes.get(bytes);
    if (!size) {
      this.sizes.set(bytes, {asked: this.run, buffers: []});
      return undefined;
    }
    size.asked = this.run;
    const pooled = size.buffers.pop();
    if (pooled) this.bytes -= bytes;
    return pooled?.buffer;
  }

  /** Takes the memory of a value that can no longer be read. */
  free(value: Value): void {
    const {data} = value;
    value.data = value.feed = undefined;
    if (!value.exclusive || !ArrayBuffer.isView(data)) return;
    value.exclusive = false;
    const {buffer} = data as {buffer: ArrayBuffer};
    const {byteLength} = buffer;
    if (byteLength < SMALL) return;
    // Data that the program writes itself is not reused: results do not need its sizes.
    const size = value.fromRun && this.sizes.get(byteLength);
    if (size && this.bytes + byteLength <= this.limit()) {
      size.buffers.push({buffer, since: this.run});
      this.bytes += byteLength;
    } else {
      release([buffer]);
    }
  }

  /** Releases all buffers. */
  clear(): void {
    for (const {buffers} of this.sizes.values()) {
      release(buffers.map(({buffer}) => buffer));
    }
    this.sizes.clear();
    this.bytes = 0;
  }
}

let closedPort: MessagePort | undefined;

/**
 * Returns memory to the system at once. JavaScript has no function for this, but
 * a buffer transferred in a message leaves this thread, and a message to a closed
 * port is dropped together with its buffers.
 */
export function release(buffers: ArrayBuffer[]): void {
  if (buffers.length === 0) return;
  if (!closedPort) {
    const {port1} = new MessageChannel();
    port1.close();
    closedPort = port1;
  }
  closedPort.postMessage(null, buffers);
}
