import {isLess} from '../attacks/outcome.js';
import type {Classifier} from '../models/logits.js';
import {judgeByPasses, type PassesSeen} from './fresh_passes.js';

/** Passes by which proposals are compared. */
const COMPARISONS = 20;

/** An image proposed for an example. */
export interface Proposal {
  /** The example's place in the data. */
  index: number;
  /** Its class. */
  label: number;
  image: Float32Array;
}

/** The most effective proposal for an example so far. */
export interface Candidate extends Proposal, PassesSeen {
  /** Who proposed it, as the caller numbers them. */
  source: number;
}

/** What the passes of {@link MostEffective} are like. */
export interface MostEffectiveArgs {
  /** [H, W, C] */
  imageShape: [number, number, number];
  classes: number;
  batchSize: number;
}

/**
 * For a classifier whose outputs differ from pass to pass: of all images
 * proposed for each example, the one that is misclassified in most of a number
 * of fresh passes, or else has the smallest mean margin there. Further passes
 * judge it, so that neither a search nor this choice gains from luck.
 */
export class MostEffective {
  readonly candidates = new Map<number, Candidate>();

  constructor(
    private readonly classifier: Classifier,
    private readonly args: MostEffectiveArgs,
  ) {}

  async propose(proposals: Proposal[], source: number): Promise<void> {
    const effects = await this.judge(proposals, COMPARISONS);
    proposals.forEach((proposal, i) => {
      const before = this.candidates.get(proposal.index);
      if (before && !isMoreEffective(effects[i], before)) return;
      const candidate = {...proposal, ...effects[i], source};
      this.candidates.set(proposal.index, candidate);
    });
  }

  /** What fresh passes say of each candidate, with the mean margin of `passes` of them. */
  async verdicts(passes: number): Promise<Candidate[]> {
    const candidates = [...this.candidates.values()];
    const seen = await this.judge(candidates, passes);
    return candidates.map((candidate, i) => ({...candidate, ...seen[i]}));
  }

  private judge(proposals: Proposal[], passes: number): Promise<PassesSeen[]> {
    return judgeByPasses(this.classifier, proposals, {...this.args, passes});
  }
}

function isMoreEffective(now: PassesSeen, before: PassesSeen): boolean {
  return now.wrong === before.wrong
    ? isLess(now.margin, before.margin)
    : now.wrong > before.wrong;
}
