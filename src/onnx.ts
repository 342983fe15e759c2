/**
 * `import 'tfjs-adversarial/onnx'` registers the TensorFlow.js backend `onnx`,
 * which runs on ONNX Runtime's native library and needs nothing but npm.
 */
export * from 'tfjs-backend-onnx';
