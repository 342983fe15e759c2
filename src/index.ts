export {
  attack,
  type Attack,
  type PerturbArgs,
  type Perturbed,
} from './attacks/attack.js';
export {
  adversarialDataset,
  type AdversarialDatasetArgs,
  type DatasetBatch,
} from './attacks/adversarial_dataset.js';
export {Delta, type DeltaArgs} from './attacks/delta.js';
export type {Classifier, LogitsFunction} from './attacks/logits.js';
export type {LossName} from './attacks/losses.js';
export type {AttackOptions} from './attacks/options.js';
export {ReColor, type ReColorArgs} from './attacks/recolor.js';
export {Sequence} from './attacks/sequence.js';
export {StAdv, type StAdvArgs} from './attacks/stadv.js';
export type {ThreatModel, Variant} from './attacks/threat_model.js';
export {
  adversarialTraining,
  type AdversarialTraining,
  type AdversarialTrainingArgs,
} from './callbacks/adversarial_training.js';
export {
  tensorBoard,
  type TensorBoardArgs,
  type TensorBoardCallback,
} from './callbacks/tensor_board.js';
export type {ColorSpace} from './color/color_space.js';
export {colorSpaces, type ColorSpaceName} from './color/color_spaces.js';
export type {ObjectiveArgs, TrainingObjective} from './defenses/objective.js';
export {trades, type TradesArgs} from './defenses/trades.js';
export {imageGrid, type ImageGridOptions} from './tensorboard/image_grid.js';
export type {
  HistogramData,
  HParamsMetric,
  HParamValue,
  SummaryImages,
  SummaryWriter,
} from './tensorboard/summary_writer.js';
