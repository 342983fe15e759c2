/**
 * `import 'tfjs-adversarial/onnx'` registers the TensorFlow.js backend `onnx`,
 * which runs on ONNX Runtime's native library and needs nothing but npm.
 */
import {registerOnnx} from './backend/onnx/index.js';

export * from './backend/onnx/index.js';

registerOnnx();
