// Loaded before a command line (--import): from the gradient number FAIL_AFTER of
// a convolution's input on, the backend cpu fails as a device does that is lost.
import * as tf from '@tensorflow/tfjs';

const after = Number(process.env.FAIL_AFTER);
const name = 'Conv2DBackpropInput';
const original = tf.getKernel(name, 'cpu');
let calls = 0;

tf.unregisterKernel(name, 'cpu');
tf.registerKernel({
  ...original,
  kernelFunc: args => {
    if (++calls > after) throw new Error('The device was lost.');
    return original.kernelFunc(args);
  },
});
