import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {checksum} from '../../src/tensorboard/crc32c.js';
import {Event} from '../../src/tensorboard/schema.js';

/** What the tests look at in an event, as protobufjs decodes it. */
export interface ReadEvent {
  wallTime: number;
  step: number;
  fileVersion?: string;
  sessionLog?: {status: number};
  summary?: {
    value: Array<{
      tag: string;
      tensor: {
        dtype: number;
        tensorShape: {dim?: Array<{size: number}>};
        floatVal?: number[];
        doubleVal?: number[];
        stringVal?: Uint8Array[];
      };
      metadata: {
        pluginData: {pluginName: string; content?: Uint8Array};
        dataClass: number;
      };
    }>;
  };
}

/** The event files of a directory, by name. */
export function eventFiles(directory: string): string[] {
  return readdirSync(directory)
    .filter(name => name.includes('tfevents'))
    .sort()
    .map(name => join(directory, name));
}

/** Takes a TFRecord file apart; throws where a checksum or a length is wrong. */
export function readRecords(bytes: Uint8Array, cutOff = false): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const unmasked = (at: number) => {
    const rotated = (view.getUint32(at, true) - 0xa282ead8) >>> 0;
    return ((rotated << 15) | (rotated >>> 17)) >>> 0;
  };
  const check = (from: number, to: number) => {
    if (checksum(bytes.subarray(from, to)) !== unmasked(to)) {
      throw new Error(`wrong checksum of the bytes from ${from} to ${to}`);
    }
  };
  const records = [];
  for (let at = 0; at < bytes.length;) {
    if (cutOff && at + 12 > bytes.length) break;
    const length = Number(view.getBigUint64(at, true));
    if (cutOff && at + 16 + length > bytes.length) break;
    check(at, at + 8);
    check(at + 12, at + 12 + length);
    records.push(bytes.subarray(at + 12, at + 12 + length));
    at += 12 + length + 4;
  }
  return records;
}

export function readEvents(file: string): ReadEvent[] {
  return readRecords(readFileSync(file)).map(decode);
}

/** Of a process that was killed in the midst of a record. */
function readCutOff(file: string): ReadEvent[] {
  return readRecords(readFileSync(file), true).map(decode);
}

function decode(record: Uint8Array): ReadEvent {
  return Event.toObject(Event.decode(record), {longs: Number}) as ReadEvent;
}

/**
 * A directory's scalars as TensorBoard shows them: a file that begins a session
 * takes back what those before it hold from its step on, the last record of a
 * process that was killed may be cut off, and of equal steps the last one counts.
 */
export function shownScalars(
  directory: string,
): Record<string, Record<number, number>> {
  const series: Record<string, Record<number, number>> = {};
  for (const event of eventFiles(directory).flatMap(readCutOff)) {
    const {step = 0, sessionLog, summary} = event;
    if (sessionLog) {
      for (const values of Object.values(series)) {
        for (const old of Object.keys(values).map(Number)) {
          if (old >= step) delete values[old];
        }
      }
    }
    for (const {tag, tensor, metadata} of summary?.value ?? []) {
      if (metadata.pluginData.pluginName !== 'scalars') continue;
      (series[tag] ??= {})[step] = tensor.floatVal![0];
    }
  }
  return series;
}

/** `{tag: [[step, value], …]}` of the scalars in a directory's event files. */
export function readScalars(
  directory: string,
): Record<string, Array<[step: number, value: number]>> {
  const series: Record<string, Array<[number, number]>> = {};
  for (const event of eventFiles(directory).flatMap(readEvents)) {
    for (const {tag, tensor, metadata} of event.summary?.value ?? []) {
      if (metadata.pluginData.pluginName !== 'scalars') continue;
      (series[tag] ??= []).push([event.step ?? 0, tensor.floatVal![0]]);
    }
  }
  return series;
}
