// Checks the package as a new user meets it: packs it, installs the tarball
// into an empty project beside tfjs, and trains from ES modules, CommonJS,
// TypeScript and a bundle for browsers. Prints one line a check, and a count.
//   node scripts/check_package.mjs [--keep] [--tensorflow]
// --keep leaves the project where it is; --tensorflow also sets tfjs-node up
// there, which otherwise happens only where this repository has it set up.
import {existsSync, readFileSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {createContext, runInContext} from 'node:vm';
import {build} from 'esbuild';
import {GIVEN, imports, javascript, TRAIN} from './package/programs.mjs';
import {
  install,
  project,
  root,
  run,
  typescript,
  versionOf,
  write,
} from './package/project.mjs';

const keep = process.argv.includes('--keep');
const version = versionOf('@tensorflow/tfjs');

const assert = (condition, message) => {
  if (!condition) throw new Error(message);
};

let passed = 0;
const failures = [];
async function check(name, work) {
  const started = performance.now();
  try {
    await work();
    passed++;
    const seconds = (performance.now() - started) / 1000;
    console.log(`✔ ${name} (${seconds.toFixed(1)} s)`);
  } catch (error) {
    failures.push(name);
    console.log(`✘ ${name}\n${error.message.replace(/^/gm, '    ')}`);
  }
}

let tarball = '';
await check('npm pack holds what it should and nothing else', () => {
  // Scripts are off in this repository, and prepack is one.
  run('npm', ['run', 'build'], root);
  const packed = run(
    'npm',
    ['pack', '--json', `--pack-destination=${project}`],
    root,
  );
  // The build prints before the JSON.
  const [{filename, files}] = JSON.parse(packed.slice(packed.search(/^\[/m)));
  tarball = join(project, filename);
  const paths = files.map(({path}) => path);
  const wanted = ['README.md', 'LICENSE', 'CHANGELOG.md', 'package.json'];
  for (const path of [
    ...wanted,
    'dist/index.js',
    'dist/index.d.ts',
    'dist/node.js',
    'dist/node.d.ts',
  ]) {
    assert(paths.includes(path), `${path} is missing`);
  }
  const others = paths.filter(
    path =>
      !wanted.includes(path) && !/^dist\/(?!.*test).*\.(js|d\.ts)$/.test(path),
  );
  assert(others.length === 0, `there should not be ${others.join(', ')}`);
});

await check('npm install of the tarball beside @tensorflow/tfjs', () => {
  write('package.json', '{"private": true}');
  install(`@tensorflow/tfjs@${version}`, tarball);
  const copies = run('npm', [
    'ls',
    '--all',
    '--parseable',
    '@tensorflow/tfjs-core',
  ])
    .trim()
    .split('\n');
  assert(copies.length === 1, `several copies of tfjs: ${copies}`);
});

await check('ES modules: trains', () => {
  write('esm.mjs', imports('@tensorflow/tfjs') + javascript);
  assert(/trained on cpu/.test(run('node', ['esm.mjs'])), 'it did not train');
});

await check('CommonJS: trains, with one copy of tfjs', () => {
  write(
    'commonjs.cjs',
    `const tf = require('@tensorflow/tfjs');
const {adversarialTraining, smallCnn} = require('tfjs-adversarial');
require('tfjs-adversarial/node');
if (!(smallCnn({inputShape: [8, 8, 3]}) instanceof tf.LayersModel)) throw new Error('two copies of tfjs');
import('@tensorflow/tfjs').then(esm => {
  if (esm.LayersModel !== tf.LayersModel) throw new Error('ES modules get another copy');
});
${javascript}`,
  );
  assert(
    /trained on cpu/.test(run('node', ['commonjs.cjs'])),
    'it did not train',
  );
});

await check(
  'TypeScript, strict NodeNext: ES module and CommonJS compile',
  () => {
    const typed =
      imports(
        '@tensorflow/tfjs',
        'adversarialTraining, attack, type Perturbed',
      ) +
      TRAIN.replace('<RANK>', '<tf.Rank.R4>') +
      `const perturbed: Perturbed = attack('D').perturb(model, x, y as tf.Tensor2D);
const history: Promise<tf.History> = model.fit(x, y, {callbacks});
console.log(perturbed.adversarial.shape, history);
`;
    write(
      'esm.mts',
      typed +
        "import {loadModel} from 'tfjs-adversarial/node';\nawait loadModel('a');\n",
    );
    write('commonjs.cts', typed);
    typescript(['esm.mts', 'commonjs.cts']);
  },
);

await check('README: every TypeScript example compiles', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const blocks = [...readme.matchAll(/^```ts\n([^]*?)^```/gm)].map(m => m[1]);
  assert(blocks.length >= 5, `only ${blocks.length} examples found`);
  write('given.d.ts', GIVEN);
  const names = blocks.map((block, i) => {
    // tfjs-node has the same types.
    block = block.replaceAll("'@tensorflow/tfjs-node'", "'@tensorflow/tfjs'");
    const own = /import \* as tf /.test(block);
    // As if the names that the text speaks of had been defined.
    write(
      `readme${i}.mts`,
      (own ? '' : "import * as tf from '@tensorflow/tfjs';\nvoid tf;\n") +
        block +
        '\nexport {};\n',
    );
    return `readme${i}.mts`;
  });
  typescript(['given.d.ts', ...names]);
});

await check('esbuild bundles it for browsers; the bundle trains', async () => {
  write('browser.mjs', imports('@tensorflow/tfjs') + javascript);
  // A module of Node in the bundle would be an error here.
  const {outputFiles} = await build({
    absWorkingDir: project,
    entryPoints: ['browser.mjs'],
    bundle: true,
    write: false,
    platform: 'browser',
    logLevel: 'silent',
  });
  // What a web worker has, and nothing of Node.
  let printed = '';
  const log = (...words) => (printed += words.join(' '));
  const worker = {
    performance,
    setTimeout,
    clearTimeout,
    TextEncoder,
    TextDecoder,
  };
  createContext(
    Object.assign(worker, {
      self: worker,
      WorkerGlobalScope: Object,
      console: {...console, log, warn() {}},
    }),
  );
  runInContext(outputFiles[0].text, worker);
  for (let i = 0; i < 600 && !/trained/.test(printed); i++) await sleep(100);
  assert(/trained on cpu/.test(printed), 'it did not train');
});

await check('tfjs-adversarial/onnx: trains', () => {
  // Its own install script wants CUDA libraries from elsewhere, so that where
  // those cannot be had npm has left it out.
  install(
    '--ignore-scripts',
    `onnxruntime-node@${versionOf('onnxruntime-node')}`,
  );
  const onnx =
    "import 'tfjs-adversarial/onnx';\nawait tf.setBackend('onnx');\n";
  write('onnx.mjs', imports('@tensorflow/tfjs') + onnx + javascript);
  assert(/trained on onnx/.test(run('node', ['onnx.mjs'])), 'it did not train');
});

await check('npx tfjs-adversarial-setup --help', () => {
  const help = run('npx', ['--no-install', 'tfjs-adversarial-setup', '--help']);
  assert(/Usage: tfjs-adversarial-setup/.test(help), help);
});

// With what this repository's own set-up left in the cache, this takes seconds;
// without it, it would be a download that nobody asked for.
if (
  process.argv.includes('--tensorflow') ||
  existsSync(join(root, 'node_modules/@tensorflow/tfjs-node/deps/lib'))
) {
  await check('tfjs-node, set up by the installed package: trains', () => {
    install('--ignore-scripts', `@tensorflow/tfjs-node@${version}`);
    run('npx', ['--no-install', 'tfjs-adversarial-setup']);
    write('tfjs-node.mjs', imports('@tensorflow/tfjs-node') + javascript);
    assert(
      /trained on tensorflow/.test(run('node', ['tfjs-node.mjs'])),
      'it did not train',
    );
    write(
      'tfjs-node.cjs',
      `const tf = require('@tensorflow/tfjs-node');\nconst {adversarialTraining} = require('tfjs-adversarial');\n${javascript}`,
    );
    assert(
      /trained on tensorflow/.test(run('node', ['tfjs-node.cjs'])),
      'it did not train',
    );
  });
} else {
  console.log(
    '– tfjs-node is not set up here (npm run setup:tensorflow): not tried',
  );
}

if (keep) console.log(`Kept: ${project}`);
else rmSync(project, {recursive: true, force: true});
console.log(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length ? 1 : 0;
