export {cifarResnet, resnet20, resnet32, resnet56} from './models/resnet.js';
export {wideResnet, wideResnet34x10} from './models/wideresnet.js';
export {smallCnn, type SmallCnnOptions} from './models/small.js';
export {
  IMAGENET_NORMALIZATION,
  type ClassifierOptions,
} from './models/builder.js';
export type {Normalization} from './models/layers.js';
export {grayscale} from './defenses/grayscale.js';
export {ImageSet} from './data/images.js';
export {augment, type Augmentation} from './data/augment.js';
export {
  batches,
  imageDataset,
  type Batch,
  type BatchOptions,
} from './data/batches.js';
export {CIFAR10_CLASSES} from './data/cifar10_format.js';
