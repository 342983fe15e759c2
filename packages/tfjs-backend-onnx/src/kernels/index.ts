/* Importing a file defines its kernels. */
import './activations.js';
import './adam.js';
import './batch_norm.js';
import './binary.js';
import './concat.js';
import './conv_filter_gradient.js';
import './conv_input_gradient.js';
import './convolution.js';
import './creation.js';
import './cumsum.js';
import './gather.js';
import './matmul.js';
import './pad.js';
import './pooling.js';
import './rearrange.js';
import './reductions.js';
import './resize.js';
import './scatter.js';
import './slice.js';
import './top_k.js';
import './unary.js';

export {lowerings} from './registry.js';
