import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import test from 'ava';
import type {ProgressReport} from '../../src/progress/report.js';
import {standardErrorDisplay} from '../../src/progress/standard_error.js';

function display(isTTY: boolean) {
  const written: string[] = [];
  const stream = {
    isTTY,
    columns: 80,
    write: (text: string) => (written.push(text), true),
  } as unknown as NodeJS.WritableStream;
  return {...standardErrorDisplay(stream), text: () => written.join('')};
}

const report = (more: Partial<ProgressReport>): ProgressReport => ({
  task: 'C+S+D',
  done: 0,
  total: 40,
  unit: 'examples',
  seconds: 1,
  finished: false,
  ...more,
});

test('without a terminal: a line per 10 %, and one at the end of each task', t => {
  const {show, stop, text} = display(false);
  for (const task of ['C', 'strong(D)']) {
    for (let done = 0; done <= 40; done++) {
      const values = {misclassified: Math.floor(done / 4)};
      const secondsLeft = done ? 40 - done : undefined;
      show(report({task, done, values, secondsLeft}));
    }
    const values = {misclassified: 10};
    show(report({task, done: 40, values, seconds: 43, finished: true}));
  }
  stop();
  const lines = text().trimEnd().split('\n');
  t.is(lines.length, 20);
  t.deepEqual(lines.slice(0, 2), [
    'C: 10 %, 1 misclassified, 36s left',
    'C: 20 %, 2 misclassified, 32s left',
  ]);
  t.is(lines[9], 'C: 10 of 40 misclassified, 43s');
  t.is(lines[10], 'strong(D): 10 %, 1 misclassified, 36s left');
  t.notRegex(text(), /\p{Cc}(?<!\n)/u, 'no escape codes');
});

test('in a terminal: a bar, which a line replaces at the end', t => {
  const {show, stop, text} = display(true);
  show(report({}));
  t.regex(text(), /C\+S\+D ░{20} 0 %, – left/);
  show(report({done: 20, secondsLeft: 75}));
  show(report({task: 'epoch 1/2', finished: true, values: {loss: 1.23456}}));
  t.true(text().endsWith('epoch 1/2: loss 1.235, 1s\n'));
  // The last rendering before the line.
  t.regex(text(), /█{10}░{10} 50 %, 1m left/);
  stop();
  // Line wrapping is on again.
  t.true(text().lastIndexOf('\x1b[?7h') > text().lastIndexOf('\x1b[?7l'));
});

test('work of unknown length is counted', t => {
  const {show, stop, text} = display(true);
  show(report({total: undefined, unit: 'batches', done: 12}));
  stop();
  t.regex(text(), /C\+S\+D 12 batches/);
  t.notRegex(text(), /%|█|░|left/);
});

test('times of an hour, and a rest that is unknown', t => {
  const {show, text} = display(false);
  show(report({done: 4, secondsLeft: 7260}));
  show(report({done: 8}));
  t.regex(text(), /10 %, 2h01m left\n.*20 %, – left/);
});

test('a bar that is never stopped keeps no program alive and wrapping on', async t => {
  const program = `
    import {standardErrorDisplay} from ${JSON.stringify(new URL('../../src/progress/standard_error.ts', import.meta.url).href)};
    process.stderr.isTTY = true;
    standardErrorDisplay(process.stderr).show(${JSON.stringify(report({done: 1}))});
    throw new Error('broken');`;
  const failed = (await promisify(execFile)(
    process.execPath,
    ['--import=tsx', '--input-type=module', '-e', program],
    {timeout: 60_000},
  ).catch((error: unknown) => error)) as {
    stderr: string;
    code: number;
    killed: boolean;
  };
  t.false(failed.killed, 'it ran into its time limit');
  t.is(failed.code, 1);
  t.regex(failed.stderr, /broken/);
  const {stderr} = failed;
  t.true(stderr.lastIndexOf('\x1b[?7h') > stderr.lastIndexOf('\x1b[?7l'));
});
