import * as tf from '@tensorflow/tfjs';
import {Delta} from '../attacks/threat_models/delta.js';
import {ReColor} from '../attacks/threat_models/recolor.js';
import {Sequence} from '../attacks/threat_models/sequence.js';
import {noiseSpacing} from '../attacks/threat_models/smooth.js';
import {StAdv} from '../attacks/threat_models/stadv.js';
import type {ThreatModel} from '../attacks/threat_models/threat_model.js';
import {tidy} from '../ops/tidy.js';
import {coarseSize, interpolate} from './coarse_grid.js';

/**
 * How a single step searches one term of a threat model: over coordinates, from
 * which the term's parameters follow linearly. For D these are the parameters
 * themselves; for C and S, displacements at the points of a coarse grid.
 */
export interface FastTerm {
  /** Tensors of coordinates; as many as the term has parameters. */
  readonly count: number;
  /** Coordinates drawn uniformly in ±`scale` bounds. */
  noise(images: tf.Tensor4D, scale: number, seed: number): tf.Tensor[];
  /** The term's parameters at these coordinates; differentiable. */
  parameters(coordinates: tf.Tensor[], images: tf.Tensor4D): tf.Tensor[];
  /** A step downwards. */
  step(
    coordinates: tf.Tensor[],
    gradients: tf.Tensor[],
    lengths: StepLengths,
  ): tf.Tensor[];
}

/** Lengths of a step in bounds: of S, and of all other terms. */
export interface StepLengths {
  step: number;
  flowStep: number;
}

/** The terms of a threat model, in the order of its parameters. */
export function fastTerms(model: ThreatModel, spacing: number): FastTerm[] {
  if (model instanceof Sequence) {
    return model.terms.flatMap(term => fastTerms(term, spacing));
  }
  if (model instanceof ReColor) return [recolorTerm(model, spacing)];
  if (model instanceof StAdv) return [flowTerm(model, spacing)];
  if (model instanceof Delta) return [deltaTerm(model)];
  return [anyTerm(model)];
}

function deltaTerm(model: Delta): FastTerm {
  const {epsilon, norm} = model;
  return {
    ...anyTerm(model),
    noise: (images, scale, seed) =>
      tidy(() => {
        const noise =
          norm === 'l2'
            ? anyTerm(model).noise(images, scale, seed)[0]
            : uniform(images.shape, scale * epsilon, seed);
        // A step from beyond the range of pixels would not come back in.
        const above = tf.maximum(noise, tf.neg(images));
        return [tf.minimum(above, tf.sub(1, images))];
      }),
    step: ([delta], [gradient], {step}) => {
      const direction = norm === 'l2' ? unit(gradient) : signs(gradient);
      return [tf.sub(delta, tf.mul(direction, step * epsilon))];
    },
  };
}

function recolorTerm(model: ReColor, spacing: number): FastTerm {
  const {epsilon, resolution} = model;
  const coarse = resolution.map(
    size =>
      gridSize(
        size,
        {epsilon: Math.max(...epsilon), smooth: model.smooth},
        3,
      ) ?? coarseSize(size, spacing),
  );
  return {
    ...anyTerm(model),
    noise: (images, scale, seed) =>
      epsilon.map((bound, channel) =>
        uniform([images.shape[0], ...coarse], scale * bound, seed + channel),
      ),
    parameters: coordinates =>
      coordinates.map(t => interpolate(t, [...resolution])),
  };
}

function flowTerm(model: StAdv, spacing: number): FastTerm {
  const any = anyTerm(model);
  return {
    ...any,
    noise: ({shape: [n, height, width]}, scale, seed) => {
      const coarse = [height, width].map(
        size => gridSize(size, model, 2) ?? coarseSize(size, spacing),
      );
      const shape = [n, ...coarse, 2];
      return tidy(() => [
        insideImage(uniform(shape, scale * model.epsilon, seed)),
      ]);
    },
    step: (flow, gradients, {flowStep}) =>
      any.step(flow, gradients, {step: flowStep, flowStep}).map(insideImage),
    parameters: ([flow], {shape: [, height, width]}) => [
      interpolate(flow, [height, width]),
    ],
  };
}

/** Any threat model: its own random start, and a sign step of each parameter. */
function anyTerm(model: ThreatModel): FastTerm {
  const bounds = model.bounds();
  return {
    count: bounds.length,
    noise: (images, scale, seed) =>
      tidy(() =>
        scale === 0
          ? model.zeros(images)
          : model.with({scale}).random(
              images,
              Array.from({length: images.shape[0]}, (_, i) => seed + i),
            ),
      ),
    parameters: coordinates => coordinates,
    step: (coordinates, gradients, {step}) =>
      coordinates.map((x, i) =>
        tf.sub(x, tf.mul(signs(gradients[i]), step * bounds[i])),
      ),
  };
}

/**
 * A flow [N, h, w, 2] at evenly spaced points that leads nowhere outside the
 * image, which is [−1, 1] along both axes; what is interpolated from it does not
 * either, since that bound is linear in the place.
 */
function insideImage(flow: tf.Tensor): tf.Tensor {
  const [, height, width] = flow.shape;
  const places = tf.stack(
    [
      tf.tile(tf.reshape(tf.linspace(-1, 1, width), [1, width]), [height, 1]),
      tf.tile(tf.reshape(tf.linspace(-1, 1, height), [height, 1]), [1, width]),
    ],
    -1,
  );
  const above = tf.maximum(flow, tf.sub(-1, places));
  return tf.minimum(above, tf.sub(1, places));
}

/**
 * Points of a coarse grid over an axis of `size` points such that what is
 * interpolated from displacements within ε satisfies a bound on the difference of
 * neighbors; null without such a bound.
 */
function gridSize(
  size: number,
  {epsilon, smooth}: {epsilon: number; smooth: number},
  components: number,
): number | null {
  if (smooth === Infinity) return null;
  const spacing = noiseSpacing(epsilon, smooth, components);
  return size < 2 ? size : Math.floor((size - 1) / spacing) + 1;
}

function uniform(shape: number[], bound: number, seed: number): tf.Tensor {
  return bound === 0
    ? tf.zeros(shape)
    : tf.randomUniform(shape, -bound, bound, 'float32', seed);
}

/** An entry that is NaN counts as 0. */
function signs(gradient: tf.Tensor): tf.Tensor {
  return tf.sign(numbers(gradient));
}

/** The gradient of each example divided by its Euclidean norm. */
function unit(gradient: tf.Tensor): tf.Tensor {
  const g = tf.clipByValue(numbers(gradient), -1e15, 1e15);
  // In two stages: squares of small gradients would be 0.
  const largest = tf.maximum(tf.max(tf.abs(g), [1, 2, 3], true), 1e-30);
  const scaled = tf.div(g, largest);
  const norm = tf.sqrt(tf.sum(tf.square(scaled), [1, 2, 3], true));
  return tf.div(scaled, tf.maximum(norm, 1e-12));
}

function numbers(gradient: tf.Tensor): tf.Tensor {
  return tf.where(
    tf.equal(gradient, gradient),
    gradient,
    tf.zerosLike(gradient),
  );
}
