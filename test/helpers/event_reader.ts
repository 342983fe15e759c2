import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {checksum} from '../../src/tensorboard/crc32c.js';
import {Event} from '../../src/tensorboard/schema.js';

/** What the tests look at in an event, as protobufjs decodes it. */
export interface ReadEvent {
  wallTime: number;
  step: number;
  fileVersion?: string;
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
export function readRecords(bytes: Uint8Array): Uint8Array[] {
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
    const length = Number(view.getBigUint64(at, true));
    check(at, at + 8);
    check(at + 12, at + 12 + length);
    records.push(bytes.subarray(at + 12, at + 12 + length));
    at += 12 + length + 4;
  }
  return records;
}

export function readEvents(file: string): ReadEvent[] {
  return readRecords(readFileSync(file)).map(
    record =>
      Event.toObject(Event.decode(record), {longs: Number}) as ReadEvent,
  );
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
