import * as tf from '@tensorflow/tfjs';
import {join, split} from '../../color/channels.js';
import {colorSpaces} from '../../color/color_spaces.js';
import {
  identityLattice,
  type Lattice,
  sampleLattice,
  sampleLatticeAt,
} from '../../color/lattice.js';
import {
  cutToBounds,
  fixedPositions,
  fixPositions,
  pixels,
  type RecolorRule,
  type RecolorRuleArgs,
} from './recolor_rule.js';

/**
 * The released code projects a lattice three times before each forward pass. The
 * number matters: its projection goes on moving what it has projected before.
 */
const PROJECTIONS = 3;

/**
 * The `reference` variant, as in the released code: the lattice holds colors,
 * which are projected onto the gamut. The zero perturbation moves saturated
 * colors, and pixels can move further than ε.
 */
export function referenceRule(args: RecolorRuleArgs): RecolorRule {
  const {space, resolution} = args;
  const maps = colorSpaces[space].planes;

  return {
    prepare(images) {
      return fixPositions(maps.fromRgb(pixels(images)), resolution);
    },

    apply(images, lattice, constants) {
      const identity = identityLattice(resolution);
      const absolute = lattice.map((d, i) => tf.add(d, identity[i])) as Lattice;
      const colors = constants
        ? sampleLattice(absolute, fixedPositions(constants))
        : sampleLatticeAt(absolute, maps.fromRgb(pixels(images)), resolution);
      return maps.toRgb(colors);
    },

    project(lattice) {
      let projected = lattice;
      for (let i = 0; i < PROJECTIONS; i++) {
        projected = projectOnce(projected, args);
      }
      return projected;
    },
  };
}

/** Displacements to the colors that one gets by going to RGB and back, cut to their bounds. */
export function projectOnce(
  lattice: tf.Tensor[],
  {space, epsilon, resolution}: RecolorRuleArgs,
): tf.Tensor[] {
  const {fromRgb, toRgb} = colorSpaces[space].planes;
  const identity = identityLattice(resolution);
  const channels = lattice.map((d, i) =>
    tf.clipByValue(tf.add(d, identity[i]), 0, 1),
  );
  const [n] = lattice[0].shape;
  const colors = join(channels.map(c => tf.reshape(c, [n, -1])));
  const moved = split(fromRgb(toRgb(colors))).map((c, i) =>
    tf.sub(tf.reshape(c, lattice[i].shape), identity[i]),
  );
  return cutToBounds(moved, epsilon);
}
