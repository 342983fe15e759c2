const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/**
 * The nearest number of half precision, as its 16 bits; of two equally near, the
 * one with an even last bit (IEEE 754).
 *
 * @throws Error for a number beyond ±65504, or one that is not finite.
 */
export function float16(value: number): number {
  float[0] = value;
  const [x] = bits;
  const sign = (x >>> 16) & 0x8000;
  const exponent = ((x >>> 23) & 0xff) - 127;
  const fraction = x & 0x7fffff;
  // Below 2⁻¹⁴ a number has no leading 1 and a fixed exponent.
  const shift = exponent < -14 ? 13 + (-14 - exponent) : 13;
  if (shift > 24) return sign;
  const whole = exponent < -14 ? fraction | 0x800000 : fraction;
  const base = exponent < -14 ? 0 : (exponent + 15) << 10;
  const kept = whole >>> shift;
  const rest = whole & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  const up = rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0;
  const result = base + kept + up;
  if (!(Math.abs(value) < Infinity) || result >= 0x7c00) {
    throw new Error(`${value} is not a number of half precision.`);
  }
  return sign | result;
}
