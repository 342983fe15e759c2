import test, {type ExecutionContext} from 'ava';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {cacheDirectory} from '../../src/io/cache.js';
import {makeOnce, needSpace} from '../../src/tfjs_node/cache.js';
import {bindingKey} from '../../src/tfjs_node/compile.js';
import {cudaRequirements} from '../../src/tfjs_node/cuda.js';
import {asSetupError, SetupError} from '../../src/tfjs_node/errors.js';
import {linkOrCopy, linkTree} from '../../src/tfjs_node/link.js';
import {mendPackage} from '../../src/tfjs_node/package.js';
import {
  tensorflowBuild,
  thisMachine,
  type Machine,
} from '../../src/tfjs_node/platform.js';

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'setup-parts-'));
  t.teardown(() => rmSync(path, {recursive: true, force: true}));
  return path;
}

const LINUX: Machine = {platform: 'linux', arch: 'x64', glibc: '2.36'};

test('each machine gets its build', t => {
  for (const [machine, gpu, project, tag, library] of [
    [LINUX, false, 'tensorflow-cpu', 'manylinux_2_27_x86_64', '_cc.so.2'],
    [LINUX, true, 'tensorflow', 'manylinux_2_27_x86_64', '_cc.so.2'],
    [
      {...LINUX, arch: 'arm64'},
      ...[false, 'tensorflow', 'manylinux_2_27_aarch64', '_cc.so.2'],
    ],
    [
      {platform: 'darwin', arch: 'arm64'},
      ...[false, 'tensorflow', 'macosx_12_0_arm64', '_cc.2.dylib'],
    ],
    [
      {platform: 'darwin', arch: 'x64'},
      ...[false, 'tensorflow', 'macosx_10_15_x86_64', '_cc.2.dylib'],
    ],
  ] as [Machine, boolean, string, string, string][]) {
    const build = tensorflowBuild(machine, gpu);
    t.is(build.project, project as typeof build.project);
    t.is(build.platforms[0], tag);
    t.is(build.libraries[0], `libtensorflow${library}`);
  }
});

test('a machine without a build is told what to do instead', t => {
  for (const [machine, gpu, message] of [
    [{platform: 'win32', arch: 'x64'}, false, /^Windows .* WSL 2/],
    [{platform: 'linux', arch: 'x64'}, false, /GNU C library.*Alpine/],
    [{...LINUX, glibc: '2.17'}, false, /2\.27 or later.* has 2\.17/],
    [{...LINUX, arch: 'riscv64'}, false, /no TensorFlow build for linux riscv/],
    [{platform: 'darwin', arch: 'arm64'}, true, /no CUDA build/],
    [{...LINUX, arch: 'arm64'}, true, /no CUDA build.* leave --gpu out/],
  ] as [Machine, boolean, RegExp][]) {
    t.throws(() => tensorflowBuild(machine, gpu), {
      instanceOf: SetupError,
      message,
    });
  }
});

test('the C library of this machine is found', t => {
  const {platform, glibc} = thisMachine();
  if (platform === 'linux' && existsSync('/etc/debian_version')) {
    t.regex(glibc ?? '', /^2\.\d+$/);
  } else {
    t.pass();
  }
});

test('a compiled binding is cached for all that it depends on', t => {
  const tfjsNode = {name: '@tensorflow/tfjs-node', version: '4.22.0', napi: 8};
  const build = tensorflowBuild(LINUX);
  const keys = [
    bindingKey(tfjsNode, build, 'a'),
    bindingKey({...tfjsNode, version: '4.21.0'}, build, 'a'),
    bindingKey({...tfjsNode, name: 'tfjs-node-gpu'}, build, 'a'),
    bindingKey({...tfjsNode, napi: 9}, build, 'a'),
    bindingKey(tfjsNode, tensorflowBuild(LINUX, true), 'a'),
    bindingKey(tfjsNode, tensorflowBuild({...LINUX, arch: 'arm64'}), 'a'),
    bindingKey(tfjsNode, build, 'b'),
  ];
  t.is(new Set(keys).size, keys.length);
  for (const key of keys) t.regex(key, /^[\w.-]+$/);
});

test('the cache is where it is asked to be', t => {
  t.is(cacheDirectory('x', '/a'), join('/a', 'x'));
  t.true(cacheDirectory('x', 'relative').startsWith(process.cwd()));
});

