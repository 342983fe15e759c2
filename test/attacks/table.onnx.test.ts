import test from 'ava';
import {onBackend} from '../helpers/backends.js';
import {attackTable} from './table.js';

await onBackend(test, 'onnx', attackTable);
