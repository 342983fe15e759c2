import {attack} from '../attacks/attack.js';
import {withstands} from '../attacks/losses.js';
import type {Classifier} from '../models/logits.js';
import type {AttackExamplesArgs} from './attack_examples.js';
import {attackQueue} from './continuous_batching.js';
import type {LoadedExamples} from './loaded_examples.js';
import type {StrongAttack} from './strong.js';
import {
  type Chunk,
  type StrongExample,
  strongExamples,
} from './strong_examples.js';
import {SurvivorQueue} from './strong_queue.js';
import {attackByFreshPasses} from './strong_randomized.js';
import {type StrongSearch, strongSearches} from './strong_searches.js';

/** What one search of a strong evaluation contributed. */
export interface SearchShare {
  /** `clean` is the pass of the unperturbed images. */
  name: string;
  /** Examples that it was run on: those that all searches before it left. */
  examples: number;
  /**
   * How many of them it broke. Of a classifier whose outputs differ from pass to
   * pass: how many are misclassified in the end by its proposal.
   */
  broken: number;
  /** Time taken, on the clock. */
  seconds: number;
}

/**
 * Runs the searches of a strong evaluation, each on what the ones before it
 * left. Each example is finished once: when it is broken, or after the last
 * search with the smallest margin that any of them found.
 *
 * @returns Each search's share, in their order; it is complete unless the
 *     signal stopped the evaluation.
 */
export async function attackStrongly(
  strong: StrongAttack,
  classifier: Classifier,
  data: LoadedExamples,
  args: AttackExamplesArgs,
): Promise<SearchShare[]> {
  const shares: SearchShare[] = [];
  const {threatModel, seed} = strong;
  /** Adds to the share at this place. */
  const add = (i: number, name: string, examples: number, broken: number) => {
    const share = (shares[i] ??= {name, examples: 0, broken: 0, seconds: 0});
    share.examples += examples;
    share.broken += broken;
    share.seconds += (performance.now() - started) / 1000;
    started = performance.now();
  };
  let started = performance.now();
  const {batchSize} = args;
  for await (const chunk of strongExamples(classifier, data, {
    batchSize,
    seed,
  })) {
    if (data.randomized) {
      const own = await attackByFreshPasses(strong, classifier, chunk, args);
      if (!own) return shares;
      own.forEach((share, k) => {
        const known = (shares[k] ??= {
          ...share,
          examples: 0,
          broken: 0,
          seconds: 0,
        });
        known.examples += share.examples;
        known.broken += share.broken;
        known.seconds += share.seconds;
      });
      continue;
    }
    let left = finish(chunk.examples, args);
    add(0, 'clean', chunk.examples.length, chunk.examples.length - left.length);
    const searches =
      threatModel.bounds().length === 0 ? [] : strongSearches(chunk.classes);
    for (const [i, search] of searches.entries()) {
      if (args.signal?.aborted) return shares;
      const before = left.length;
      if (before > 0) {
        const made = attack(threatModel, search.options);
        left = await run(made, classifier, chunk, left, {search, i}, args);
      }
      add(i + 1, search.name, before, before - left.length);
    }
    if (args.signal?.aborted) return shares;
    for (const {image, ...example} of left) {
      args.onFinished({
        ...example,
        ...(args.wanted?.(example.index) && {
          adversarial: example.adversarial ?? image,
        }),
      });
    }
  }
  return shares;
}

/** One search. Returns the examples that withstand it. */
async function run(
  made: ReturnType<typeof attack>,
  classifier: Classifier,
  chunk: Chunk,
  examples: StrongExample[],
  {search, i}: {search: StrongSearch; i: number},
  args: AttackExamplesArgs,
): Promise<StrongExample[]> {
  const byIndex = new Map(examples.map(e => [e.index, e]));
  await attackQueue(
    new SurvivorQueue(chunk, examples, search, i),
    made,
    classifier,
    {
      ...args,
      onFinished: ({index, margin, adversarial, ...moved}) => {
        const example = byIndex.get(index)!;
        if (margin < example.margin || !withstands(margin)) {
          Object.assign(example, {
            margin,
            adversarial,
            neighborDifferences: moved.neighborDifferences,
            sizes: moved.sizes,
          });
        }
        finish([example], args);
      },
    },
  );
  return examples.filter(({margin}) => withstands(margin));
}

/** Reports the examples that are broken and returns the others. */
function finish(
  examples: StrongExample[],
  args: AttackExamplesArgs,
): StrongExample[] {
  return examples.filter(example => {
    const {index, margin, image, adversarial} = example;
    const {neighborDifferences, sizes} = example;
    if (withstands(margin)) return true;
    const wanted = args.wanted?.(index);
    args.onFinished({
      index,
      margin,
      neighborDifferences,
      sizes,
      ...(wanted && {adversarial: adversarial ?? image}),
    });
    return false;
  });
}
