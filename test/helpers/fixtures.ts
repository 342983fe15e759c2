import {existsSync, readFileSync} from 'node:fs';
import {resolve} from 'node:path';
import {fileURLToPath} from 'node:url';
import * as tf from '@tensorflow/tfjs';

/**
 * The reference's numbers are kept beside the repository, or wherever this
 * variable says; without them the tests that need them are skipped.
 */
const FOLDER = resolve(
  process.env.TFJS_ADVERSARIAL_FIXTURES ??
    fileURLToPath(new URL('../../../shared/fixtures', import.meta.url)),
);

/** Null, or why the tests that need fixtures are skipped. */
export const noFixtures = existsSync(FOLDER)
  ? null
  : 'no ../shared/fixtures, and TFJS_ADVERSARIAL_FIXTURES is not set';

export interface Array32 {
  shape: number[];
  values: Float32Array;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Fixture = any;

/** A fixture with each `{shape, float32}` decoded. */
export function fixture(name: string): Fixture {
  const decode = (x: Fixture): Fixture => {
    if (Array.isArray(x)) return x.map(decode);
    if (x === null || typeof x !== 'object') return x;
    if (typeof x.float32 === 'string') {
      const bytes = Buffer.from(x.float32, 'base64');
      const values = new Float32Array(
        bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
      );
      return {shape: x.shape, values};
    }
    return Object.fromEntries(
      Object.entries(x).map(([k, v]) => [k, decode(v)]),
    );
  };
  return decode(
    JSON.parse(readFileSync(resolve(FOLDER, `${name}.json`), 'utf8')),
  );
}

export function toTensor<T extends tf.Tensor = tf.Tensor>(a: Array32): T {
  return tf.tensor(a.values, a.shape) as T;
}

/** The largest |a − b|, relative to the largest |b| (or 1e-3, if that is larger). */
export function relativeError(a: tf.Tensor, b: Array32): number {
  const x = a.dataSync();
  if (x.length !== b.values.length) {
    throw new Error(`${x.length} values where ${b.values.length} are wanted`);
  }
  let worst = 0;
  let scale = 1e-3;
  for (let i = 0; i < x.length; i++) {
    const error = Math.abs(x[i] - b.values[i]);
    worst = Number.isNaN(error) ? NaN : Math.max(worst, error);
    scale = Math.max(scale, Math.abs(b.values[i]));
  }
  return worst / scale;
}
