import {execFileSync} from 'node:child_process';
import {
  existsSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {loadPyTorchCheckpoint} from '../../../src/models/pytorch/checkpoint.js';
import {temporaryFolder} from '../../helpers/folder.js';
import * as p from '../../helpers/pickle.js';
import {tarOf} from '../../helpers/tar.js';
import {zipOf, type ZipMember} from '../../helpers/zip.js';

/** What PyTorch 2.13 was given to save. */
const SAVED: Record<string, {shape: number[]; data: number[]}> = {
  float: {shape: [2, 3], data: [0, 1, 2, 3, 4, 5]},
  transposed: {shape: [3, 2], data: [0, 3, 1, 4, 2, 5]},
  half: {shape: [5], data: [1, -0.5, 65504, 2 ** -24, Infinity]},
  bfloat16: {shape: [3], data: [1, -0.5, 3.140625]},
  long: {shape: [], data: [2 ** 40]},
  int: {shape: [2], data: [-7, 7]},
  bool: {shape: [2], data: [1, 0]},
  byte: {shape: [1], data: [255]},
  short: {shape: [1], data: [-300]},
  char: {shape: [1], data: [-3]},
  empty: {shape: [0, 4], data: []},
  parameter: {shape: [1], data: [1.5]},
  slice: {shape: [3], data: [2, 3, 4]},
  strided: {shape: [3], data: [1, 4, 7]},
};

for (const format of ['zip', 'zip-protocol4', 'stream']) {
  test(`${format}: what PyTorch wrote is read`, async t => {
    const url = new URL(`../../assets/pytorch-${format}.pt`, import.meta.url);
    const file = join(temporaryFolder(t), 'a.pt');
    writeFileSync(file, readFileSync(url));
    const read = await loadPyTorchCheckpoint(file);
    t.deepEqual([...read.keys()], Object.keys(SAVED));
    for (const [key, {shape, data}] of Object.entries(SAVED)) {
      t.deepEqual(read.get(key)!.shape, shape, key);
      t.deepEqual([...read.get(key)!.data], data, key);
    }
  });
}

const pair = {'0': {size: 2, data: p.floats(1, 2)}};

const asStream = (object: Buffer) =>
  loadPyTorchCheckpoint(p.stream(object, pair));

const members = (object: Buffer, more: ZipMember[] = []): ZipMember[] => [
  {name: 'x/data.pkl', data: p.pickle(object)},
  {name: 'x/data/0', data: p.floats(1, 2)},
  ...more,
];
const asZip = (object: Buffer, more?: ZipMember[]) =>
  loadPyTorchCheckpoint(zipOf(members(object, more)));

test('weights are found under the usual wrappers', async t => {
  const weights = p.dict({a: p.tensor([2])});
  for (const object of [
    weights,
    p.dict({epoch: p.int(3), state_dict: weights}),
    p.dict({net: weights, acc: p.int(90)}),
    p.dict({model: weights}),
    p.dict({model_state_dict: weights, optimizer: p.dict({})}),
  ]) {
    for (const read of [await asStream(object), await asZip(object)]) {
      t.deepEqual([...read.keys()], ['a']);
      t.deepEqual([...read.get('a')!.data], [1, 2]);
    }
  }
});

test('the prefix of parallel training goes if all have it', async t => {
  const names = async (...keys: string[]) => {
    const items = keys.map(key => [key, p.tensor([2])]);
    return [...(await asZip(p.dict(Object.fromEntries(items)))).keys()];
  };
  t.deepEqual(await names('module.a', 'module.b'), ['a', 'b']);
  t.deepEqual(await names('module.a', 'b'), ['module.a', 'b']);
});

test('the first format of all, a tar archive, is read', async t => {
  const view = (...sizes: number[]) =>
    Buffer.concat([p.int64(sizes.length >> 1), ...sizes.map(p.int64)]);
  const archive = tarOf([
    {
      path: 'storages',
      data: Buffer.concat([
        p.pickle(p.int(1)),
        p.pickle(
          p.tuple(p.int(77), p.text('cpu'), p.global('torch.FloatStorage')),
        ),
        p.int64(6),
        p.floats(0, 1, 2, 3, 4, 5),
        p.pickle(p.list()),
      ]),
    },
    {
      path: 'tensors',
      data: Buffer.concat([
        p.pickle(p.int(1)),
        p.pickle(p.tuple(p.int(88), p.int(77), p.global('torch.FloatTensor'))),
        // Shape [2, 2], strides [1, 2], from the second number on.
        view(2, 2, 1, 2),
        p.int64(1),
      ]),
    },
    {
      path: 'pickle',
      data: p.pickle(p.dict({a: Buffer.concat([p.text('88'), p.PERSISTENT])})),
    },
  ]);
  const read = await loadPyTorchCheckpoint(archive);
  t.deepEqual(read.get('a')!.shape, [2, 2]);
  t.deepEqual([...read.get('a')!.data], [1, 3, 2, 4]);
  await t.throwsAsync(
    loadPyTorchCheckpoint(tarOf([{path: 'storages', data: p.floats(1)}])),
    {message: /cannot be used: it is a tar archive without tensors\./},
  );
});

/** Every way to run something that pickles have. */
const ATTACKS: [string, Buffer, RegExp][] = [
  [
    'a call of os.system',
    p.call('os.system', p.text('touch /tmp/tfjs-adversarial-was-here')),
    /refers to os\.system, .* nothing of it was run/,
  ],
  ['a mention of eval', p.global('builtins.eval'), /builtins\.eval/],
  ['posix', p.call('posix.system', p.text('true')), /posix\.system/],
  [
    'a subprocess',
    p.call('subprocess.Popen', p.text('true')),
    /subprocess\.Popen/,
  ],
  [
    'a name of JavaScript’s',
    p.global('torch.constructor'),
    /torch\.constructor/,
  ],
  ['another', p.global('torch.__proto__'), /torch\.__proto__/],
  ['numpy', p.call('numpy.core.multiarray.scalar'), /numpy\.core/],
  [
    'a call of what is no function',
    p.call('torch.FloatStorage'),
    /calls torch\.FloatStorage with arguments that do not fit/,
  ],
  [
    'a call of a text',
    Buffer.concat([p.text('os.system'), p.tuple(), p.REDUCE]),
    /does not fit together/,
  ],
  ['INST', Buffer.from('(ios\nsystem\n'), /opcode 0x69 at byte \d+/],
  ['OBJ', Buffer.from('(o'), /opcode 0x6f/],
  ['NEWOBJ', Buffer.from('\x81', 'latin1'), /opcode 0x81/],
  ['an extension', Buffer.from('\x82\x01', 'latin1'), /opcode 0x82/],
  ['a text id', Buffer.from('P1\n'), /opcode 0x50/],
  [
    'the state of a tensor',
    Buffer.concat([p.tensor([2]), p.EMPTY_DICT, Buffer.from('b')]),
    /sets the state of an object other than a dictionary/,
  ],
];

for (const [name, part, message] of ATTACKS) {
  test(`refused: ${name}`, async t => {
    const object = p.dict({weight: p.tensor([2]), extra: part});
    for (const read of [() => asStream(object), () => asZip(object)]) {
      const error = await t.throwsAsync(read(), {message});
      t.regex(error.message, /^The checkpoint cannot be used: .*\.$/);
      t.false(error.message.includes('\n'));
    }
    t.throws(() => readFileSync('/tmp/tfjs-adversarial-was-here'));
  });
}

/** Tensors and storages that do not agree with each other. */
const SHAPES: [string, Buffer, RegExp][] = [
  ['too many numbers', p.tensor([3], {size: 2}), /reaches outside its 2/],
  ['an offset', p.tensor([2], {offset: 1, size: 2}), /reaches outside its 2/],
  ['strides', p.tensor([2], {strides: [2], size: 2}), /reaches outside/],
  ['repeated numbers', p.tensor([9], {strides: [0], size: 2}), /outside its 2/],
  ['a negative size', p.tensor([-2], {size: 2}), /reaches outside/],
  ['a negative stride', p.tensor([2], {strides: [-1]}), /reaches outside/],
  ['a huge size', p.tensor([2 ** 40, 2 ** 40], {size: 2}), /reaches outside/],
  ['no strides', p.tensor([2], {strides: []}), /reaches outside/],
  [
    'another storage size',
    p.tensor([3]),
    /8 bytes|2 numbers and not 3|12 bytes/,
  ],
  ['an unknown storage', p.tensor([2], {type: 'QuantumStorage'}), /QuantumSt/],
  [
    'a storage elsewhere',
    p.tensor([2], {key: '../0'}),
    /nothing uses its storage 0|x\/data\/\.\.\/0 is missing/,
  ],
  [
    'a size that is no number',
    Buffer.concat([
      p.tuple(
        p.text('storage'),
        p.global('torch.FloatStorage'),
        p.text('0'),
        p.text('cpu'),
        p.text('2'),
      ),
      p.PERSISTENT,
    ]),
    /storage of 2 numbers|does not fit/,
  ],
  [
    'an id of another kind',
    Buffer.concat([p.tuple(p.text('module')), p.PERSISTENT]),
    /refers to a module outside/,
  ],
];

for (const [name, part, message] of SHAPES) {
  test(`refused: ${name}`, async t => {
    const object = p.dict({a: part});
    await t.throwsAsync(asStream(object), {message});
    await t.throwsAsync(asZip(object), {message});
  });
}

test('refused: pickles that do not fit together', async t => {
  for (const part of [
    p.TUPLE,
    p.SETITEMS,
    p.REDUCE,
    p.PERSISTENT,
    Buffer.from('h\x07', 'latin1'),
    Buffer.concat([p.NONE, p.MARK, p.SETITEMS]),
  ]) {
    await t.throwsAsync(asZip(part), {message: /cannot be used: it/});
  }
  await t.throwsAsync(asZip(Buffer.from('X\xff\xff\xff\xff', 'latin1')), {
    message: /ends too early/,
  });
  await t.throwsAsync(asZip(Buffer.from('X\x01\0\0\0\xff', 'latin1')), {
    message: /not UTF-8/,
  });
});

test('refused: a file cut off anywhere', async t => {
  for (const format of ['zip', 'stream']) {
    const whole = readFileSync(
      new URL(`../../assets/pytorch-${format}.pt`, import.meta.url),
    );
    for (let length = 0; length < whole.length; length += 37) {
      await t.throwsAsync(
        loadPyTorchCheckpoint(whole.subarray(0, length)),
        {message: /^The checkpoint cannot be used: .+\.$/},
        `${format}, ${length} bytes`,
      );
    }
  }
});

test('a changed byte is an error or changes numbers, never more', async t => {
  const whole = readFileSync(
    new URL('../../assets/pytorch-zip.pt', import.meta.url),
  );
  let refused = 0;
  for (let at = 0; at < whole.length; at += 7) {
    const changed = Buffer.from(whole);
    changed[at] ^= 0x41;
    try {
      await loadPyTorchCheckpoint(changed);
    } catch (error) {
      refused++;
      t.regex((error as Error).message, /cannot be used: /);
    }
  }
  t.true(refused > 100);
});

test('refused: zip files that lie', async t => {
  const good = p.dict({a: p.tensor([2])});
  const data = p.floats(1, 2);
  const pkl = {name: 'x/data.pkl', data: p.pickle(good)};
  const fails = (list: ZipMember[], message: RegExp) =>
    t.throwsAsync(loadPyTorchCheckpoint(zipOf(list)), {message});
  const name = 'x/data/0';
  // As a check of the checks: the honest ones are read.
  for (const deflate of [false, true]) {
    const read = await loadPyTorchCheckpoint(
      zipOf([pkl, {name, data, deflate}]),
    );
    t.deepEqual([...read.get('a')!.data], [1, 2]);
  }
  await fails([pkl, {name, data, size: 9}], /size mismatch/);
  await fails([pkl, {name, data, deflate: true, size: 7}], /too many bytes/);
  await fails([pkl, {name, data, deflate: true, size: 9}], /not enough bytes/);
  await fails([pkl, {name, data, crc: 1}], /checksum of x\/data\/0 is wrong/);
  await fails([pkl, {name, data, size: 4000, compressedSize: 4000}], /bounds/);
  await fails([pkl, {name, data}, {name, data}], /is there twice/);
  await fails([pkl], /x\/data\/0 is missing/);
  await fails([pkl, {name, data}, {...pkl, name: 'y/data.pkl'}], /not one of/);
  await fails([pkl, {name: '../evil', data}], /invalid relative path/);
  await fails([pkl, {name: '/evil', data}], /absolute path/);
  await fails([{name, data}], /not one of PyTorch/);
  await fails([pkl, {name: 'x/constants.pkl', data}], /TorchScript/);
  await fails(
    [pkl, {name: 'x/byteorder', data: Buffer.from('big')}],
    /big-endian/,
  );
});

test('refused: a zip bomb, before it unpacks', async t => {
  const size = 2 ** 27;
  const data = Buffer.alloc(size);
  const bomb = zipOf([
    {name: 'x/data.pkl', data: p.pickle(p.dict({a: p.tensor([size / 4])}))},
    {name: 'x/data/0', data, deflate: true},
  ]);
  t.true(bomb.length < 2 ** 20);
  const before = process.memoryUsage().arrayBuffers;
  await t.throwsAsync(loadPyTorchCheckpoint(bomb), {
    message: /x\/data\/0 unpacks to more than such a file can hold/,
  });
  t.true(process.memoryUsage().arrayBuffers - before < size / 4);
});

test('refused: many copies of the same numbers', async t => {
  const shape = {strides: [1, 32], size: 1024};
  const copies = Array.from({length: 300}, (_, i) => [
    `a${i}`,
    p.tensor([32, 32], shape),
  ]);
  const object = p.dict(Object.fromEntries(copies.slice(0, 300)));
  const data = new Uint8Array(4096);
  await t.throwsAsync(
    loadPyTorchCheckpoint(p.stream(object, {'0': {size: 1024, data}})),
    {message: /more numbers than it has room for/},
  );
});

test('refused: pickles made to fill memory or time, at once', async t => {
  // A list of lists of lists …, each of which is in the next one many times.
  const bomb: Buffer[] = [p.EMPTY_LIST];
  for (let level = 0; level < 40; level++) {
    const at = Buffer.from([level]);
    const again = Array<Buffer>(9).fill(Buffer.concat([Buffer.from('h'), at]));
    bomb.push(Buffer.from('q'), at, p.MARK, ...again, p.TUPLE);
  }
  const name = p.tuple(...bomb);
  const nested = Buffer.concat([p.NONE, Buffer.alloc(100_000, 0x85)]);
  const persistent = (key: Buffer, kind = p.text('storage')) =>
    Buffer.concat([
      p.tuple(
        kind,
        p.global('torch.FloatStorage'),
        key,
        p.text('cpu'),
        p.int(2),
      ),
      p.PERSISTENT,
    ]);
  const pairs = p.list(...Array(2000).fill(p.tuple(p.int(1), p.int(2))));
  const copies = Array<Buffer>(3000).fill(
    Buffer.concat([
      p.global('collections.OrderedDict'),
      Buffer.from('h\x01\x85R', 'latin1'),
    ]),
  );
  const started = performance.now();
  const before = process.memoryUsage().rss;
  for (const [part, message] of [
    [persistent(name), /a storage without a name/],
    [persistent(nested), /a storage without a name/],
    [persistent(p.text('0'), nested), /refers to a something that is no name/],
    [
      Buffer.concat([pairs, Buffer.from('q\x01', 'latin1'), ...copies]),
      /longer than weights need/,
    ],
    [Buffer.alloc(6_000_000, p.NONE[0]), /longer than weights need/],
    ...[p.EMPTY_LIST, p.EMPTY_DICT].map(object => [
      Buffer.alloc(900_000, object[0]),
      /more objects than weights need/,
    ]),
    [
      p.call(
        'torch._utils._rebuild_tensor_v2',
        p.storage('0', 2),
        p.int(0),
        p.list(...Array(1000).fill(p.int(1))),
        p.list(...Array(1000).fill(p.int(1))),
      ),
      /a tensor of 1000 dimensions/,
    ],
    [
      p.global(`os.\u001b[2J${'x'.repeat(1e6)}`),
      /refers to os\.\ufffd\[2Jx{100,400}…\.$/,
    ],
  ] as [Buffer, RegExp][]) {
    await t.throwsAsync(asZip(part), {message});
    await t.throwsAsync(asStream(part), {message});
  }
  t.true(performance.now() - started < 20_000);
  t.true(process.memoryUsage().rss - before < 2 ** 28);
});

test('refused: entries of a zip that overlap, a storage of two types, a zipped tar', async t => {
  const data = p.floats(1, 2);
  const list: ZipMember[] = [
    {name: 'x/data.pkl', data: p.pickle(p.dict({a: p.tensor([2])}))},
    {name: 'x/data/0', data},
    {name: 'x/data/1', data},
  ];
  const zip = zipOf(list);
  // The last directory entry points to the one before.
  const central = zip.lastIndexOf('PK\x01\x02');
  const former = zip.lastIndexOf('PK\x01\x02', central - 1);
  zip.writeUInt32LE(zip.readUInt32LE(former + 42), central + 42);
  await t.throwsAsync(loadPyTorchCheckpoint(zip), {message: /overlap/});
  await t.throwsAsync(
    asZip(
      p.dict({
        a: p.tensor([2]),
        b: p.tensor([2], {type: 'IntStorage', size: 2}),
      }),
    ),
    {message: /storage 0 has two types or sizes/},
  );
  const tar = Buffer.alloc(1024);
  tar.write('\x1f\x8b', 'latin1');
  tar.write('ustar', 257);
  await t.throwsAsync(loadPyTorchCheckpoint(tar), {
    message: /not a PyTorch checkpoint/,
  });
});

const FUZZ = Number(process.env.FUZZ_CHECKPOINTS ?? 0);

/** `FUZZ_CHECKPOINTS=2000 npx ava test/models/pytorch/checkpoint.test.ts` */
(FUZZ > 0 ? test.serial : test.serial.skip)(
  'FUZZ_CHECKPOINTS: bytes changed at random are an error or other numbers',
  async t => {
    t.timeout(600_000);
    const found = {read: 0, refused: 0};
    const folder = new URL('../../../../shared/pretrained/', import.meta.url);
    const files = ['zip', 'zip-protocol4', 'stream'].map(format =>
      readFileSync(
        new URL(`../../assets/pytorch-${format}.pt`, import.meta.url),
      ),
    );
    if (existsSync(folder)) {
      const [real] = readdirSync(folder).filter(n => n.endsWith('.pt'));
      files.push(readFileSync(new URL(real, folder)));
      t.log(`with ${real}`);
    }
    let slowest = 0;
    const before = process.memoryUsage().rss;
    for (let i = 0; i < FUZZ; i++) {
      const changed = Buffer.from(files[i % files.length]);
      // Half of them where the pickle and the directory are.
      const count = 1 + Math.floor(8 * Math.random());
      for (let k = 0; k < count; k++) {
        const edge = Math.random() * Math.min(changed.length, 20_000);
        const at = [
          Math.random() * changed.length,
          edge,
          changed.length - edge,
        ][Math.floor(3 * Math.random())];
        changed[Math.min(Math.floor(at), changed.length - 1)] =
          256 * Math.random();
      }
      const started = performance.now();
      try {
        await loadPyTorchCheckpoint(changed);
        found.read++;
      } catch (error) {
        found.refused++;
        const {message} = error as Error;
        if (!/^The checkpoint cannot be used: .{3,410}\.$/.test(message)) {
          t.fail(message);
        }
      }
      slowest = Math.max(slowest, performance.now() - started);
    }
    const grown = process.memoryUsage().rss - before;
    t.log(found, `slowest ${slowest.toFixed(0)} ms, ${grown >> 20} MB more`);
    t.true(slowest < 5000);
    t.true(grown < 2 ** 30);
  },
);

test('refused: what is no checkpoint, or holds no weights', async t => {
  for (const [bytes, message] of [
    [Buffer.alloc(0), /is empty/],
    [Buffer.from('hello'), /not a PyTorch checkpoint/],
    [Buffer.alloc(1000), /not a PyTorch checkpoint/],
    [p.pickle(p.call('os.system', p.text('true'))), /not a PyTorch checkpoint/],
    [p.stream(p.dict({a: p.int(1)}), {}), /holds no weights/],
    [p.stream(p.list(p.tensor([2])), pair), /holds no weights/],
  ] as [Buffer, RegExp][]) {
    await t.throwsAsync(loadPyTorchCheckpoint(bytes), {message});
  }
  const folder = temporaryFolder(t);
  await t.throwsAsync(loadPyTorchCheckpoint(join(folder, 'none.pt')), {
    message: /none\.pt could not be read: no such file or folder\./,
  });
  await t.throwsAsync(loadPyTorchCheckpoint(folder), {
    message: /could not be read: it is a folder\./,
  });
});

test('only a regular file of a plausible size is read', async t => {
  const folder = temporaryFolder(t);
  const sparse = join(folder, 'sparse.pt');
  writeFileSync(sparse, 'PK\x03\x04');
  truncateSync(sparse, 2 ** 31);
  const before = process.memoryUsage().rss;
  await t.throwsAsync(loadPyTorchCheckpoint(sparse), {
    message: /sparse\.pt could not be read: it has 2147483648 bytes, .*\.$/,
  });
  await t.throwsAsync(loadPyTorchCheckpoint(sparse, {maxBytes: 3}), {
    message: /at most 3 are read/,
  });
  t.true(process.memoryUsage().rss - before < 2 ** 27);
  await t.throwsAsync(loadPyTorchCheckpoint(folder), {message: /a folder/});
  if (process.platform === 'win32') return;
  const pipe = join(folder, 'pipe.pt');
  execFileSync('mkfifo', [pipe]);
  await t.throwsAsync(loadPyTorchCheckpoint(pipe), {
    message: /pipe\.pt could not be read: it is no regular file\.$/,
  });
});
