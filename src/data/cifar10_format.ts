/** The two parts of the data set. */
export type Split = 'train' | 'test';

/** Images in each part. */
export const RECORDS: Readonly<Record<Split, number>> = {
  train: 50_000,
  test: 10_000,
};

/** Height, width and channels of an image. */
export const SHAPE = [32, 32, 3] as const;

/** Class names, by label. */
export const CIFAR10_CLASSES = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
] as const;

/**
 * A part as it is kept: all labels, a byte each, then all images, row by row
 * of RGB bytes.
 */
export type Decoded = Record<Split, Uint8Array>;

/** SHA-256 of each part as it is kept; every source must come to these. */
export const SHA256: Readonly<Record<Split, string>> = {
  train: 'd12c98b5c6d1c8f3ee705d14ab38dccf995510e8044d36d18154ece4e3b8060f',
  test: '1695efc9dc931b768f20f5cb2956256bc3a12eba128a3d7f6f8a6a6910d3b57e',
};
