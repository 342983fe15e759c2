import {readFileSync, readdirSync} from 'node:fs';
import {createRequire} from 'node:module';
import {dirname, join, relative} from 'node:path';
import {fileURLToPath} from 'node:url';
import {build} from 'esbuild';
import {runNode} from '../helpers/run_node.js';

/** What became of one of tfjs-core's tests. */
export interface TestResult {
  name: string;
  status: 'passed' | 'failed' | 'pending' | 'excluded';
  failures: string[];
}

const here = dirname(fileURLToPath(import.meta.url));
const core = dirname(
  createRequire(import.meta.url).resolve('@tensorflow/tfjs-core'),
);

/** The test files in tfjs-core's package, such as `ops/abs_test.js`. */
export function testFiles(): string[] {
  return readdirSync(core, {recursive: true, encoding: 'utf8'})
    .filter(name => name.endsWith('_test.js'))
    .sort();
}

/**
 * Packs test files, tfjs and this project's backend into one program: the tests
 * import tfjs-core's modules one by one, and the backend must be part of the
 * same tfjs-core.
 *
 * @param outfile inside the repository, so that native packages are found
 */
export async function bundle(
  files: readonly string[],
  outfile: string,
): Promise<void> {
  const tests = files.map(f => './' + relative(here, join(core, f)));
  const contents = ['./setup.ts', ...tests, './execute.ts']
    .map(path => `import ${JSON.stringify(path)};`)
    .join('\n');
  await build({
    stdin: {contents, resolveDir: here},
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    mainFields: ['module', 'main'],
    external: ['onnxruntime-node', 'jasmine-core'],
    // tfjs-core declares its tests free of side effects: they would be left out.
    ignoreAnnotations: true,
    banner: {
      js: "import {createRequire as make} from 'node:module'; const require = make(import.meta.url);",
    },
    logLevel: 'error',
  });
}

/** Runs a bundle on a backend, in a process of its own. */
export async function run(
  bundle: string,
  backend: 'cpu' | 'onnx',
): Promise<TestResult[]> {
  const report = `${bundle}.${backend}.json`;
  const {status, output} = await runNode([bundle, backend, report]);
  if (status !== 0) {
    throw new Error(
      `tfjs-core's tests ended with status ${status}:\n${output}`,
    );
  }
  return JSON.parse(readFileSync(report, 'utf8')) as TestResult[];
}
