import test from 'ava';
import {onBackend} from '../../helpers/backends.js';
import {smoothBounds} from './smooth.js';

await onBackend(test, 'cpu', smoothBounds);
