import * as tf from '@tensorflow/tfjs';
import type {Planes} from '../../color/color_space.js';
import {colorSpaces} from '../../color/color_spaces.js';
import {withinGamut} from '../../color/gamut.js';
import {hsvExact} from '../../color/hsv.js';
import {sampleLattice, sampleLatticeAt} from '../../color/lattice.js';
import {
  cutToBounds,
  fixedPositions,
  fixPositions,
  pixels,
  type RecolorRule,
  type RecolorRuleArgs,
} from './recolor_rule.js';

/**
 * The `paper` variant: f(c) = c + the displacement interpolated at c, and no
 * pixel's color moves further than ε along any channel. Where f(c) lies outside
 * the RGB gamut, it is brought back in without moving any channel further.
 */
export function paperRule({
  space,
  epsilon,
  resolution,
}: RecolorRuleArgs): RecolorRule {
  const maps = (space === 'hsv' ? hsvExact : colorSpaces[space]).planes;

  /** RGB by way of the color space; rounding may have left the cube. */
  const roundTripOf = (cube: Planes): Planes =>
    maps.fromCube(tf.clipByValue(cube, 0, 1));

  return {
    prepare(images) {
      const colors = maps.fromRgb(pixels(images));
      const positions = fixPositions(colors, resolution);
      const cube = maps.toCube(colors);
      return [...positions, colors, cube, roundTripOf(cube)];
    },

    apply(images, lattice, constants) {
      const rgb = pixels(images);
      let colors: Planes;
      let cube: Planes;
      let roundTrip: Planes;
      let displacement: Planes;
      if (constants) {
        colors = constants[2] as Planes;
        cube = constants[3] as Planes;
        roundTrip = constants[4] as Planes;
        displacement = sampleLattice(lattice, fixedPositions(constants));
      } else {
        colors = maps.fromRgb(rgb);
        cube = maps.toCube(colors);
        roundTrip = roundTripOf(cube);
        displacement = sampleLatticeAt(lattice, colors, resolution);
      }
      const moved = withinGamut(
        maps.toCube(tf.add(colors, displacement)),
        cube,
        colors,
        maps,
        epsilon,
      );
      // The difference, and not the new color itself, so that the way through the
      // color space and back adds no rounding: zero displacement is the identity.
      const change = tf.sub(maps.fromCube(moved), roundTrip);
      return tf.clipByValue(tf.add(rgb, change), 0, 1) as Planes;
    },

    project(lattice) {
      return cutToBounds(lattice, epsilon);
    },
  };
}
