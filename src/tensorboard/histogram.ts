/** Bucket `i` goes from `left[i]` to `right[i]`; the last one is closed. */
export type Bucket = [left: number, right: number, count: number];

/**
 * Counts values in equal buckets between the smallest and the largest, in the
 * form TensorBoard's histogram plugin reads: without any value all buckets are
 * zero, with a single distinct one all edges are that value and the last
 * bucket has all. NaN and infinities have no place in a bucket and are left
 * out.
 */
export function histogramBuckets(
  values: ArrayLike<number>,
  bucketCount = 30,
): Bucket[] {
  let min = Infinity;
  let max = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (!Number.isFinite(value)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  if (min > max) return Array.from({length: bucketCount}, () => [0, 0, 0]);

  const width = (max - min) / bucketCount;
  const buckets = Array.from({length: bucketCount}, (_, i): Bucket => [
    min + i * width,
    i === bucketCount - 1 ? max : min + (i + 1) * width,
    0,
  ]);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (!Number.isFinite(value)) continue;
    const index = width > 0 ? Math.floor((value - min) / width) : bucketCount;
    buckets[Math.min(index, bucketCount - 1)][2]++;
  }
  return buckets;
}
