import {basename} from 'node:path';
import type {NetworkName} from '../models.js';
import type {PaperRow} from '../paper_rows.js';

/** Everything that the weights of a trained row follow from. */
export interface Settings {
  /** The row's name. */
  defense: string;
  network: NetworkName;
  epochs: number;
  /** Clean images in a batch. */
  batch: number;
  /** Whether a row trains on attacked images alone, or on clean ones too; null where it has no choice. */
  mix: 'adversarial' | 'both' | null;
  /** Attack steps for each batch. */
  steps: number;
  /** Epochs in which the bounds of the attack grow to their full size. */
  boundWarmUp: number;
  /** Of the attack; null for its default. */
  attackLearningRate: number | null;
  optimizer: 'adam' | 'momentum';
  /** The optimizer's, at its highest. */
  learningRate: number;
  schedule: 'constant' | 'steps' | 'cosine' | 'one-cycle';
  /** Epochs in which the rate rises, of the schedule `cosine`. */
  warmUp: number;
  weightDecay: number;
  /** Decay of the average of the weights; 0 for no average. */
  ema: number;
  /** Images of the training set that are used, those held out included. */
  examples: number;
  /** The last so many of them choose the best epoch and are never trained on. */
  heldOut: number;
  /** Folder of the model that training starts from; null for random weights. */
  init: string | null;
  seed: number;
}

export type PresetName = 'paper' | 'cpu';

/** What {@link resolveSettings} fills up. */
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

/** Where the rate falls in the schedule `steps`, as parts of all epochs. */
export const MILESTONES = [0.5, 0.75];

/** Sized for a GPU. What is not known of the paper's own recipe is said in the help. */
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

/** Sized for two cores and hours. */
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
      // The paper's ten steps of 0.007 reach 2.3 times the bound: so do these.
      attackLearningRate: 0.023,
    };
  }
  // The clean half of `both` would cost about as much as the attack.
  return {
    ...recipe,
    epochs: 2,
    mix: 'adversarial',
    learningRate: 0.05,
    steps: 2,
  };
}

/**
 * What is given, filled up from a preset.
 *
 * @throws Error if something is missing or does not go together.
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
    throw new Error('Say for how many --epochs, or give a --preset.');
  }
  const {examples, heldOut, batch, warmUp, boundWarmUp, init} = settings;
  if (examples - heldOut < batch) {
    throw new Error(
      `A batch of ${batch} is more than the ${examples - heldOut} images that ${examples} less ${heldOut} held out leave.`,
    );
  }
  if (boundWarmUp > epochs) {
    throw new Error(
      `Bounds that grow for ${boundWarmUp} epochs never reach their size in ${epochs}: give --bound-warm-up of at most --epochs.`,
    );
  }
  if (warmUp >= epochs) {
    throw new Error(
      `A warm-up of ${warmUp} epochs does not go with ${epochs} epochs: it must be shorter.`,
    );
  }
  // Nobody has a pretrained wide network.
  const fromNothing = !defense.training || settings.network === 'wideresnet';
  if (preset && !init && !fromNothing) {
    throw new Error(
      `The preset ${preset} trains ${defense.name} on from a trained model: give --init FOLDER, for instance an Undefended one.`,
    );
  }
  return {...settings, mix: hasMix(defense) ? settings.mix : null, epochs};
}

/** An objective decides itself what to do with clean images. */
function hasMix({training}: PaperRow): boolean {
  return training !== null && !training.objective;
}

/** As it is published: where a folder lies is nobody else's business. */
export function published(settings: Settings): Settings {
  const {init} = settings;
  return {...settings, init: init && basename(init)};
}
