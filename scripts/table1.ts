import {join} from 'node:path';
import {InvalidArgumentError, Option} from 'commander';
import * as tf from '@tensorflow/tfjs';
import {attack, type Variant} from '../src/index.js';
import {loadCifar10} from '../src/node.js';
import {writeWhole} from '../src/io/cache.js';
import {ownFolder} from '../src/io/lock.js';
import {collectTable} from './table1/collect.js';
import {htmlReport} from './table1/html.js';
import {markdownReport} from './table1/markdown.js';
import {COLUMNS} from './table1/paper.js';
import {computeRow, type RowModel} from './table1/run.js';
import {PartStore} from './table1/store.js';
import {
  backendOption,
  batchOption,
  command,
  examplesOption,
  jsonOption,
  run,
  seedOption,
  startBackend,
  stepsOption,
  stopOnInterrupt,
  threadsOption,
  whole,
} from './command_line.js';
import {tableProgress} from './table1/progress.js';
import {
  inOrder,
  loadRow,
  type NamedPath,
  parseRow,
  rowsOfFolder,
} from './table1/row_models.js';

const program = command('table1', {
  description:
    'Table 1: the accuracy of several defenses under each attack, beside the numbers of the paper. It goes on where it was stopped, even by kill -9: give the same command again.',
  examples: [
    'npm run table1 -- --models runs/rows --examples 1000 --out runs/table1',
    'npm run table1 -- --row Undefended=normal.pt --row D=delta.pt --variant both --examples 100 --out runs/table1',
    "npm run table1 -- --row 'C (B&W)=runs/bw' --columns None,C,C+S+D --out runs/bw-table",
  ],
})
  .option(
    '--row <name=path>',
    'a row and its model: a folder with a model.json, or a PyTorch checkpoint (.pt); may be given several times',
    collectRows,
    [],
  )
  .option(
    '--models <folder>',
    'a folder with a sub-folder for each row, as train writes them',
  )
  .option('--columns <specs>', 'comma-separated attacks', COLUMNS.join(','))
  .addOption(
    new Option(
      '--variant <name>',
      "the paper's definitions, what its released code does, or both",
    )
      .choices(['paper', 'reference', 'both'])
      .default('paper'),
  )
  .addOption(examplesOption(1000))
  .addOption(stepsOption())
  .addOption(batchOption())
  .option(
    '--part <n>',
    'examples between two writings: what is lost at most when it is killed',
    whole(1),
    200,
  )
  .option('--pictures <n>', 'show the first so many images', whole(0), 4)
  .requiredOption(
    '--out <folder>',
    'for finished parts and the reports table1.md, table1.json, table1.html',
  )
  .addOption(backendOption())
  .addOption(threadsOption())
  .addOption(seedOption())
  .addOption(jsonOption());

interface Options {
  row: NamedPath[];
  models?: string;
  columns: string;
  variant: Variant | 'both';
  examples: number;
  steps: number;
  batch: number;
  part: number;
  pictures: number;
  out: string;
  backend?: string;
  threads?: number;
  seed: number;
  json?: string;
}

run<Options>(program, async options => {
  const {steps, seed, batch, part, pictures, out} = options;
  const columns = readColumns(options.columns);
  const variants: Variant[] =
    options.variant === 'both' ? ['paper', 'reference'] : [options.variant];
  const given = [
    ...options.row,
    ...(options.models ? await rowsOfFolder(options.models) : []),
  ];
  if (given.length === 0) {
    throw new Error('There are no rows: give --row NAME=PATH or --models.');
  }
  const named = inOrder(given);
  const stop = stopOnInterrupt();
  await startBackend(options.backend, options.threads);
  const rows: RowModel[] = [];
  for (const row of named) rows.push(await loadRow(row));
  const data = await loadCifar10({examples: options.examples});
  const backend = tf.getBackend();
  const settings = {steps, seed, batch, backend, part, pictures};
  const digests = Object.fromEntries(rows.map(row => [row.name, row.digest]));
  await ownFolder(out);
  const store = await PartStore.open(out, settings, digests);
  const report = async () => {
    const {examples} = options;
    const all = {store, settings, examples, columns, variants, rows};
    const {table, pictures} = await collectTable(all);
    const json = JSON.stringify(table, null, 2) + '\n';
    const markdown = markdownReport(table);
    await writeWhole(join(out, 'table1.md'), markdown);
    await writeWhole(join(out, 'table1.json'), json);
    const html = htmlReport(table, data, pictures);
    await writeWhole(join(out, 'table1.html'), html);
    if (options.json) await writeWhole(options.json, json);
    return markdown;
  };
  const cells = rows.length * columns.length * variants.length;
  const progress = tableProgress(cells, options.examples);
  try {
    for (const row of rows) {
      const shared = {settings, data, columns, variants, store};
      const onExamples = progress.update;
      await computeRow(row, {...shared, onExamples, signal: stop});
      await report();
    }
  } finally {
    progress.stop();
  }
  console.log(
    `\n${await report()}\nThe same with pictures: ${join(out, 'table1.html')}`,
  );
  if (stop.aborted) {
    console.log('Stopped before all was finished; the same command goes on.');
    process.exitCode = 130;
  }
});

function collectRows(text: string, before: NamedPath[]): NamedPath[] {
  try {
    return [...before, parseRow(text)];
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

/** Names as attacks have them, each once. Commas also stand between a bound's numbers. */
function readColumns(text: string): string[] {
  const names = text
    .split(/,(?![^(]*\))/)
    .map(spec => attack(spec.trim()).name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new Error(`The column ${twice} is there twice.`);
  }
  return names;
}
