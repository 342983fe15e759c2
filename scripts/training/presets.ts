import type {PaperRow} from '../paper_rows.js';
import type {Settings} from './settings.js';

export type PresetName = 'paper' | 'evening';

/** Settings before those of a run; what is left out follows from the others. */
export type Recipe = Omit<
  Settings,
  | ('defense' | 'attack' | 'union' | 'objective')
  | ('epochs' | 'steps' | 'examples' | 'heldOut' | 'init' | 'seed')
> &
  Partial<Pick<Settings, 'epochs' | 'steps'>>;

/** Without a preset. */
export const PLAIN: Recipe = {
  network: 'resnet32',
  batch: 128,
  smoothness: 'price',
  crafting: 'pgd',
  mix: 'both',
  boundWarmUp: 0,
  attackLearningRate: null,
  labelSmoothing: 0,
  awp: 0,
  onOverfitting: 'warn',
  optimizer: 'adam',
  learningRate: 0.001,
  schedule: 'constant',
  warmUp: 0,
  weightDecay: 0,
  ema: 0,
};

export const PRESETS: Record<PresetName, (defense: PaperRow) => Recipe> = {
  paper,
  evening,
};

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

/**
 * Sized for two cores and at most 2½ hours a row on 50,000 images. With the
 * backend onnx and ResNet-32, an update takes 4 ms an image and a single step of
 * an attack 1.9 (D) to 3.1 (C+S+D).
 */
function evening(defense: PaperRow): Recipe {
  const recipe: Recipe = {
    ...PLAIN,
    smoothness: 'bound',
    crafting: 'fast',
    mix: 'adversarial',
    onOverfitting: 'restore',
    optimizer: 'momentum',
    schedule: 'one-cycle',
    learningRate: 0.1,
    weightDecay: 5e-4,
    ema: 0.998,
  };
  const {training, start} = defense;
  if (!training) return {...recipe, epochs: 40};
  // Two forward and backward passes for each update.
  if (training.objective) return {...recipe, epochs: 14, learningRate: 0.05};
  const fromRobust = start !== null && !start.startsWith('Undefended');
  return fromRobust
    ? {...recipe, epochs: 18, learningRate: 0.05}
    : {...recipe, epochs: 22};
}
