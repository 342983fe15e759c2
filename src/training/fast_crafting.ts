import * as tf from '@tensorflow/tfjs';
import type {LossName} from '../attacks/losses.js';
import {losses} from '../attacks/losses.js';
import {objectiveGradients} from '../attacks/objective_gradient.js';
import type {ThreatModel} from '../attacks/threat_models/threat_model.js';
import {checkImages, oneHotLabels} from '../data/validate.js';
import {inspectClassifier} from '../models/inspect.js';
import {type Classifier, logits} from '../models/logits.js';
import {withoutNonFinite} from '../ops/finite.js';
import {runSync} from '../ops/reading.js';
import {tidy} from '../ops/tidy.js';
import type {ResolvedFast} from './fast_args.js';
import {type FastTerm, fastTerms} from './fast_terms.js';

/** How {@link craftFast} goes about a batch. */
export interface FastCrafting extends ResolvedFast {
  threatModel: ThreatModel;
  /** What a step goes down on. */
  loss: LossName;
  /** Forward and backward passes, each of `step`/steps bounds. */
  steps: number;
}

/** Adversarial examples, and the size of each term's perturbation, [N]. */
export interface FastExamples {
  adversarial: tf.Tensor4D;
  sizes: Record<string, tf.Tensor1D>;
}

/**
 * Adversarial examples by one forward and backward pass:
 *
 *   z₀ uniform in ±noise · ε;  z = z₀ − step · ε · sign(∇ loss(f(apply(x, P z₀)), y));
 *   x′ = apply(x, P z).
 *
 * with `flowStep` in place of `step` for S. P interpolates from a coarse grid for C and S and is the identity for D;
 * bounds of `apply` are as wide as noise and step together. With several steps,
 * each is `step`/steps long.
 *
 * Source: de Jorge et al. 2022, "Make Some Noise", algorithm 1, for D. The
 * coarse grid is ours: a sign step of each lattice point would move neighbors to
 * opposite bounds.
 *
 * @param seed Chooses the noise of the whole batch.
 */
export function craftFast(
  crafting: FastCrafting,
  classifier: Classifier,
  images: tf.Tensor4D,
  labels: tf.Tensor,
  seed: number,
): FastExamples {
  checkImages(images);
  const {classes} = runSync(inspectClassifier(classifier, images));
  return tidy(() => {
    const {threatModel, noise, step, flowStep, steps, project} = crafting;
    const oneHot = oneHotLabels(labels, images.shape[0], classes);
    const terms = fastTerms(threatModel, crafting.spacing);
    const bounds = threatModel.bounds();
    const reach = noise + Math.max(step, flowStep);
    // Bounds are at most 1.
    const most = 1 / Math.max(...bounds, 1e-9);
    const wide =
      project || reach <= 1
        ? threatModel
        : threatModel.with({scale: Math.min(reach, most)});
    const constants = wide.prepare(images);
    const parametersOf = (coordinates: tf.Tensor[]) =>
      split(terms, coordinates).flatMap((own, i) =>
        terms[i].parameters(own, images),
      );
    const cleanLogits =
      crafting.loss === 'kl' ? logits(classifier, images) : null;
    const objective = (...coordinates: tf.Tensor[]) => {
      const moved = wide.apply(images, parametersOf(coordinates), constants);
      const values = losses[crafting.loss]({
        logits: logits(classifier, moved),
        labels: oneHot,
        cleanLogits,
        targeted: false,
        confidence: Infinity,
      });
      return tf.sum(values) as tf.Scalar;
    };
    const lengths = {step: step / steps, flowStep: flowStep / steps};
    let coordinates = terms.flatMap((term, i) =>
      term.noise(images, noise, seed + i * 7919),
    );
    if (bounds.length > 0) {
      for (let i = 0; i < steps; i++) {
        const from = coordinates;
        const gradients = split(
          terms,
          objectiveGradients(objective, from).map(withoutNonFinite),
        );
        coordinates = split(terms, from).flatMap((own, k) =>
          terms[k].step(own, gradients[k], lengths),
        );
      }
    }
    const reached = parametersOf(coordinates);
    const parameters = project
      ? threatModel.project(reached, images, constants)
      : reached;
    return {
      adversarial: wide.apply(images, parameters, constants),
      sizes: threatModel.sizes(parameters),
    };
  });
}

/** The coordinates of each term. */
function split(terms: FastTerm[], coordinates: tf.Tensor[]): tf.Tensor[][] {
  let at = 0;
  return terms.map(({count}) => coordinates.slice(at, (at += count)));
}
