export {lowerings} from '../../src/kernels/index.js';
export {registerOnnx} from '../../src/index.js';

/** Kernels that are done without an operator of ONNX. */
export const viewKernels = [
  'Identity',
  'Reshape',
  'ExpandDims',
  'Cast',
  'Fill',
];
