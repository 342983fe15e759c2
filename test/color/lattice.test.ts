import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {fromPlanes, toPlanes} from '../../src/color/color_space.js';
import {
  identityLattice,
  type Lattice,
  latticePositions,
  sampleLattice,
  sampleLatticeAt,
} from '../../src/color/lattice.js';
import {sumByIndex} from '../../src/ops/gather_flat.js';
import {missingBackend, usual} from '../helpers/backends.js';

await missingBackend(usual);

const RESOLUTION = [3, 4, 5] as const;
const uniform = (shape: number[], seed: number) =>
  tf.randomUniform(shape, 0, 1, 'float32', String(seed));
const colors = uniform([2, 9, 3], 1) as tf.Tensor3D;

/** Both ways of sampling. */
const ways: Array<[string, (l: Lattice, c: tf.Tensor3D) => tf.Tensor3D]> = [
  [
    'fixed',
    (l, c) =>
      fromPlanes(sampleLattice(l, latticePositions(toPlanes(c), RESOLUTION))),
  ],
  [
    'varying',
    (l, c) => fromPlanes(sampleLatticeAt(l, toPlanes(c), RESOLUTION)),
  ],
];

/** A lattice with `f` of each point's coordinates in [0, 1], for each image. */
function latticeOf(
  f: (x: number, y: number, z: number, image: number) => number[],
): Lattice {
  const [a, b, c] = RESOLUTION;
  const channels: number[][] = [[], [], []];
  for (let n = 0; n < 2; n++) {
    for (let i = 0; i < a; i++) {
      for (let j = 0; j < b; j++) {
        for (let k = 0; k < c; k++) {
          f(i / (a - 1), j / (b - 1), k / (c - 1), n).forEach((v, channel) =>
            channels[channel].push(v),
          );
        }
      }
    }
  }
  return channels.map(v => tf.tensor4d(v, [2, a, b, c])) as Lattice;
}

for (const [name, sample] of ways) {
  test.serial(`${name}: the identity gives every color back`, t => {
    const identity = identityLattice(RESOLUTION).map(c =>
      tf.tile(c, [2, 1, 1, 1]),
    ) as Lattice;
    const got = sample(identity, colors).dataSync();
    colors.dataSync().forEach((v, i) => t.true(Math.abs(v - got[i]) < 1e-6));
  });

  test.serial(`${name}: trilinear functions come out exactly`, t => {
    const f = (x: number, y: number, z: number, n: number) => [
      1 + x - 2 * y + 3 * z + n,
      x * y - z,
      x * y * z,
    ];
    const got = sample(
      latticeOf((x, y, z, n) => f(x, y, z, n)),
      colors,
    ).arraySync();
    // Trilinear in each cell only if the whole is: x·y·z is, in every cell.
    colors
      .arraySync()
      .forEach((points, n) =>
        points.forEach(([x, y, z], p) =>
          f(x, y, z, n).forEach((v, channel) =>
            t.true(Math.abs(v - got[n][p][channel]) < 1e-5),
          ),
        ),
      );
  });

  test.serial(
    `${name}: lattice points have their own values, to the last bit`,
    t => {
      const lattice = [1, 2, 3].map(i =>
        uniform([2, ...RESOLUTION], i),
      ) as Lattice;
      // Coordinates 0, ½, 1 and 0, ¼, …: exact in float32; so is each third here.
      const points = [0, 1, 2].flatMap(i =>
        [0, 3].flatMap(j => [0, 1, 2, 3, 4].map(k => [i, j, k])),
      );
      const at = tf.tensor3d([
        ...[0, 1].map(() => points.map(([i, j, k]) => [i / 2, j / 3, k / 4])),
      ]);
      const got = sample(lattice, at).arraySync();
      const values = lattice.map(c => c.arraySync());
      [0, 1].forEach(n =>
        points.forEach(([i, j, k], p) =>
          t.deepEqual(
            got[n][p],
            values.map(v => v[n][i][j][k]),
          ),
        ),
      );
    },
  );

  test.serial(`${name}: colors outside are those of the nearest inside`, t => {
    const lattice = [1, 2, 3].map(i =>
      uniform([1, ...RESOLUTION], i),
    ) as Lattice;
    const outside = tf.tensor3d([
      [
        [-0.3, 0.4, 1.7],
        [2, -1, 0.2],
      ],
    ]);
    const inside = tf.tensor3d([
      [
        [0, 0.4, 1],
        [1, 0, 0.2],
      ],
    ]);
    t.deepEqual(
      sample(lattice, outside).arraySync(),
      sample(lattice, inside).arraySync(),
    );
  });
}

test.serial('weights sum to 1 and are not negative', t => {
  const {weights, corners} = latticePositions(
    tf.tidy(() =>
      tf.sub(tf.mul(uniform([2, 3, 50], 5), 2), 0.5),
    ) as tf.Tensor3D,
    RESOLUTION,
  );
  t.true(weights.dataSync().every(w => w >= 0));
  t.true(
    tf
      .sum(weights, 1)
      .dataSync()
      .every(s => Math.abs(s - 1) < 1e-6),
  );
  t.true(corners.dataSync().every(c => c >= 0 && c < 60));
});

test.serial('what has the same index is added up', t => {
  const sums = sumByIndex(
    tf.tensor1d([1, 2, 4, 8]),
    tf.tensor1d([2, 0, 2, 3], 'int32'),
    5,
  );
  t.deepEqual([...sums.dataSync()], [2, 0, 5, 8, 0]);
  const rows = sumByIndex(
    tf.tensor2d([
      [1, 10],
      [2, 20],
      [4, 40],
    ]),
    tf.tensor1d([1, 1, 0], 'int32'),
    3,
  );
  t.deepEqual(rows.arraySync(), [
    [4, 40],
    [3, 30],
    [0, 0],
  ]);
});
