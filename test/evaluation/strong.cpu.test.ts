import test from 'ava';
import {onBackend} from '../helpers/backends.js';
import {strongEvaluations} from './strong.js';

await onBackend(test, 'cpu', strongEvaluations);
