import {basename} from 'node:path';
import type {NetworkName} from '../models.js';
import type {UnionMode} from '../../src/index.js';
import type {PaperRow} from '../paper_rows.js';
import {attacksOf, type Smoothness} from './attacks_of.js';
import type {ObjectiveName} from './objectives.js';
import {PLAIN, type PresetName, PRESETS} from './presets.js';

/** Everything that determines the weights of a trained row. */
export interface Settings {
  /** The row's name. */
  defense: string;
  network: NetworkName;
  epochs: number;
  /** Clean images in a batch. */
  batch: number;
  /** Specs of the attacks, separated by commas; this and the next seven are null where a row has no such setting. */
  attack: string | null;
  /** C and S are kept smooth by the paper's price, or by a bound on neighbors. */
  smoothness: Smoothness | null;
  /** How several attacks are put together. */
  union: UnionMode | null;
  /** By projected gradient descent, or by one step. */
  crafting: 'pgd' | 'fast' | null;
  /** Attacked images only, as many clean ones too, or the share that is attacked. */
  mix: 'adversarial' | 'both' | number | null;
  objective: ObjectiveName | null;
  labelSmoothing: number | null;
  /** γ of adversarial weight perturbation. */
  awp: number | null;
  /** What to do where the guard finds catastrophic overfitting. */
  onOverfitting: 'warn' | 'restore' | null;
  /** Attack steps for each batch. */
  steps: number;
  /** Epochs over which the bounds of the attack grow to full size. */
  boundWarmUp: number;
  /** The attack's; null for its default. */
  attackLearningRate: number | null;
  optimizer: 'adam' | 'momentum';
  /** Peak rate of the optimizer. */
  learningRate: number;
  schedule: 'constant' | 'steps' | 'cosine' | 'one-cycle';
  /** Epochs over which the rate of the schedule `cosine` rises. */
  warmUp: number;
  weightDecay: number;
  /** Decay of the average of the weights; 0 for no average. */
  ema: number;
  /** Images of the training set that are used, including those held out. */
  examples: number;
  /** Number of images, from the last, that select the best epoch and are not trained on. */
  heldOut: number;
  /** Folder of the model that training starts from; null for random weights. */
  init: string | null;
  seed: number;
}

/** The settings that {@link resolveSettings} completes. */
export type GivenSettings = Partial<Settings> &
  Pick<Settings, 'examples' | 'seed'>;

/** Shares of all epochs after which the rate of the schedule `steps` falls. */
export const MILESTONES = [0.5, 0.75];

/** Settings that plain training has not. */
const OF_ATTACKS = [
  ...['attack', 'smoothness', 'union', 'crafting', 'mix', 'objective'],
  ...['labelSmoothing', 'awp', 'onOverfitting'],
] as const satisfies ReadonlyArray<keyof Settings>;

/**
 * The given settings, completed from a preset.
 *
 * @throws Error if a setting is missing or two contradict each other.
 */
export function resolveSettings(
  defense: PaperRow,
  preset: PresetName | undefined,
  given: GivenSettings,
): Settings {
  const {training} = defense;
  const recipe = preset ? PRESETS[preset](defense) : PLAIN;
  const known = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  ) as GivenSettings;
  const {epochs, steps, ...settings} = {
    heldOut: Math.min(1000, Math.floor(given.examples / 10)),
    init: null,
    objective: training?.objective ?? 'loss',
    union: training?.union ?? null,
    ...recipe,
    ...known,
    defense: defense.name,
  };
  if (epochs === undefined) {
    throw new Error('Give --epochs or a --preset.');
  }
  const attacks = attacksOf(defense, settings.smoothness);
  const fast = settings.crafting === 'fast';
  const {objective, init} = settings;
  const complete: Settings = {
    ...settings,
    attack: attacks.join(', '),
    smoothness: attacks.some(spec => /[CS]/.test(spec))
      ? settings.smoothness
      : null,
    epochs,
    steps: steps ?? (fast ? 1 : 10),
    // An objective itself decides how to use clean images.
    mix: objective === 'loss' ? settings.mix : null,
    union: attacks.length > 1 ? (settings.union ?? 'worst') : null,
    labelSmoothing: objective === 'mart' ? null : settings.labelSmoothing,
    // Only fast crafting has a guard.
    onOverfitting: fast ? settings.onOverfitting : null,
    ...(!training && Object.fromEntries(OF_ATTACKS.map(key => [key, null]))),
  };
  checkNumbers(complete);
  if (training && fast && complete.attackLearningRate !== null) {
    throw new Error(
      '--attack-learning-rate is for --crafting pgd; a single step is as long as the bound.',
    );
  }
  if (complete.union === 'mean' && typeof complete.mix === 'number') {
    throw new Error(
      `--union mean stacks whole batches, which does not go with --mix ${complete.mix}: choose another --union.`,
    );
  }
  // There is no pretrained wide network.
  const fromRandom = !training || settings.network === 'wideresnet';
  if (preset && !init && !fromRandom) {
    throw new Error(
      `The preset ${preset} trains ${defense.name} from a trained model: give --init FOLDER, for instance one of ${defense.start}.`,
    );
  }
  return complete;
}

function checkNumbers({
  epochs,
  examples,
  heldOut,
  batch,
  warmUp,
  boundWarmUp,
}: Settings): void {
  if (examples - heldOut < batch) {
    throw new Error(
      `A batch of ${batch} is larger than the ${examples - heldOut} images to train on (${examples} without ${heldOut} held out).`,
    );
  }
  if (boundWarmUp > epochs) {
    throw new Error(
      `Bounds that grow over ${boundWarmUp} epochs do not reach full size in ${epochs}: --bound-warm-up must be at most --epochs.`,
    );
  }
  if (warmUp >= epochs) {
    throw new Error(
      `A warm-up of ${warmUp} epochs in a training of ${epochs} is too long: it must be shorter.`,
    );
  }
}

/** The settings to publish: of a folder its name only, not its path. */
export function published(settings: Settings): Settings {
  const {init} = settings;
  return {...settings, init: init && basename(init)};
}
