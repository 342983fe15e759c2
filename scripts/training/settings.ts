import {basename} from 'node:path';
import type {NetworkName} from '../models.js';
import type {PaperRow} from '../paper_rows.js';

/** Everything that determines the weights of a trained row. */
export interface Settings {
  /** The row's name. */
  defense: string;
  network: NetworkName;
  epochs: number;
  /** Clean images in a batch. */
  batch: number;
  /** Whether a row trains on attacked images only or also on clean ones; null if it has no choice. */
  mix: 'adversarial' | 'both' | null;
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

export type PresetName = 'paper' | 'cpu';

/** The settings that {@link resolveSettings} completes. */
export type GivenSettings = Partial<Settings> &
  Pick<Settings, 'examples' | 'seed'>;

type Recipe = Omit<
  Settings,
  'defense' | 'epochs' | 'examples' | 'heldOut' | 'init' | 'seed'
> & {epochs?: number};

const PLAIN: Recipe = {
  network: 'resnet32',
  batch: 128,
  mix: 'both',
  steps: 10,
  boundWarmUp: 0,
  attackLearningRate: null,
  optimizer: 'adam',
  learningRate: 0.001,
  schedule: 'constant',
  warmUp: 0,
  weightDecay: 0,
  ema: 0,
};

/** Shares of all epochs after which the rate of the schedule `steps` falls. */
export const MILESTONES = [0.5, 0.75];

/** Sized for a GPU. The help says which parts of the paper's recipe are unknown. */
function paper(defense: PaperRow): Recipe {
  if (defense.name === 'TRADES') {
    // Zhang et al. 2019, section 5.
    return {
      ...PLAIN,
      network: 'wideresnet',
      epochs: 100,
      optimizer: 'momentum',
      learningRate: 0.1,
      schedule: 'steps',
      weightDecay: 2e-4,
    };
  }
  if (!defense.training) {
    // He et al. 2016, section 4.2: 64,000 updates.
    return {
      ...PLAIN,
      epochs: 164,
      optimizer: 'momentum',
      learningRate: 0.1,
      schedule: 'steps',
      weightDecay: 1e-4,
    };
  }
  // 13,900 updates with half-batches of clean images, from pretrained weights.
  return {...PLAIN, epochs: 100, batch: 360, schedule: 'steps'};
}

/** Sized for two cores and a few hours. */
function cpu(defense: PaperRow): Recipe {
  const recipe: Recipe = {
    ...PLAIN,
    optimizer: 'momentum',
    schedule: 'one-cycle',
    weightDecay: 5e-4,
    ema: 0.995,
  };
  if (!defense.training) return {...recipe, epochs: 8, learningRate: 0.1};
  if (defense.training.objective) {
    return {
      ...recipe,
      epochs: 2,
      learningRate: 0.02,
      steps: 3,
      // Reaches 2.3 times the bound, as the paper's ten steps of 0.007 do.
      attackLearningRate: 0.023,
    };
  }
  // The clean half of `both` costs about as much as the attack.
  return {
    ...recipe,
    epochs: 2,
    mix: 'adversarial',
    learningRate: 0.05,
    steps: 2,
  };
}

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
  const recipe = preset ? {paper, cpu}[preset](defense) : PLAIN;
  const known = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  ) as GivenSettings;
  const {epochs, ...settings} = {
    heldOut: Math.min(1000, Math.floor(given.examples / 10)),
    init: null,
    ...recipe,
    ...known,
    defense: defense.name,
  };
  if (epochs === undefined) {
    throw new Error('Give --epochs or a --preset.');
  }
  const {examples, heldOut, batch, warmUp, boundWarmUp, init} = settings;
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
  // There is no pretrained wide network.
  const fromRandom = !defense.training || settings.network === 'wideresnet';
  if (preset && !init && !fromRandom) {
    throw new Error(
      `The preset ${preset} trains ${defense.name} from a trained model: give --init FOLDER, for instance an Undefended one.`,
    );
  }
  return {...settings, mix: hasMix(defense) ? settings.mix : null, epochs};
}

/** An objective itself decides how to use clean images. */
function hasMix({training}: PaperRow): boolean {
  return training !== null && !training.objective;
}

/** The settings to publish: of a folder its name only, not its path. */
export function published(settings: Settings): Settings {
  const {init} = settings;
  return {...settings, init: init && basename(init)};
}
