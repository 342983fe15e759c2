// Registers the layers of saved models, also in bundles that use none of them.
import './models/layers.js';
export {
  attack,
  type Attack,
  type AttackProgress,
  type Iterate,
  type PerturbArgs,
  type PerturbAsyncArgs,
  type Perturbed,
} from './attacks/attack.js';
export {
  adversarialDataset,
  type AdversarialDatasetArgs,
} from './training/adversarial_dataset.js';
export type {DatasetBatch} from './data/dataset_batch.js';
export {Delta, type DeltaArgs} from './attacks/threat_models/delta.js';
export {
  countClasses,
  logits,
  type Classifier,
  type LogitsFunction,
} from './models/logits.js';
export type {CustomLoss, LossName} from './attacks/losses.js';
export type {
  AttackOptimizer,
  OptimizerName,
  Norm,
  OptimizerStep,
  UpdateArgs,
} from './attacks/optimizers.js';
export type {
  AttackOptions,
  RandomStart,
  ResolvedOptions,
} from './attacks/options.js';
export {ReColor, type ReColorArgs} from './attacks/threat_models/recolor.js';
export {Sequence} from './attacks/threat_models/sequence.js';
export {RECOMMENDED_SMOOTH} from './attacks/threat_models/smooth.js';
export {StAdv, type StAdvArgs} from './attacks/threat_models/stadv.js';
export {
  ThreatModel,
  type Variant,
} from './attacks/threat_models/threat_model.js';
export {
  adversarialTraining,
  type AdversarialTraining,
} from './callbacks/adversarial_training.js';
export type {
  AdversarialTrainingArgs,
  AdversarialTrainingState,
  UnionMode,
} from './training/adversarial_training_args.js';
export {NonFiniteError} from './training/finite_check.js';
export type {Crafting, FastArgs} from './training/fast_args.js';
export type {GuardArgs, GuardState} from './training/overfitting_guard.js';
export type {SnapshotTensors} from './tfjs/snapshot.js';
export {logitPairing, type LogitPairingArgs} from './defenses/logit_pairing.js';
export {mart, type MartArgs} from './defenses/mart.js';
export {
  cosine,
  learningRate,
  oneCycle,
  stepDecay,
  type CosineArgs,
  type LearningRate,
  type Schedule,
  type StepDecayArgs,
} from './callbacks/learning_rate.js';
export {
  tensorBoard,
  type TensorBoardArgs,
  type TensorBoardCallback,
} from './callbacks/tensor_board.js';
export {
  weightAverage,
  type WeightAverage,
  type WeightAverageArgs,
  type WeightAverageState,
} from './callbacks/weight_average.js';
export type {Resolution} from './color/lattice.js';
export type {ColorSpace} from './color/color_space.js';
export {colorSpaces, type ColorSpaceName} from './color/color_spaces.js';
export type {ObjectiveArgs, TrainingObjective} from './defenses/objective.js';
export {trades, type TradesArgs} from './defenses/trades.js';
export {
  attackPicture,
  type AttackPicture,
  type AttackPictureOptions,
  type Classes,
} from './pictures/attack_picture.js';
export {drawPicture} from './pictures/draw_picture.js';
export {imageGrid, type ImageGridOptions} from './pictures/image_grid.js';
export {
  rowsPicture,
  type Caption,
  type Picture,
  type PictureRow,
  type PictureText,
  type RowsPictureOptions,
} from './pictures/picture.js';
export type {
  HistogramData,
  HParamsMetric,
  HParamValue,
  SummaryImages,
  SummaryWriter,
} from './tensorboard/summary_writer.js';
export {cifarResnet, resnet20, resnet32, resnet56} from './models/resnet.js';
export {wideResnet, wideResnet34x10} from './models/wideresnet.js';
export {loadRobust, type LoadRobustArgs} from './models/robust.js';
export {smallCnn, type SmallCnnOptions} from './models/small.js';
export {
  IMAGENET_NORMALIZATION,
  type ClassifierOptions,
} from './models/builder.js';
export {
  NormalizationLayer,
  type Normalization,
  type FormerNormalization,
} from './models/layers.js';
export {withoutFilterGradients} from './tfjs/input_gradient.js';
export {grayscale} from './defenses/grayscale.js';
export {ImageSet} from './data/images.js';
export {augment, type Augmentation} from './data/augment.js';
export {
  batches,
  batchesPerEpoch,
  imageDataset,
  type Batch,
  type BatchOptions,
} from './data/batches.js';
export {CIFAR10_CLASSES} from './data/cifar10_format.js';
export {
  strong,
  type StrongArgs,
  type StrongAttack,
} from './evaluation/strong.js';
export type {SearchShare} from './evaluation/strong_attack.js';
export {
  evaluateRobustness,
  type AttackResult,
  type AttackedExample,
  type EvaluateArgs,
  type EvaluationProgress,
  type RobustnessReport,
} from './evaluation/robustness.js';
export {
  attackExamples,
  type AttackExamplesArgs,
  type FinishedExample,
} from './evaluation/attack_examples.js';
export {
  lpips,
  type LpipsNetwork,
  type LpipsWeights,
} from './evaluation/lpips.js';
export type {Examples} from './evaluation/examples.js';
export type {LoadedExamples} from './evaluation/loaded_examples.js';
export type {
  EvaluationWarning,
  WarningCode,
} from './evaluation/warnings/warning.js';
export {
  withPreprocessing,
  type PreprocessingArgs,
} from './models/preprocessing.js';
