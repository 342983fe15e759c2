// The same command that users of the package run as tfjs-adversarial-setup.
import '../src/cli/setup_tensorflow.js';
