import * as tf from '@tensorflow/tfjs';
import {
  attack as makeAttack,
  type Attack,
  type Perturbed,
} from '../attacks/attack.js';
import type {AttackOptions} from '../attacks/options.js';
import {trainingOptions} from './training_options.js';
import {parseSpec} from '../attacks/threat_models/spec.js';
import type {ThreatModel} from '../attacks/threat_models/threat_model.js';
import {stackOf, worstOf} from './union.js';
import {randomStream} from '../data/random.js';
import type {TrainingObjective} from '../defenses/objective.js';
import {
  type AdversarialTrainingArgs,
  checkNames,
  type UnionMode,
} from './adversarial_training_args.js';
import {tidy} from '../ops/tidy.js';

/** What training is against: one attack, or a union of several. */
export class Adversaries {
  /** Undefined if there is but one attack. */
  readonly union: UnionMode | undefined;
  private readonly adversaries: Adversary[];
  private scaled: Attack[];

  /** @throws Error if a spec or an option is not allowed, or an attack is there twice. */
  constructor(
    attack: AdversarialTrainingArgs['attack'],
    union: UnionMode | undefined,
    options: AttackOptions,
    objective: TrainingObjective | undefined,
  ) {
    const list = Array.isArray(attack) ? attack : [attack];
    this.union = list.length > 1 ? (union ?? 'worst') : undefined;
    this.adversaries = list.map(spec => {
      const threatModel =
        typeof spec === 'string' ? parseSpec(spec, options.variant) : spec;
      const given = Object.entries(options).filter(([, v]) => v !== undefined);
      const attackOptions = trainingOptions({
        ...objective?.attackOptions(threatModel),
        ...Object.fromEntries(given),
      });
      return {threatModel, attackOptions};
    });
    // Made now, so that a bad option is an error now.
    this.scaled = this.times(1);
    checkNames(this.scaled.map(({name}) => name));
  }

  /** With their bounds as they are at present. */
  get attacks(): readonly Attack[] {
    return this.scaled;
  }

  /** The names of all attacks' terms, each once. */
  terms(): string[] {
    const terms = this.adversaries.flatMap(a => termNames(a.threatModel));
    return [...new Set(terms)];
  }

  /** From now on with their bounds times `scale`. */
  scale(scale: number): void {
    this.scaled = this.times(scale);
  }

  /** The attacks on one batch. */
  ofBatch(step: number): Attack[] {
    const {seed} = this.adversaries[0].attackOptions;
    if (this.union !== 'random') return perBatch(this.scaled, step);
    const random =
      seed === undefined ? Math.random() : randomStream(seed, step)();
    const index = Math.floor(random * this.scaled.length);
    return perBatch([this.scaled[index]], step);
  }

  /** What training goes on with; the tensors of `each` stay theirs. */
  combine(each: Perturbed[]): Perturbed {
    if (this.union === 'worst') return worstOf(each);
    if (this.union === 'mean') return stackOf(each);
    return each[0];
  }

  private times(scale: number): Attack[] {
    return this.adversaries.map(({threatModel, attackOptions}) =>
      makeAttack(
        scale === 1 ? threatModel : threatModel.with({scale}),
        attackOptions,
      ),
    );
  }
}

/** A threat model and how it is searched. */
interface Adversary {
  threatModel: ThreatModel;
  attackOptions: AttackOptions;
}

/** With a seed, each batch draws other random numbers, and each run the same ones. */
function perBatch(attacks: Attack[], step: number): Attack[] {
  return attacks.map(({threatModel, options}) => {
    const {seed} = options;
    const own = seed === undefined ? options : {...options, seed: seed + step};
    return makeAttack(threatModel, own);
  });
}

/** The names of a threat model's terms, found by looking at a perturbation of size 0. */
function termNames(threatModel: ThreatModel): string[] {
  return tidy(() => {
    const image = tf.zeros([1, 2, 2, 3]) as tf.Tensor4D;
    const sizes = threatModel.sizes(threatModel.zeros(image));
    return Object.keys(sizes);
  });
}
