import test from 'ava';
import {onBackend} from '../helpers/backends.js';
import {mapsBatches} from './adversarial_map.js';

await onBackend(test, 'cpu', mapsBatches);
