import test, {type ExecutionContext} from 'ava';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  writeFileSync,
} from 'node:fs';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {FakeProject} from './fake_project.js';

// Linux's names of libraries and tools; elsewhere other builds are taken.
const linux = process.platform === 'linux' && process.arch === 'x64';
const testOnLinux = linux ? test.serial : test.serial.skip;

function project(t: ExecutionContext, options = {}): FakeProject {
  const fake = new FakeProject(options);
  t.teardown(() => fake.remove());
  return fake;
}

testOnLinux('sets the package up, then has nothing to do', async t => {
  const fake = project(t);
  fake.addWorkingPython();
  fake.addCompiler();
  const first = await fake.run();
  t.is(first.code, 0, first.stderr);
  t.is(
    first.stdout,
    '@tensorflow/tfjs-node works (wheel): TensorFlow fake on the CPU.\n',
  );
  t.regex(fake.downloads()[0], /pip download tensorflow-cpu==2\.21\.0 /);
  t.deepEqual(fake.leftovers(), []);
  t.true(
    lstatSync(
      join(fake.package, 'deps/lib/libtensorflow_cc.so.2'),
    ).isSymbolicLink(),
  );
  const unwanted = readdirSync(fake.cache, {recursive: true}) as string[];
  t.false(unwanted.some(name => name.endsWith('.py')));

  const second = await fake.run();
  t.is(second.code, 0);
  t.regex(second.stdout, /already works/);
  t.is(second.stderr, '');
  t.is(fake.downloads().length, 1);
});

testOnLinux('a second project needs no tools', async t => {
  const fake = project(t);
  fake.addWorkingPython();
  fake.addCompiler();
  t.is((await fake.setUp()).result?.by, 'wheel');
  const again = project(t);
  const {result, error} = await again.setUp(join(fake.cache, '..'));
  t.is(result?.by, 'wheel', error);
});

testOnLinux('without Python it says so, and ends with 2', async t => {
  const {code, stdout, stderr} = await project(t).run();
  t.is(code, 2);
  t.is(stdout, '');
  t.regex(
    lastLine(stderr),
    /^Error: Python is missing .* apt install python3-pip/,
  );
});

