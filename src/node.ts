export {
  loadCifar10,
  type Cifar10Options,
  type Cifar10Source,
} from './data/cifar10.js';
export {
  ImageFolder,
  imageFolder,
  type ImageFolderOptions,
  type SkippedFile,
} from './data/image_folder.js';
export {
  FASHION_MNIST_CLASSES,
  loadFashionMnist,
  type FashionMnistOptions,
} from './data/fashion_mnist.js';
export {loadIdx, type IdxOptions} from './data/idx_set.js';
export {loadMnist, type MnistOptions} from './data/mnist.js';
export type {Split} from './data/cifar10_format.js';
export type {PypiOptions} from './io/pypi.js';
export {loadLpips, type LoadLpipsOptions} from './evaluation/lpips_weights.js';
export {
  loadGraphModel,
  loadModel,
  saveModel,
  type SaveModelOptions,
} from './models/files.js';
export {loadKeras} from './models/keras/load_keras.js';
export {loadRobust, robustFolder} from './models/robust_package.js';
export type {LoadRobustArgs} from './models/robust.js';
export {
  loadPyTorchCheckpoint,
  type Checkpoint,
  type CheckpointOptions,
} from './models/pytorch/checkpoint.js';
export {
  resnetFromPyTorch,
  type FromPyTorchOptions,
} from './models/pytorch/resnet.js';
export type {CheckpointTensor} from './models/pytorch/tensors.js';
export {
  eventFileWriter,
  type EventFileOptions,
} from './tensorboard/event_file.js';
export {encodePng, type Pixels} from './io/png.js';
export {picturePng, savePng} from './pictures/save_png.js';
export {
  backendNames,
  defaultBackend,
  loadBackend,
  loadDefaultBackend,
  type BackendName,
} from './tfjs_node/load_backend.js';
export type {
  ByteCounter,
  Progress as SetupProgress,
} from './tfjs_node/progress.js';
export {
  setupTensorflow,
  SetupError,
  type SetupOptions,
  type SetupResult,
} from './tfjs_node/setup.js';
