export {lowerings} from '../../../src/backend/onnx/kernels/index.js';
export {registerOnnx} from '../../../src/onnx.js';

/** Kernels that are done without an operator of ONNX. */
export const viewKernels = [
  'Identity',
  'Reshape',
  'ExpandDims',
  'Cast',
  'Fill',
];
