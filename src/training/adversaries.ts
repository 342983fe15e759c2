import * as tf from '@tensorflow/tfjs';
import type {AttackOptions} from '../attacks/options.js';
import {parseSpec} from '../attacks/threat_models/spec.js';
import type {ThreatModel} from '../attacks/threat_models/threat_model.js';
import {randomStream} from '../data/random.js';
import type {TrainingObjective} from '../defenses/objective.js';
import {tidy} from '../ops/tidy.js';
import {
  type AdversarialTrainingArgs,
  checkNames,
  type UnionMode,
} from './adversarial_training_args.js';
import {
  type Adversary,
  type Crafted,
  fastAdversary,
  type Judged,
  pgdAdversary,
} from './adversary.js';
import {resolveCrafting, type ResolvedFast} from './fast_args.js';
import {stackOf, worstOf} from './union.js';

/** How much of a running robust accuracy a batch's own replaces. */
const SHARE = 0.1;

/** What training is against: one attack, or a union of several. */
export class Adversaries {
  /** Undefined if there is but one attack. */
  readonly union: UnionMode | undefined;
  /** Null for projected gradient descent. */
  readonly fast: ResolvedFast | null;
  /** Of each attack, where the union is `adaptive`: running robust accuracy, once it is known. */
  private readonly robust: Array<number | null>;
  private readonly models: ThreatModel[];
  private readonly options: AttackOptions[];
  private scaled: Adversary[];
  private bounds = 1;
  private more = 1;

  /** @throws Error if a spec or an option is not allowed, or an attack is there twice. */
  constructor(
    {attack, union, crafting, objective}: AdversarialTrainingArgs,
    options: AttackOptions,
  ) {
    const list = Array.isArray(attack) ? attack : [attack];
    this.union = list.length > 1 ? (union ?? 'worst') : undefined;
    this.fast = resolveCrafting(crafting);
    this.models = list.map(spec =>
      typeof spec === 'string' ? parseSpec(spec, options.variant) : spec,
    );
    this.options = this.models.map(model =>
      this.optionsFor(model, objective, options),
    );
    // Made now, so that a bad option is an error now.
    this.scaled = this.make();
    this.robust = list.map(() => null);
    checkNames(this.names);
  }

  get names(): string[] {
    return this.scaled.map(({name}) => name);
  }

  /** With their bounds as they are at present. */
  get current(): readonly Adversary[] {
    return this.scaled;
  }

  /** Bounds as a share of their full size. */
  get scale(): number {
    return this.bounds;
  }

  /** The names of all attacks' terms, each once. */
  terms(): string[] {
    return [...new Set(this.models.flatMap(termNames))];
  }

  /** From now on with their bounds times `scale`. */
  setScale(scale: number): void {
    if (scale === this.bounds) return;
    this.bounds = scale;
    this.scaled = this.make();
  }

  /** Fast crafting only: from now on with `factor` times as many steps as given. */
  setSteps(factor: number): void {
    if (factor === this.more) return;
    this.more = factor;
    this.scaled = this.make();
  }

  /** Of the first attack, as it is at present. */
  get steps(): number {
    return Number(this.scaled[0].configuration.steps);
  }

  /** Running robust accuracies by name; empty unless the union is `adaptive`. */
  robustAccuracy(): Record<string, number> {
    const known = this.names
      .map((name, k) => [name, this.robust[k]] as const)
      .filter(([, accuracy]) => accuracy !== null);
    return Object.fromEntries(known) as Record<string, number>;
  }

  /** To go on from {@link robustAccuracy}. */
  setRobustAccuracy(accuracies: Record<string, number> = {}): void {
    this.names.forEach((name, k) => {
      this.robust[k] = accuracies[name] ?? null;
    });
  }

  /** The places of the attacks on one batch. */
  ofBatch(step: number): number[] {
    const all = this.scaled.map((_, k) => k);
    if (this.union !== 'random' && this.union !== 'adaptive') return all;
    const {seed} = this.options[0];
    const random =
      seed === undefined ? Math.random() : randomStream(seed, step)();
    const weights = all.map(k =>
      this.union === 'random' ? 1 : Math.max(1 - (this.robust[k] ?? 0), 1e-3),
    );
    let left = random * weights.reduce((a, b) => a + b, 0);
    const drawn = weights.findIndex(weight => (left -= weight) < 0);
    return [drawn < 0 ? all.length - 1 : drawn];
  }

  /** Notes how the model did under the attack that was drawn. */
  note(k: number, {success}: Judged): void {
    if (this.union !== 'adaptive') return;
    const accuracy = tidy(
      () => 1 - tf.mean(tf.cast(success, 'float32')).dataSync()[0],
    );
    const before = this.robust[k];
    this.robust[k] =
      before === null ? accuracy : before + SHARE * (accuracy - before);
  }

  /** Whether training cannot go on without margins. */
  get needsMargins(): boolean {
    return this.union === 'worst' || this.union === 'adaptive';
  }

  /** What training goes on with; the tensors of `each` stay theirs. */
  combine(each: Crafted[]): Crafted {
    if (this.union === 'worst') return worstOf(each as Judged[]);
    if (this.union === 'mean') return stackOf(each);
    return each[0];
  }

  private optionsFor(
    model: ThreatModel,
    objective: TrainingObjective | undefined,
    options: AttackOptions,
  ): AttackOptions {
    const suggested = objective?.attackOptions(model) ?? {};
    const given = Object.entries(options).filter(([, v]) => v !== undefined);
    return {
      ...(this.fast ? suggested.loss && {loss: suggested.loss} : suggested),
      ...Object.fromEntries(given),
    };
  }

  private make(): Adversary[] {
    return this.models.map((model, k) => {
      const {bounds: scale, more, fast} = this;
      const scaled = scale === 1 ? model : model.with({scale});
      const options = this.options[k];
      if (!fast) return pgdAdversary(scaled, options);
      const {steps = 1} = options;
      return fastAdversary(scaled, {...options, steps: steps * more}, fast);
    });
  }
}

/** The names of a threat model's terms, found by looking at a perturbation of size 0. */
function termNames(threatModel: ThreatModel): string[] {
  return tidy(() => {
    const image = tf.zeros([1, 2, 2, 3]) as tf.Tensor4D;
    return Object.keys(threatModel.sizes(threatModel.zeros(image)));
  });
}
