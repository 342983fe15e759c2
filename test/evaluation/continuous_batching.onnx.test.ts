import test from 'ava';
import {onBackend} from '../helpers/backends.js';
import {continuousEqualsPlain} from './continuous_batching.js';

await onBackend(test, 'onnx', continuousEqualsPlain);
