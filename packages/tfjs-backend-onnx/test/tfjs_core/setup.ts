/*
 * Runs inside the bundle, before the tests: Jasmine's globals, and tfjs-core
 * told to test one backend and nothing else.
 */
// Registers the chained operations that the tests call.
import '@tensorflow/tfjs';
import jasmineCore from 'jasmine-core';
import {registerOnnx} from '../../src/register.js';
// @ts-expect-error -- not among tfjs-core's published types
import {setTestEnvs} from '@tensorflow/tfjs-core/dist/jasmine_util';

export const backendName = process.argv[2]!;

export const jasmine = jasmineCore.boot();
jasmine.DEFAULT_TIMEOUT_INTERVAL = 60_000;

registerOnnx({threads: 1});
setTestEnvs([{name: backendName, backendName, isDataSync: true}]);
