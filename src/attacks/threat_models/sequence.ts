import * as tf from '@tensorflow/tfjs';
import {
  fullNameOf,
  isThreatModel,
  ThreatModel,
  type Variant,
  normsOf,
} from './threat_model.js';

/**
 * Several rules applied one after the other, the first to the image itself:
 * `new Sequence([new ReColor(), new Delta()])` recolors, then adds. Each keeps
 * its own bound. The empty sequence leaves images as they are.
 *
 * Source: Laidlaw & Feizi 2019, section 5 (combinations of attacks).
 */
export class Sequence extends ThreatModel {
  override readonly projectsByImages: boolean;

  /** @param terms What is applied, in this order. */
  constructor(
    /** What is applied, in this order. */
    readonly terms: ThreatModel[],
  ) {
    super();
    if (!Array.isArray(terms) || !terms.every(isThreatModel)) {
      throw new Error(
        'Sequence takes a list of threat models, such as [new ReColor(), new Delta()].',
      );
    }
    this.projectsByImages = terms.some(term => term.projectsByImages);
  }

  get name(): string {
    return this.terms.map(term => term.name).join('+') || 'None';
  }

  override fullName(): string {
    return this.terms.map(fullNameOf).join('+') || 'None';
  }

  override prepare(images: tf.Tensor4D): tf.Tensor[] {
    return this.terms.length ? this.terms[0].prepare(images) : [];
  }

  zeros(images: tf.Tensor4D): tf.Tensor[] {
    return this.terms.flatMap(term => term.zeros(images));
  }

  override random(images: tf.Tensor4D, seeds: number[]): tf.Tensor[] {
    return this.terms.flatMap((term, i) =>
      // Each term draws numbers of its own from the same seed.
      term.random(
        images,
        seeds.map(seed => seed + i * 7919),
      ),
    );
  }

  apply(
    images: tf.Tensor4D,
    parameters: tf.Tensor[],
    constants: tf.Tensor[] | null,
  ): tf.Tensor4D {
    return tf.tidy(() => {
      let perturbed = images;
      this.split(parameters).forEach((own, i) => {
        perturbed = this.terms[i].apply(
          perturbed,
          own,
          i === 0 ? constants : null,
        );
      });
      return perturbed === images ? tf.clone(images) : perturbed;
    });
  }

  override project(
    parameters: tf.Tensor[],
    images: tf.Tensor4D,
    constants: tf.Tensor[] | null,
  ): tf.Tensor[] {
    const last = this.terms.findLastIndex(term => term.projectsByImages);
    let perturbed = images;
    return this.split(parameters).flatMap((own, i) => {
      const known = i === 0 ? constants : null;
      const projected = this.terms[i].project(own, perturbed, known);
      if (i < last)
        perturbed = this.terms[i].apply(perturbed, projected, known);
      return projected;
    });
  }

  override searchGradients(
    gradients: tf.Tensor[],
    step: number | number[],
  ): tf.Tensor[] {
    return this.split(gradients).flatMap(
      (own, i) => this.terms[i].searchGradients?.(own, step) ?? own,
    );
  }

  override smoothness(parameters: tf.Tensor[]): tf.Tensor1D | null {
    const parts = this.split(parameters)
      .map((own, i) => this.terms[i].smoothness(own))
      .filter(part => part !== null);
    return parts.length ? (tf.addN(parts) as tf.Tensor1D) : null;
  }

  override sizes(parameters: tf.Tensor[]): Record<string, tf.Tensor1D> {
    return this.merged(parameters, (term, own) => term.sizes(own));
  }

  override neighborDifferences(
    parameters: tf.Tensor[],
  ): Record<string, tf.Tensor1D> {
    return this.merged(
      parameters,
      (term, own) => term.neighborDifferences?.(own) ?? {},
    );
  }

  /** What each term says of its own parameters, by its name. */
  private merged(
    parameters: tf.Tensor[],
    of: (term: ThreatModel, own: tf.Tensor[]) => Record<string, tf.Tensor1D>,
  ): Record<string, tf.Tensor1D> {
    const all: Record<string, tf.Tensor1D> = {};
    this.split(parameters).forEach((own, i) => {
      for (const [name, value] of Object.entries(of(this.terms[i], own))) {
        // A rule that is there twice is told apart by its place.
        all[name in all ? `${name}#${i + 1}` : name] = value;
      }
    });
    return all;
  }

  override bounds(): number[] {
    return this.terms.flatMap(term => term.bounds());
  }

  override norms(): Array<'linf' | 'l2'> {
    return this.terms.flatMap(normsOf);
  }

  override with(changes: {scale?: number; variant?: Variant}): Sequence {
    return new Sequence(this.terms.map(term => term.with(changes)));
  }

  /** Each term's own parameters; `bounds` has one entry for each of them. */
  private split(parameters: tf.Tensor[]): tf.Tensor[][] {
    let at = 0;
    return this.terms.map(term => {
      const count = term.bounds().length;
      at += count;
      return parameters.slice(at - count, at);
    });
  }
}
