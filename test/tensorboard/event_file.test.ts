import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {basename, join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {PNG} from 'pngjs';
import {eventFileWriter} from '../../src/tensorboard/event_file.js';
import {HParamsPluginData} from '../../src/tensorboard/schema.js';
import {eventFiles, readEvents} from '../helpers/event_reader.js';

const root = mkdtempSync(join(tmpdir(), 'event-file-'));
test.after.always(() => rmSync(root, {recursive: true, force: true}));

/** The summaries in the only event file of a directory, after the version. */
function summaries(directory: string) {
  const files = eventFiles(directory);
  if (files.length !== 1) throw new Error(`${files.length} files`);
  return readEvents(files[0])
    .slice(1)
    .map(event => ({...event.summary!.value[0], step: event.step ?? 0}));
}

test('the file has the name TensorBoard looks for, and begins with its version', t => {
  const dir = join(root, 'a', 'new', 'run');
  const before = Date.now() / 1000;
  eventFileWriter(dir, {filenameSuffix: '.v2'});
  const [file] = eventFiles(dir);
  t.regex(basename(file), /^events\.out\.tfevents\.\d{10}\.[\w.-]+\.v2$/);
  const [event, ...rest] = readEvents(file);
  t.is(event.fileVersion, 'brain.Event:2');
  t.true(event.wallTime >= before && event.wallTime <= Date.now() / 1000);
  t.deepEqual(rest, []);
});

test('two writers in one directory have a file each', t => {
  const dir = join(root, 'two');
  eventFileWriter(dir).scalar('a', 1, 0);
  eventFileWriter(dir).scalar('b', 2, 0);
  t.deepEqual(
    eventFiles(dir).map(file => readEvents(file)[1].summary!.value[0].tag),
    ['a', 'b'],
  );
});

test('scalars from numbers and tensors, at any step', t => {
  const dir = join(root, 'scalars');
  const writer = eventFileWriter(dir);
  const value = tf.scalar(-3);
  const tensors = tf.memory().numTensors;
  writer.scalar('number', 0.5, 0);
  writer.scalar('tensor', value, 7);
  writer.scalar('late', NaN, 2 ** 40);
  t.is(tf.memory().numTensors, tensors);
  value.dispose();

  const read = summaries(dir);
  t.deepEqual(
    read.map(v => [v.tag, v.step, v.tensor.floatVal]),
    [
      ['number', 0, [0.5]],
      ['tensor', 7, [-3]],
      ['late', 2 ** 40, [NaN]],
    ],
  );
  t.like(read[0].metadata, {
    pluginData: {pluginName: 'scalars'},
    dataClass: 1,
  });
});

test('histograms from tensors of any shape, arrays and typed arrays', t => {
  const dir = join(root, 'histograms');
  const writer = eventFileWriter(dir);
  const data = tf.tensor2d([
    [0, 1],
    [1, 4],
  ]);
  writer.histogram('tensor', data, 1, 2);
  writer.histogram('array', [0, 1, 1, 4], 1, 2);
  writer.histogram('typed', Float32Array.of(0, 1, 1, 4), 1, 2);
  writer.histogram('default', data, 1);
  data.dispose();

  const read = summaries(dir);
  for (const {tensor, metadata} of read.slice(0, 3)) {
    t.deepEqual(tensor.doubleVal, [0, 2, 3, 2, 4, 1]);
    t.deepEqual(
      tensor.tensorShape.dim!.map(d => d.size),
      [2, 3],
    );
    t.is(metadata.pluginData.pluginName, 'histograms');
  }
  t.is(read[3].tensor.tensorShape.dim![0].size, 30);
});

test('images are PNG files, after width and height', t => {
  const dir = join(root, 'images');
  const writer = eventFileWriter(dir);
  const image = tf.tensor3d([0, 0.5, 1, -1, 2, 0.2], [1, 2, 3]);
  const batch = tf.stack([image, tf.onesLike(image)]) as tf.Tensor4D;
  const tensors = tf.memory().numTensors;
  writer.image('one', image, 3);
  writer.image('several', batch, 3, {maxOutputs: 5});
  writer.image('first', batch, 3, {maxOutputs: 1});
  writer.image('buffer', batch.bufferSync(), 3);
  t.is(tf.memory().numTensors, tensors);
  tf.dispose([image, batch]);

  const read = summaries(dir).map(v => v.tensor.stringVal!);
  t.deepEqual(
    read.map(strings => strings.length - 2),
    [1, 2, 1, 2],
  );
  t.is(String(read[0][0]), '2');
  t.is(String(read[0][1]), '1');
  const rgba = [0, 128, 255, 255, 0, 255, 51, 255];
  for (const [, , png] of read) {
    t.deepEqual([...PNG.sync.read(Buffer.from(png)).data], rgba);
  }
  t.deepEqual(read[3], read[1]);
});

test('text keeps what is not ASCII', t => {
  const dir = join(root, 'text');
  eventFileWriter(dir).text('config', '| ε | 8/255 |', 0);
  const [value] = summaries(dir);
  t.is(Buffer.from(value.tensor.stringVal![0]).toString(), '| ε | 8/255 |');
  t.is(value.metadata.pluginData.pluginName, 'text');
});

test('hyper-parameters: the columns, the row and how the run ended', t => {
  const dir = join(root, 'hparams');
  const writer = eventFileWriter(dir);
  writer.hparams(
    {attack: 'C+S+D', steps: 10, mix: false, confidence: Infinity},
    ['loss', {tag: 'epoch/loss', run: 'val', displayName: 'validation loss'}],
  );
  writer.close('failure');

  const read = summaries(dir);
  t.deepEqual(
    read.map(v => v.tag),
    [
      '_hparams_/experiment',
      '_hparams_/session_start_info',
      '_hparams_/session_end_info',
    ],
  );
  const [experiment, start, end] = read.map(({metadata}) =>
    HParamsPluginData.toObject(
      HParamsPluginData.decode(metadata.pluginData.content!),
      {enums: String},
    ),
  );
  t.deepEqual(experiment.experiment.hparamInfos, [
    {name: 'attack', type: 'STRING'},
    {name: 'steps', type: 'FLOAT64'},
    {name: 'mix', type: 'BOOL'},
    {name: 'confidence', type: 'STRING'},
  ]);
  t.deepEqual(experiment.experiment.metricInfos, [
    {name: {tag: 'loss'}},
    {name: {group: 'val', tag: 'epoch/loss'}, displayName: 'validation loss'},
  ]);
  t.deepEqual(start.sessionStartInfo.hparams, {
    attack: {stringValue: 'C+S+D'},
    steps: {numberValue: 10},
    mix: {boolValue: false},
    // JSON, in which TensorBoard serves its table, has no infinity.
    confidence: {stringValue: 'Infinity'},
  });
  t.is(end.sessionEndInfo.status, 'STATUS_FAILURE');
});

test('what is written is in the file at once', t => {
  const dir = join(root, 'at-once');
  const writer = eventFileWriter(dir);
  for (let step = 0; step < 3; step++) {
    writer.scalar('loss', step, step);
    t.is(summaries(dir).length, step + 1);
  }
});

test('bad values are refused with a sentence, and nothing of them is written', t => {
  const dir = join(root, 'bad');
  const writer = eventFileWriter(dir);
  const [file] = eventFiles(dir);
  const size = readFileSync(file).length;
  const image = tf.zeros([2, 2, 2]) as tf.Tensor3D;
  const cases: Array<[() => void, RegExp]> = [
    [() => writer.scalar('a', 1, -1), /step of "a".* not -1/],
    [() => writer.scalar('a', 1, 0.5), /step of "a".* not 0.5/],
    [() => writer.scalar('', 1, 0), /name/],
    [
      () => writer.scalar('a', tf.ones([2]) as unknown as tf.Scalar, 0),
      /"a" .*shape \[2\]/,
    ],
    [() => writer.histogram('a', [1], 0, 0), /buckets above 0, not 0/],
    [() => writer.image('a', image, 0, {maxOutputs: 0}), /maxOutputs .* not 0/],
    [() => writer.image('a', image, 0), /has \[2,2,2\]/],
    [
      () => writer.image('a', tf.zeros([2, 2]) as unknown as tf.Tensor3D, 0),
      /"a" have \[2,2\]/,
    ],
  ];
  for (const [call, message] of cases) t.throws(call, {message});
  t.is(readFileSync(file).length, size);
});

test('a closed writer says so; closing twice is fine', t => {
  const dir = join(root, 'closed');
  const writer = eventFileWriter(dir);
  writer.close();
  writer.close();
  t.throws(() => writer.scalar('a', 1, 0), {message: /closed/});
});

test('a directory that cannot be had is an error at once', t => {
  const file = join(root, 'file');
  writeFileSync(file, 'mine');
  for (const dir of [file, join(file, 'below')]) {
    t.throws(() => eventFileWriter(dir), {
      message: /can't be written to .*: a file is in the way/,
    });
  }
  t.is(readFileSync(file, 'utf8'), 'mine');
  t.throws(() => eventFileWriter(''), {message: /path/});
  t.throws(() => eventFileWriter(join(root, 'x'.repeat(300))), {
    message: /name is too long/,
  });
});

const inProc = existsSync('/proc/self') ? test : test.skip;
inProc('a place where nothing can be made is an error too (needs /proc)', t => {
  t.throws(() => eventFileWriter('/proc/none/runs'), {
    message: /can't be written to \/proc\/none\/runs: there is no such place/,
  });
});

test('a file taken away is an error, and no headless one takes its place', t => {
  const dir = join(root, 'gone');
  const writer = eventFileWriter(dir);
  rmSync(eventFiles(dir)[0]);
  t.throws(() => writer.scalar('a', 1, 0), {message: /Could not write/});
  t.deepEqual(readdirSync(dir), []);
});

const noSpace = existsSync('/dev/full') ? test : test.skip;
noSpace('a full disk is one sentence (needs /dev/full)', t => {
  const dir = join(root, 'full');
  const writer = eventFileWriter(dir);
  const [file] = eventFiles(dir);
  rmSync(file);
  symlinkSync('/dev/full', file);
  t.throws(() => writer.scalar('a', 1, 0), {
    message: /no space is left on the disk/,
  });
});
