// Checks the packages as a new user meets them: packs both, installs the
// tarballs into empty projects beside tfjs, and trains from ES modules,
// CommonJS, TypeScript and a bundle for browsers. Prints a line for each check,
// and a count.
//   node scripts/check_package.mjs [--keep] [--tensorflow]
// --keep leaves the projects where they are; --tensorflow also sets tfjs-node up
// there, which otherwise happens only where this repository has it set up.
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {bundle, runBundle} from './package/browser.mjs';
import {
  BUNDLED,
  GIVEN,
  imports,
  javascript,
  MNIST,
  TRAIN,
} from './package/programs.mjs';
import {Project, versionOf} from './package/project.mjs';
import {root, run} from './package/run.mjs';
import {Tarball} from './package/tarball.mjs';

const keep = process.argv.includes('--keep');
const version = versionOf('@tensorflow/tfjs');

const assert = (condition, message) => {
  if (!condition) throw new Error(message);
};
const none = (found, what) =>
  assert(found.length === 0, `${what}: ${found.join(', ')}`);

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

/** Installed tarballs of both packages. */
const tarballs = mkdtempSync(join(tmpdir(), 'tfjs-adversarial-tarballs-'));
const packed = {};
await check('npm run build', () => run('npm', ['run', 'build']));
for (const folder of ['.', 'packages/tfjs-backend-onnx']) {
  const tarball = new Tarball(join(root, folder));
  const {name} = tarball.manifest;
  await check(`${name}: npm pack holds what it should`, () => {
    packed[name] = tarball.pack(tarballs);
  });
  await check(`${name}: each file is reached from an export`, () =>
    none(tarball.unreached(), 'not reached'),
  );
  await check(`${name}: imports declared packages only`, () =>
    none(tarball.undeclared(), 'not declared'),
  );
  await check(`${name}: sideEffects is right`, () =>
    none(tarball.forgottenSideEffects(), 'not in sideEffects'),
  );
  await check(`${name}: npm publish --dry-run`, () => tarball.publishDryRun());
}