test('makeOnce makes a whole or nothing', async t => {
  const target = join(folder(t), 'deep', 'target');
  const write = (file: string) => async () => writeFileSync(file, 'half');
  await t.throwsAsync(
    makeOnce(target, async temporary => {
      await write(temporary)();
      throw new Error('interrupted');
    }),
    {message: 'interrupted'},
  );
  t.deepEqual(readdirSync(join(target, '..')), []);

  // Left by a process that is gone, and by one that still works on it.
  writeFileSync(`${target}.partial-999999999`, '');
  writeFileSync(`${target}.partial-${process.ppid}`, '');
  await makeOnce(target, async temporary => {
    t.false(existsSync(`${target}.partial-999999999`));
    t.true(existsSync(`${target}.partial-${process.ppid}`));
    writeFileSync(temporary, 'whole');
  });
  t.is(readFileSync(target, 'utf8'), 'whole');
  await makeOnce(target, async () => t.fail('made twice'));
});

test('makeOnce takes the result of a run that was faster', async t => {
  const target = join(folder(t), 'target');
  await makeOnce(target, async temporary => {
    mkdirSync(temporary);
    mkdirSync(target);
    writeFileSync(join(target, 'theirs'), '');
  });
  t.deepEqual(readdirSync(join(target, '..')), ['target']);
  t.deepEqual(readdirSync(target), ['theirs']);
});

test('too small a disk is an error in one sentence', async t => {
  await needSpace(join(folder(t), 'not', 'there'), 1);
  await t.throwsAsync(needSpace(tmpdir(), 1e18), {
    instanceOf: SetupError,
    message: /^Not enough disk space at .*: 1000000000\.0 GB are needed/,
  });
  const full = Object.assign(new Error('ENOSPC'), {code: 'ENOSPC', path: '/x'});
  t.regex(
    (asSetupError(full, '/y') as Error).message,
    /^The disk is full: .*\/x/,
  );
  const other = new TypeError('a mistake of ours');
  t.is(asSetupError(other, '/y'), other);
});

test('the CUDA libraries are those that the wheel names', t => {
  const metadata = [
    'Name: tensorflow',
    'Requires-Dist: numpy>=1.26.0',
    'Requires-Dist: nvidia-cublas-cu12<13.0,>=12.5.3.2; extra == "and-cuda"',
    "Requires-Dist: nvidia-nccl-cu12 (>=2.25.1); extra == 'and-cuda'",
    'Requires-Dist: tensorflow-rocm; extra == "rocm"',
  ].join('\n');
  t.deepEqual(cudaRequirements(metadata), [
    'nvidia-cublas-cu12<13.0,>=12.5.3.2',
    'nvidia-nccl-cu12>=2.25.1',
  ]);
});

test('what newer Nodes lack is mended, once', async t => {
  const directory = folder(t);
  mkdirSync(join(directory, 'dist/kernels'), {recursive: true});
  const file = join(directory, 'dist/kernels/TopK.js');
  writeFileSync(
    file,
    'var n = (0, util_1.isNullOrUndefined)(k) ? 1 : (0, util_1.isArray)(t);',
  );
  const tfjsNode = {directory} as Parameters<typeof mendPackage>[0];
  t.is(await mendPackage(tfjsNode), 1);
  t.is(
    readFileSync(file, 'utf8'),
    'var n = (k == null) ? 1 : Array.isArray(t);',
  );
  t.is(await mendPackage(tfjsNode), 0);
  t.deepEqual(readdirSync(join(directory, 'dist/kernels')), ['TopK.js']);
});

test('a link replaces a link, a file or a folder', async t => {
  const path = folder(t);
  writeFileSync(join(path, 'target'), 'new');
  writeFileSync(join(path, 'file'), 'old');
  mkdirSync(join(path, 'folder', 'inside'), {recursive: true});
  for (const name of ['link', 'link', 'file', 'folder']) {
    await linkOrCopy(join(path, 'target'), join(path, name));
    t.is(readFileSync(join(path, name), 'utf8'), 'new');
  }
});

test('a tree of links has real folders, so that `..` stays inside', async t => {
  const path = folder(t);
  mkdirSync(join(path, 'cache/one/lib'), {recursive: true});
  mkdirSync(join(path, 'cache/other/lib'), {recursive: true});
  writeFileSync(join(path, 'cache/one/lib/a.so'), 'a');
  writeFileSync(join(path, 'cache/other/lib/b.so'), 'b');
  for (const name of ['one', 'other', 'one']) {
    await linkTree(join(path, 'cache', name), join(path, 'deps', name));
  }
  const fromA = join(path, 'deps/one/lib/../../other/lib/b.so');
  t.is(readFileSync(fromA, 'utf8'), 'b');
  t.true(lstatSync(join(path, 'deps/one/lib')).isDirectory());
  t.true(lstatSync(join(path, 'deps/one/lib/a.so')).isSymbolicLink());
});
