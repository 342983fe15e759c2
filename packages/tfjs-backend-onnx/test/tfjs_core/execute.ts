/* Runs inside the bundle, after the tests have been described. */
import {writeFileSync} from 'node:fs';
import type {TestResult} from './run.js';
import {backendName, jasmine} from './setup.js';

const results: TestResult[] = [];
const environment = jasmine.getEnv();
environment.configure({random: false});
environment.addReporter({
  specDone({fullName, status, failedExpectations}) {
    results.push({
      // The same name on every backend.
      name: fullName.replace(` ${backendName} {}`, ''),
      status,
      failures: failedExpectations.map(f => f.message),
    });
  },
});
await environment.execute();
writeFileSync(process.argv[3]!, JSON.stringify(results));
