import {attack} from '../attacks/attack.js';
import {withstands} from '../attacks/losses.js';
import type {Classifier} from '../models/logits.js';
import type {AttackExamplesArgs} from './attack_examples.js';
import {attackQueue} from './continuous_batching.js';
import {MostEffective} from './most_effective.js';
import type {StrongAttack} from './strong.js';
import type {SearchShare} from './strong_attack.js';
import type {Chunk} from './strong_examples.js';
import {SurvivorQueue} from './strong_queue.js';
import {strongSearches} from './strong_searches.js';

/** Passes over which each step of a search averages, at least. */
const EOT_SAMPLES = 4;

/** An example leaves the searches if its image is wrong in this share of the passes that compare. */
const BROKEN = 0.9;

/** Square is left out: it would keep what a lucky pass favors. */
const searchesOf = (classes: number) =>
  strongSearches(classes).filter(({options}) => options.optimizer !== 'square');

/**
 * The searches of a strong evaluation, for a classifier whose outputs differ
 * from pass to pass. A search that sees a success may have seen a lucky draw, and
 * with enough passes there is one for every image. So each search has all its
 * steps and proposes an image; fresh passes compare it with those of the other
 * searches and with the clean image; and others judge the one chosen. With a
 * bound of 0 the accuracy is thus that of clean images.
 *
 * @returns The share of the clean pass and of each search, in their order; null
 *     if the signal stopped it, with no example finished.
 */
export async function attackByFreshPasses(
  {threatModel, eotSamples}: StrongAttack,
  classifier: Classifier,
  chunk: Chunk,
  args: AttackExamplesArgs,
): Promise<SearchShare[] | null> {
  const {classes, imageShape, examples} = chunk;
  const {batchSize, signal} = args;
  const shape = {classes, imageShape, batchSize};
  const chosen = new MostEffective(classifier, shape);
  const labels = new Map(examples.map(e => [e.index, e.label.indexOf(1)]));
  const shares: SearchShare[] = [];
  let started = performance.now();
  /** Compares what a search proposes, and notes its share. */
  const take = async (name: string, images: Map<number, Float32Array>) => {
    const proposals = [...images].map(([index, image]) => ({
      index,
      image,
      label: labels.get(index)!,
    }));
    await chosen.propose(proposals, shares.length);
    const seconds = (performance.now() - started) / 1000;
    shares.push({name, examples: images.size, broken: 0, seconds});
    started = performance.now();
  };
  await take('clean', new Map(examples.map(e => [e.index, e.image])));
  const searches = threatModel.bounds().length === 0 ? [] : searchesOf(classes);
  for (const [i, search] of searches.entries()) {
    if (signal?.aborted) return null;
    const left = examples.filter(
      ({index}) => chosen.candidates.get(index)!.wrong < BROKEN,
    );
    const images = new Map<number, Float32Array>();
    if (left.length > 0) {
      const made = attack(threatModel, {
        ...search.options,
        eotSamples: Math.max(eotSamples, EOT_SAMPLES),
      });
      const queue = new SurvivorQueue(chunk, left, search, i);
      await attackQueue(queue, made, classifier, {
        ...args,
        wanted: () => true,
        earlyStop: false,
        onFinished: ({index, adversarial}) => {
          images.set(index, adversarial!);
        },
      });
      if (signal?.aborted) return null;
    }
    await take(search.name, images);
  }
  for (const {index, image, margin, source} of await chosen.verdicts(
    eotSamples,
  )) {
    if (!withstands(margin)) shares[source].broken++;
    const adversarial = args.wanted?.(index) ? image : undefined;
    args.onFinished({index, margin, ...(adversarial && {adversarial})});
  }
  return shares;
}
