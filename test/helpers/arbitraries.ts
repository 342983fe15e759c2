import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';

const channel = fc.double({min: 0, max: 1, noNaN: true});
const triple = (value: fc.Arbitrary<number>) => fc.tuple(value, value, value);
type Pixel = [number, number, number];

/** Colors, many of them where color spaces have their corners: saturated, gray, nearly black or white. */
export const pixel: fc.Arbitrary<Pixel> = fc.oneof(
  triple(channel),
  triple(fc.constantFrom(0, 1)),
  triple(fc.constantFrom(0, 0.5, 1)),
  triple(fc.integer({min: 0, max: 255}).map(v => v / 255)),
  triple(fc.double({min: 0, max: 0.01, noNaN: true})),
  triple(fc.double({min: 0.99, max: 1, noNaN: true})),
  channel.map((v): Pixel => [v, v, v]),
);

/** Values of an image of height × width pixels. */
export const image = (height: number, width: number): fc.Arbitrary<number[]> =>
  fc
    .array(pixel, {minLength: height * width, maxLength: height * width})
    .map(pixels => pixels.flat());

/** Parameters for a threat model, far outside its bounds or at them too. */
export interface Field {
  seed: number;
  kind: 'uniform' | 'extreme' | 'far';
}

export const field: fc.Arbitrary<Field> = fc.record({
  seed: fc.nat(1e6),
  kind: fc.constantFrom('uniform', 'extreme', 'far'),
});

/** Parameters shaped like `zeros`, each in its `bounds`, before any projection. */
export function parametersOf(
  zeros: tf.Tensor[],
  bounds: number[],
  {seed, kind}: Field,
): tf.Tensor[] {
  return zeros.map((z, i) =>
    tf.tidy(() => {
      const unit = tf.randomUniform(
        z.shape,
        -1,
        1,
        'float32',
        String(seed + i),
      );
      const shape = kind === 'extreme' ? tf.sign(unit) : unit;
      return tf.mul(shape, bounds[i] * (kind === 'far' ? 10 : 1));
    }),
  );
}
