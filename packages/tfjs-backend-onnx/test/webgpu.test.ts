import test from 'ava';
import {existsSync} from 'node:fs';
import {createRequire} from 'node:module';
import {dirname, extname, join, relative} from 'node:path';
import {packageRoot} from './helpers/package_root.js';
import {runNode} from './helpers/run_node.js';

/** Debian's package chromium brings a Vulkan device in software, and a loader. */
const chromium = '/usr/lib/chromium';
const icd = join(chromium, 'vk_swiftshader_icd.json');

/** The elementwise ops are slow in software and the least likely to fail. */
const whole = process.env.ONNX_WHOLE_TABLE === '1';
const tables = [...(whole ? ['elementwise'] : []), 'arrays', 'convolution'].map(
  // Or .js, where the tests are compiled.
  name => `test/${name}.test${extname(import.meta.url)}`,
);

const ava = join(
  dirname(createRequire(import.meta.url).resolve('ava')),
  'cli.mjs',
);

test('the tables of ops on webgpu, on a Vulkan device in software', async t => {
  if (!existsSync(icd)) {
    t.log(`skipped: there is no ${icd} (Debian's package chromium has it)`);
    t.pass();
    return;
  }
  // The loader reads its path when a process starts.
  const environment = {
    VK_ICD_FILENAMES: icd,
    LD_LIBRARY_PATH: chromium,
    ONNX_EXECUTION_PROVIDER: 'webgpu',
  };
  // The repository's package.json has ava's settings.
  const root = join(packageRoot, '..', '..');
  const files = tables.map(file => relative(root, join(packageRoot, file)));
  const args = [ava, '--concurrency=1', ...files];
  const {status, output} = await runNode(args, environment, root);
  t.is(status, 0, output.slice(-4000));
  t.notRegex(output, /a graph failed/);
});

test('a provider that does not start says why', async t => {
  const {status, output} = await runNode(
    [
      '--import=tsx',
      '--input-type=module',
      '--eval',
      "import('./src/index.ts').then(o => o.useOnnx({executionProvider: 'webgpu'})).catch(e => { console.log(e.message); process.exit(3); })",
    ],
    {VK_ICD_FILENAMES: '/nowhere', LD_LIBRARY_PATH: ''},
  );
  if (status === 0) {
    t.log('skipped: there is a GPU');
    t.pass();
    return;
  }
  t.is(status, 3, output);
  t.regex(output, /execution provider 'webgpu' does not start here/);
});
