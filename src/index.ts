export {
  tensorBoard,
  type TensorBoardArgs,
  type TensorBoardCallback,
} from './callbacks/tensor_board.js';
export {imageGrid, type ImageGridOptions} from './tensorboard/image_grid.js';
export type {
  HistogramData,
  HParamsMetric,
  HParamValue,
  SummaryImages,
  SummaryWriter,
} from './tensorboard/summary_writer.js';
