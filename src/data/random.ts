/**
 * A reproducible stream of random numbers, uniform in [0, 1), that depends on
 * all the given integers: `randomStream(seed, epoch, example)` needs no state
 * to be kept between runs, and equal arguments give equal streams.
 *
 * The generator is Chris Doty-Humphrey's small fast counter, sfc32 (PractRand),
 * whose first words are the mixed seeds.
 */
export function randomStream(...seeds: number[]): () => number {
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = 0xb7e15162;
  let counter = 1;
  const next = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return sum >>> 0;
  };
  for (const seed of seeds) {
    if (!Number.isSafeInteger(seed)) {
      throw new Error(`A seed must be an integer, but it is ${seed}.`);
    }
    a ^= seed | 0;
    b ^= Math.floor(seed / 2 ** 32) | 0;
    for (let i = 0; i < 12; i++) next();
  }
  return () => next() / 2 ** 32;
}

/** The numbers 0 … size − 1 in random order (Fisher–Yates). */
export function permutation(size: number, random: () => number): Uint32Array {
  const order = Uint32Array.from({length: size}, (_, i) => i);
  for (let i = size - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
