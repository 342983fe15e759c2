import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {type Block, blocksOf, documents} from './markdown.js';
import {cutEpochs, fillFolder, runBlock} from './run_block.js';

// Every code block of the documents runs, as a user would run it, with little
// data and few steps: see run_block.ts and stand_ins/.

const blocks: Block[] = documents
  .flatMap(blocksOf)
  .filter(({language}) => ['ts', 'js'].includes(language));

let folder: string;
let undo: () => void;
const began = process.cwd();

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tfjs-adversarial-test-'));
  await fillFolder(folder);
  process.chdir(folder);
  undo = cutEpochs();
});

test.after.always(async () => {
  undo?.();
  process.chdir(began);
  await rm(folder, {recursive: true, force: true});
});

test('the README has code', t => {
  t.true(blocks.filter(({place}) => /^README/.test(place)).length >= 2);
});

for (const block of blocks) {
  test.serial(`${block.place} runs`, async t => {
    await t.notThrowsAsync(runBlock(block, folder));
  });
}

test.serial(
  'a block that throws, or that imports what is not there, fails',
  async t => {
    const run = (code: string, place: string) =>
      runBlock({code, place, language: 'ts'}, folder);
    await t.throwsAsync(run("throw new Error('broken');", 'a'), {
      message: 'broken',
    });
    await t.throwsAsync(
      run(
        "import {attack} from 'tfjs-adversarial';\nattack('C', {stpes: 1} as never);",
        'b',
      ),
      {message: /stpes/},
    );
    await t.throwsAsync(
      run("import {attacks} from 'tfjs-adversarial';\nattacks();", 'c'),
    );
    await t.throwsAsync(run("import 'nothing-here';", 'd'), {
      message: /nothing-here/,
    });
  },
);
