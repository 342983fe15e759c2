import test from 'ava';
import {onBackend} from '../helpers/backends.js';
import {strongEvaluations, strongSpecs} from './strong.js';

await onBackend(test, 'onnx', (test, backend) => {
  strongEvaluations(test, backend);
  strongSpecs(test);
});
