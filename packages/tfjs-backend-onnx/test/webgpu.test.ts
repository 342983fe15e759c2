import test from 'ava';
import {existsSync} from 'node:fs';
import {join} from 'node:path';
import {runNode} from '../../../test/run_node.js';

/** Debian's chromium package brings a Vulkan device in software, and a loader. */
const chromium = '/usr/lib/chromium';
const icd = join(chromium, 'vk_swiftshader_icd.json');

/** What software takes long for, and is least likely to fail, runs on request. */
const whole = process.env.ONNX_WHOLE_TABLE === '1';
const table = [
  ...(whole ? ['packages/tfjs-backend-onnx/test/elementwise.test.ts'] : []),
  'packages/tfjs-backend-onnx/test/arrays.test.ts',
  'packages/tfjs-backend-onnx/test/convolution.test.ts',
];

test('the table of ops on webgpu, on a Vulkan device in software', async t => {
  if (!existsSync(icd)) {
    t.log(`skipped: there is no ${icd} (Debian's package chromium has it)`);
    t.pass();
    return;
  }
  // The loader's path is read when a process starts, so this needs another one.
  const {status, output} = await runNode(
    ['node_modules/ava/entrypoints/cli.mjs', '--concurrency=1', ...table],
    {
      VK_ICD_FILENAMES: icd,
      LD_LIBRARY_PATH: chromium,
      ONNX_EXECUTION_PROVIDER: 'webgpu',
    },
  );
  t.is(status, 0, output.slice(-4000));
  t.notRegex(output, /a graph failed/);
});

test('a provider that does not start says why', async t => {
  const {status, output} = await runNode(
    [
      '--conditions=@tfjs-adversarial/source',
      '--import=tsx',
      '--input-type=module',
      '--eval',
      "import('./src/onnx.js').then(o => o.useOnnx({executionProvider: 'webgpu'})).catch(e => { console.log(e.message); process.exit(3); })",
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