await check('tfjs-adversarial-models: npm pack holds models only', () => {
  const folder = join(root, 'packages', 'tfjs-adversarial-models');
  const args = ['pack', '--json', `--pack-destination=${tarballs}`];
  const {stdout} = run('npm', args, folder);
  const [{filename, files, name}] = JSON.parse(
    stdout.slice(stdout.search(/^\[/m)),
  );
  const other = files.filter(
    ({path, size}) =>
      size >= 1e6 ||
      !/^(models\/(models\.json|[\w+-]+\/(model\.json|card\.(md|json)|weights.*\.bin))|[A-Z]+(\.md)?|package\.json)$/.test(
        path,
      ),
  );
  none(
    other.map(({path}) => path),
    'it holds',
  );
  packed[name] = join(tarballs, filename);
});

const oneTfjs = project => {
  const copies = project
    .installed()
    .filter(path => path.endsWith('node_modules/@tensorflow/tfjs-core'));
  assert(copies.length === 1, `several copies of tfjs: ${copies}`);
  project.run('npm', 'ls', '@tensorflow/tfjs-core');
};
const trained = (backend, printed) =>
  assert(printed.includes(`trained on ${backend}`), 'it did not train');

const user = new Project();
await check('npm install beside tfjs brings one package', () => {
  user.install(`@tensorflow/tfjs@${version}`);
  const before = user.installed();
  user.install(packed['tfjs-adversarial']);
  const added = user.installed().filter(path => !before.includes(path));
  assert(
    String(added) === 'node_modules/tfjs-adversarial',
    `it brings ${added}`,
  );
  oneTfjs(user);
});

await check('ES modules: trains', () => {
  trained(
    'cpu',
    user.node('esm.mjs', imports('@tensorflow/tfjs') + javascript),
  );
});

await check('CommonJS: trains, with one copy of tfjs', () => {
  const program = `const tf = require('@tensorflow/tfjs');
const {adversarialTraining, smallCnn} = require('tfjs-adversarial');
require('tfjs-adversarial/node');
if (!(smallCnn({inputShape: [8, 8, 3]}) instanceof tf.LayersModel)) throw new Error('two copies of tfjs');
import('@tensorflow/tfjs').then(esm => {
  if (esm.LayersModel !== tf.LayersModel) throw new Error('ES modules get another copy');
});
${javascript}`;
  trained('cpu', user.node('commonjs.cjs', program));
});

await check('the bundled libraries work', () => {
  user.write('bundled.mjs', BUNDLED);
  const checkpoint = join(root, 'test', 'assets', 'pytorch-zip.pt');
  const printed = user.run('node', 'bundled.mjs', checkpoint);
  assert(/the libraries work/.test(printed), printed);
  const licenses = readFileSync(
    join(user.folder, 'node_modules/tfjs-adversarial/dist/vendor/LICENSES'),
    'utf8',
  );
  for (const name of ['protobufjs', 'minipass', 'string-width', 'pend']) {
    assert(licenses.includes(`\n${name} `), `no license of ${name}`);
  }
});

await check('without tfjs-backend-onnx, its absence is one sentence', () => {
  const printed = user.node(
    'no_backend.mjs',
    `import {loadBackend} from 'tfjs-adversarial/node';
await loadBackend('onnx').catch(error => console.log(error.message));`,
  );
  assert(
    /needs a package: run `npm install tfjs-backend-onnx`/.test(printed),
    printed,
  );
});

await check('npx tfjs-adversarial-setup --help', () => {
  const help = user.run(
    'npx',
    '--no-install',
    'tfjs-adversarial-setup',
    '--help',
  );
  assert(/Usage: tfjs-adversarial-setup/.test(help), help);
});

await check('npx tfjs-adversarial evaluate --help', () => {
  const args = ['--no-install', 'tfjs-adversarial', 'evaluate', '--help'];
  const help = user.run('npx', ...args);
  assert(/--images <path>/.test(help), help);
});

await check('esbuild bundles it for browsers; the bundle trains', async () => {
  user.write('browser.mjs', imports('@tensorflow/tfjs') + javascript);
  const text = await bundle(user, 'browser.mjs');
  trained('cpu', await runBundle(text, /trained/));
});

await check('a bundle leaves out what is not used, but no layer', async () => {
  const external = {format: 'esm', external: ['@tensorflow/*']};
  user.write('all.mjs', "export * from 'tfjs-adversarial';\n");
  user.write('little.mjs', "export {colorSpaces} from 'tfjs-adversarial';\n");
  const [all, little] = [
    await bundle(user, 'all.mjs', external),
    await bundle(user, 'little.mjs', external),
  ];
  assert(
    little.length < all.length / 2,
    `${little.length} of ${all.length} bytes are left`,
  );
  // Loading a saved model finds its layers by name.
  const registered = text => text.match(/serialization\.registerClass\(\w+\)/g);
  assert(
    registered(little)?.length === registered(all)?.length,
    `of ${registered(all)} only ${registered(little)} are left`,
  );
});

await check('a bundle for browsers refuses what needs Node', async () => {
  for (const [entry, name] of [
    ['onnx', 'useOnnx'],
    ['node', 'loadModel'],
  ]) {
    user.write(
      'refused.mjs',
      `import('./entry.mjs').catch(error => console.log(error.message));`,
    );
    user.write(
      'entry.mjs',
      `import {${name}} from 'tfjs-adversarial/${entry}';\nconsole.log(${name});`,
    );
    const printed = await runBundle(await bundle(user, 'refused.mjs'), /\n/);
    const start = `tfjs-adversarial/${entry} needs Node.js`;
    assert(printed.startsWith(start), `it printed ${printed}`);
  }
});

await check('tfjs-adversarial-models beside it: loadRobust', () => {
  const program = `import {loadRobust} from 'tfjs-adversarial/node';
const model = await loadRobust('d').catch(({message}) => console.log(message));
if (model) console.log(model.countParams(), 'weights');`;
  assert(
    /run `npm install tfjs-adversarial-models`/.test(
      user.node('robust.mjs', program),
    ),
    'its absence is not one sentence',
  );
  user.install(packed['tfjs-adversarial-models']);
  assert(/466426 weights/.test(user.node('robust.mjs', program)), 'no model');
});

await check('tfjs-backend-onnx beside it: trains', () => {
  // The install script of onnxruntime-node downloads libraries for CUDA, which
  // are not needed here.
  user.install('--ignore-scripts', packed['tfjs-backend-onnx']);
  oneTfjs(user);
  for (const [module, start] of [
    ['tfjs-adversarial/onnx', "await tf.setBackend('onnx');"],
    ['tfjs-backend-onnx', "await tf.setBackend('onnx');"],
  ]) {
    const program =
      imports('@tensorflow/tfjs') + `import '${module}';\n${start}\n`;
    trained('onnx', user.node('onnx.mjs', program + javascript));
  }
  const program = `const tf = require('@tensorflow/tfjs');
const {adversarialTraining} = require('tfjs-adversarial');
const {useOnnx} = require('tfjs-adversarial/onnx');
useOnnx().then(() => {${javascript}});`;
  trained('onnx', user.node('onnx.cjs', program));
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
    user.write(
      'esm.mts',
      `${typed}
import {loadBackend, loadModel} from 'tfjs-adversarial/node';
import {useOnnx} from 'tfjs-adversarial/onnx';
import {OnnxBackend} from 'tfjs-backend-onnx';
const backend: OnnxBackend = await useOnnx({threads: 1});
await loadBackend('cpu');
await loadModel('a');
console.log(backend);
`,
    );
    user.write('commonjs.cts', typed);
    user.typescript(['esm.mts', 'commonjs.cts']);
  },
);

await check('the documents: every TypeScript example compiles', () => {
  const pages = readdirSync(join(root, 'docs'))
    .filter(name => name.endsWith('.md'))
    .map(name => join('docs', name));
  const blocks = ['README.md', ...pages].flatMap(page => {
    const text = readFileSync(join(root, page), 'utf8');
    return [...text.matchAll(/^```ts\n([^]*?)^```/gm)].map(m => m[1]);
  });
  assert(blocks.length >= 5, `only ${blocks.length} examples found`);
  user.write('given.d.ts', GIVEN);
  const names = blocks.map((block, i) => {
    // tfjs-node has the same types.
    block = block.replaceAll("'@tensorflow/tfjs-node'", "'@tensorflow/tfjs'");
    const own = /import \* as tf /.test(block);
    // As if the names that the text speaks of had been defined.
    user.write(
      `example${i}.mts`,
      (own ? '' : "import * as tf from '@tensorflow/tfjs';\nvoid tf;\n") +
        block +
        '\nexport {};\n',
    );
    return `example${i}.mts`;
  });
  user.typescript(['given.d.ts', ...names]);
});

const alone = new Project();
await check('tfjs-backend-onnx alone: trains a net for MNIST', () => {
  alone.install(
    '--ignore-scripts',
    `@tensorflow/tfjs@${version}`,
    packed['tfjs-backend-onnx'],
  );
  oneTfjs(alone);
  none(
    alone.installed().filter(path => path.includes('tfjs-adversarial')),
    'it brings',
  );
  trained('onnx', alone.node('mnist.mjs', MNIST));
});

// With what this repository's own set-up left in the cache, this takes seconds;
// without it, it would be a large download.
if (
  process.argv.includes('--tensorflow') ||
  existsSync(join(root, 'node_modules/@tensorflow/tfjs-node/deps/lib'))
) {
  await check('tfjs-node, set up by the installed package: trains', () => {
    user.install('--ignore-scripts', `@tensorflow/tfjs-node@${version}`);
    user.run('npx', '--no-install', 'tfjs-adversarial-setup');
    const tfjsNode = '@tensorflow/tfjs-node';
    const esm = imports(tfjsNode) + javascript;
    trained('tensorflow', user.node('tfjs-node.mjs', esm));
    const commonjs = `const tf = require('${tfjsNode}');
const {adversarialTraining} = require('tfjs-adversarial');
${javascript}`;
    trained('tensorflow', user.node('tfjs-node.cjs', commonjs));
  });
} else {
  console.log(
    '– tfjs-node is not set up here (npm run setup:tensorflow): not tried',
  );
}

if (keep) console.log(`Kept: ${user.folder} ${alone.folder} ${tarballs}`);
else {
  user.remove();
  alone.remove();
  rmSync(tarballs, {recursive: true});
}
console.log(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length ? 1 : 0;
