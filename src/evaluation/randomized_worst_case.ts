import {withstands} from '../attacks/losses.js';
import type {Classifier} from '../models/logits.js';
import type {LoadedExamples} from './loaded_examples.js';
import {MostEffective} from './most_effective.js';

/**
 * The worst case of several attacks on a classifier whose outputs differ from
 * pass to pass. If an example were wrong wherever the judgement of any attack
 * says so, each further attack would add a lucky draw, even one with a bound of
 * 0. So for each example, fresh passes choose the most effective of the attacks'
 * images, and others judge it.
 */
export class RandomizedWorstCase {
  private readonly chosen: MostEffective;
  private found = new Map<number, Float32Array>();
  private attacks = 0;

  constructor(
    classifier: Classifier,
    private readonly data: LoadedExamples,
    batchSize: number,
  ) {
    const {imageShape, classes} = data;
    this.chosen = new MostEffective(classifier, {
      imageShape,
      classes,
      batchSize,
    });
  }

  /** Notes what an attack has made of an example. */
  add(index: number, image: Float32Array): void {
    this.found.set(index, image);
  }

  /** To be called after each attack. */
  async compare(): Promise<void> {
    const {labels} = this.data;
    const proposals = [...this.found].map(([index, image]) => ({
      index,
      image,
      label: labels[index],
    }));
    this.found = new Map();
    await this.chosen.propose(proposals, this.attacks++);
  }

  /** The share of the examples that survive, by the mean margin of `passes` fresh passes. */
  async accuracy(passes: number): Promise<number> {
    const verdicts = await this.chosen.verdicts(passes);
    return (
      verdicts.filter(({margin}) => withstands(margin)).length / verdicts.length
    );
  }
}