testOnLinux('without pip it says so', async t => {
  const fake = project(t);
  fake.addTool(
    'python3',
    "console.error('No module named pip'); process.exit(1);",
  );
  const {error} = await fake.setUp();
  t.regex(error, /^Python's pip is missing: python3 /);
});

testOnLinux('without a compiler it says so, and goes on there', async t => {
  const fake = project(t);
  fake.addWorkingPython();
  const {error} = await fake.setUp();
  t.regex(error, /^A C\+\+ compiler is missing .* apt install g\+\+/);
  t.false(existsSync(join(fake.package, 'lib')));
  t.deepEqual(fake.leftovers(), []);

  fake.removeTool('python3');
  fake.addCompiler();
  t.is((await fake.setUp()).result?.by, 'wheel');
  t.is(fake.downloads().length, 1);
});

testOnLinux('a binding that does not compile is not kept', async t => {
  const fake = project(t);
  fake.addWorkingPython();
  fake.addCompiler(
    `console.error('a.cc:1: error: no such thing'); process.exit(1);`,
  );
  const {error} = await fake.setUp();
  t.regex(error, /could not compile the binding .*no such thing/);
  t.deepEqual(readdirSync(join(fake.cache, 'bindings')), []);
});

testOnLinux('a binding that does not work is reported', async t => {
  const fake = project(t);
  fake.addWorkingPython();
  fake.addCompiler();
  fake.write('dist/index.js', "throw new Error('wrong ELF class');");
  const {error} = await fake.setUp();
  t.regex(error, /was set up .* but does not work: wrong ELF class/);
});

for (const [what, message, sentence] of [
  ['network', 'NewConnectionError: Failed to establish', /cannot be reached/],
  ['disk', 'OSError: [Errno 28] No space left on device', /^The disk is full/],
  ['wheel', 'ERROR: No matching distribution found', /has no tensorflow-cpu/],
] as const) {
  testOnLinux(`when pip fails for want of ${what}, it says so`, async t => {
    const fake = project(t);
    fake.addPython(
      `fs.writeFileSync(wheel + '.half', 'x'); console.error(${JSON.stringify(message)}); process.exit(1);`,
    );
    const {error} = await fake.setUp();
    t.regex(error, sentence);
    t.deepEqual(fake.leftovers(), []);
  });
}

testOnLinux('a download killed in the middle is begun again', async t => {
  const fake = project(t);
  fake.addPython(
    `fs.writeFileSync(wheel, 'half'); setTimeout(() => {}, 60000);`,
  );
  fake.addCompiler();
  const {child, ended} = fake.start();
  while (!fake.leftovers().some(name => name.endsWith('.whl'))) await sleep(50);
  child.kill('SIGKILL');
  await ended;
  t.not(fake.leftovers().length, 0);

  fake.addWorkingPython();
  const {code, stderr} = await fake.run();
  t.is(code, 0, stderr);
  t.deepEqual(fake.leftovers(), []);
});

testOnLinux('a killed extraction is begun again', async t => {
  const fake = project(t);
  fake.addCompiler();
  // What a run leaves that was killed after the download, of which the wheel
  // is used.
  const target = join(
    fake.cache,
    'tensorflow-cpu-2.21.0-manylinux_2_27_x86_64',
  );
  const half = join(`${target}.partial-999999`, 'tensorflow');
  mkdirSync(half, {recursive: true});
  writeFileSync(join(half, 'libtensorflow_cc.so.2'), 'c');
  mkdirSync(`${target}.wheel`);
  copyFileSync(fake.wheel(), join(`${target}.wheel`, 'a.whl'));
  const {result, error} = await fake.setUp();
  t.is(result?.by, 'wheel', error);
  t.deepEqual(fake.leftovers(), []);
  t.deepEqual(fake.downloads(), []);
});

testOnLinux('a damaged wheel is downloaded once more', async t => {
  const fake = project(t);
  fake.addCompiler();
  const good = JSON.stringify(fake.wheel());
  const state = JSON.stringify(join(fake.folder, 'once'));
  fake.addPython(`const bytes = fs.readFileSync(${good});
    fs.writeFileSync(wheel, fs.existsSync(${state}) ? bytes : bytes.subarray(0, 200));
    fs.writeFileSync(${state}, '');`);
  const {said, result, error} = await fake.setUp();
  t.is(result?.by, 'wheel', error);
  t.true(said.some(line => /is damaged: .*downloading it again/.test(line)));
  t.is(fake.downloads().length, 2);
});

testOnLinux(
  'a wheel that stays damaged is not downloaded for ever',
  async t => {
    const fake = project(t);
    fake.addPython(`fs.writeFileSync(wheel, 'not a zip');`);
    const {error} = await fake.setUp();
    t.regex(error, /was damaged twice/);
    t.is(fake.downloads().length, 2);
    t.deepEqual(fake.leftovers(), []);
  },
);

async function serve(t: ExecutionContext): Promise<string> {
  const server = createServer((_request, response) => response.end());
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/builds`;
}

testOnLinux('the official binary is taken where it can be had', async t => {
  const fake = project(t, {host: await serve(t)});
  // As the real one does, it writes into the manifest while it runs.
  fake.write(
    'scripts/install.js',
    `const fs = require('fs');
     fs.writeFileSync('package.json', '{}');
     fs.mkdirSync('deps/lib', {recursive: true});
     fs.writeFileSync('deps/lib/libtensorflow_cc.so.2', 'cc');
     fs.mkdirSync('lib/napi-v8', {recursive: true});
     fs.writeFileSync('lib/napi-v8/tfjs_binding.node', 'official');`,
  );
  const {result, error} = await fake.setUp();
  t.is(result?.by, 'official binary', error);
  const manifest = readFileSync(join(fake.package, 'package.json'), 'utf8');
  t.is(JSON.parse(manifest).version, '4.22.0');

  // A second project has it from the cache, though its host is closed.
  const second = await project(t).setUp(join(fake.cache, '..'));
  t.is(second.result?.by, 'official binary', second.error);
});

testOnLinux('where the install script fails, the wheel is taken', async t => {
  const fake = project(t, {host: await serve(t)});
  fake.write('scripts/install.js', `throw new Error('404 not found');`);
  fake.addWorkingPython();
  fake.addCompiler();
  const {said, result, error} = await fake.setUp();
  t.is(result?.by, 'wheel', error);
  t.true(said.some(line => line.includes('404 not found')));
});

test.serial('without the package it says what to install', async t => {
  const {error} = await project(t, {name: 'other'}).setUp();
  t.regex(
    error,
    /^@tensorflow\/tfjs-node is not installed .*npm install --ignore-scripts/,
  );
});

testOnLinux('a cache that cannot be written gets one sentence', async t => {
  const fake = project(t);
  fake.addWorkingPython();
  const file = join(fake.folder, 'file');
  writeFileSync(file, '');
  const {error} = await fake.setUp(join(file, 'cache'));
  t.regex(error, /is a file where a folder is needed/);
});

test.serial('--help has examples, and a wrong option ends with 2', async t => {
  const fake = project(t);
  const help = await fake.run('--help');
  t.is(help.code, 0);
  t.regex(help.stdout, /Examples:\n.*--gpu/s);
  const wrong = await fake.run('--gpus');
  t.is(wrong.code, 2);
  t.regex(wrong.stderr, /unknown option '--gpus'/);
});

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)!;
}
