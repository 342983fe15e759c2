import './activations.js';
import './arrays.js';
import './binary.js';
import './conv_filter_gradient.js';
import './conv_input_gradient.js';
import './convolution.js';
import './gather.js';
import './matmul.js';
import './batch_norm.js';
import './adam.js';
import './pooling.js';
import './reductions.js';
import './resize.js';
import './unary.js';

export {lowerings} from './registry.js';
