import {spawn} from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {setupTensorflow, SetupError} from '../../src/tfjs_node/setup.js';
import {zipOf} from '../helpers/zip.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const CLI = join(root, 'scripts', 'setup_tensorflow.ts');
const TFJS = createRequire(import.meta.url).resolve('@tensorflow/tfjs');

// Stands for tfjs-node: works, by tfjs's own cpu backend, as soon as it has a
// binding and the libraries that this one would load.
const PACKAGE_INDEX = `
const {existsSync, readFileSync} = require('fs');
const at = name => __dirname + '/../' + name;
if (!existsSync(at('lib/napi-v8/tfjs_binding.node'))) throw new Error('no binding');
if (readFileSync(at('deps/lib/libtensorflow_cc.so.2'), 'utf8') !== 'cc') throw new Error('no library');
const tf = require(${JSON.stringify(TFJS)});
module.exports = {...tf, getBackend: () => 'tensorflow', backend: () => ({binding: {TF_Version: 'fake'}})};
`;

const WHEEL_FILES = {
  'tensorflow/libtensorflow_cc.so.2': 'cc',
  'tensorflow/libtensorflow_framework.so.2': 'framework',
  'tensorflow/include/tensorflow/c/c_api.h': '// header',
  'tensorflow/python/unwanted.py': 'unwanted',
};

/** A project with a tfjs-node, tools on a path of their own, and a cache. */
export class FakeProject {
  readonly folder = mkdtempSync(join(tmpdir(), 'setup-test-'));
  readonly cache = join(this.folder, 'cache', 'tensorflow');
  readonly package: string;
  private readonly bin = join(this.folder, 'bin');

  constructor({
    host = 'http://127.0.0.1:9',
    name = '@tensorflow/tfjs-node',
  } = {}) {
    mkdirSync(this.bin);
    this.package = join(this.folder, 'node_modules', name);
    const manifest = {
      name,
      version: '4.22.0',
      main: 'dist/index.js',
      binary: {
        module_name: 'tfjs_binding',
        module_path: './lib/napi-v{napi_build_version}',
        host,
        napi_versions: [3, 8],
      },
    };
    this.write('package.json', JSON.stringify(manifest));
    this.write('dist/index.js', PACKAGE_INDEX);
    this.write('binding/tfjs_backend.cc', '// C++');
    this.write('binding/tfjs_binding.cc', '// C++');
    this.write(
      'node_modules/@mapbox/node-pre-gyp/package.json',
      JSON.stringify({name: '@mapbox/node-pre-gyp'}),
    );
  }

  /** Writes a file of the package. */
  write(name: string, text: string): void {
    const file = join(this.package, name);
    mkdirSync(join(file, '..'), {recursive: true});
    writeFileSync(file, text);
  }

  /** Adds a command that runs `program`, which has `args`, `fs` and `path`. */
  addTool(name: string, program: string): void {
    const file = join(this.bin, name);
    writeFileSync(
      file,
      `#!${process.execPath}\nconst fs = require('fs'), path = require('path');\nconst args = process.argv.slice(2);\n${program}`,
    );
    chmodSync(file, 0o755);
  }

  removeTool(name: string): void {
    rmSync(join(this.bin, name));
  }

  /** A Python whose `pip download` runs `download` with the folder `dest`. */
  addPython(download: string): void {
    this.addTool(
      'python3',
      `if (args[2] === '--version') process.exit(0);
       fs.appendFileSync(${JSON.stringify(join(this.folder, 'downloads'))}, args.join(' ') + '\\n');
       const dest = args[args.indexOf('--dest') + 1];
       const wheel = path.join(dest, 'tensorflow_cpu-fake.whl');
       ${download}`,
    );
  }

  /** A Python that downloads a good wheel. */
  addWorkingPython(): void {
    this.addPython(`fs.copyFileSync(${JSON.stringify(this.wheel())}, wheel);`);
  }

  /** A wheel with small stand-ins for TensorFlow's libraries. */
  wheel(): string {
    const file = join(this.folder, 'good.whl');
    writeFileSync(
      file,
      zipOf(
        Object.entries(WHEEL_FILES).map(([name, text]) => ({
          name,
          data: Buffer.from(text),
        })),
      ),
    );
    return file;
  }

  addCompiler(program = ''): void {
    this.addTool(
      'c++',
      `if (args[0] === '--version') process.exit(0);
       ${program}
       fs.writeFileSync(args[args.indexOf('-o') + 1], 'compiled');`,
    );
  }

  /** How often pip was asked for a download. */
  downloads(): string[] {
    const file = join(this.folder, 'downloads');
    if (!existsSync(file)) return [];
    return readFileSync(file, 'utf8').trim().split('\n');
  }

  /** Everything in the cache that a finished run would not leave there. */
  leftovers(): string[] {
    if (!existsSync(this.cache)) return [];
    return (readdirSync(this.cache, {recursive: true}) as string[]).filter(
      name => /partial|\.wheel/.test(name),
    );
  }

  /** Starts the command line in the project. */
  start(...args: string[]) {
    const child = spawn(
      process.execPath,
      [
        '--conditions=@tfjs-adversarial/source',
        '--import',
        createRequire(import.meta.url).resolve('tsx'),
        CLI,
        ...['--cache', join(this.cache, '..')],
        ...args,
      ],
      {cwd: this.folder, env: {PATH: this.bin, HOME: this.folder}},
    );
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', chunk => (stdout += chunk));
    child.stderr.on('data', chunk => (stderr += chunk));
    const ended = new Promise<{
      code: number | null;
      stdout: string;
      stderr: string;
    }>(resolve => child.on('close', code => resolve({code, stdout, stderr})));
    return {child, ended};
  }

  run(...args: string[]) {
    return this.start(...args).ended;
  }

  /** The same within this process, with the same few tools. */
  async setUp(cache = join(this.cache, '..')) {
    const said: string[] = [];
    const progress = {
      say: (text: string) => void said.push(text),
      bytes: () => ({add() {}, stop() {}}),
    };
    const {env} = process;
    process.env = {PATH: this.bin, HOME: this.folder};
    try {
      const options = {project: this.folder, cache, progress};
      return {said, result: await setupTensorflow(options), error: ''};
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      return {said, result: undefined, error: error.message};
    } finally {
      process.env = env;
    }
  }

  remove(): void {
    rmSync(this.folder, {recursive: true, force: true});
  }
}
