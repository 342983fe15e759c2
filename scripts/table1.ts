import {join} from 'node:path';
import {InvalidArgumentError, Option} from 'commander';
import * as tf from '@tensorflow/tfjs';
import type {Variant} from '../src/index.js';
import {loadCifar10} from '../src/node.js';
import {checkFolder, checkWritable, writeWhole} from '../src/io/cache.js';
import {ownFolder} from '../src/io/lock.js';
import {
  command,
  exitIfStopped,
  requiredOption,
  run,
  startBackend,
  stopOnInterrupt,
} from '../src/cli/command_line.js';
import {
  backendOption,
  batchOption,
  examplesOption,
  jsonOption,
  path,
  seedOption,
  threadsOption,
  whole,
} from '../src/cli/options.js';
import {COLUMNS} from './paper_rows.js';
import {
  addSearchOptions,
  attackOptions,
  checkSpec,
  reachWarnings,
  type SearchOptions,
  searchSettings,
  SINGLE_SEARCH,
  splitSpecs,
} from '../src/cli/search_options.js';
import {collectTable} from './table1/collect.js';
import {computeRow, missingParts} from './table1/compute_parts.js';
import {htmlReport} from './table1/html.js';
import {markdownReport} from './table1/markdown.js';
import {type PartPlace, PartStore} from './table1/part_store.js';
import {planTable, type RowModel} from './table1/plan.js';
import {tableProgress} from './table1/progress.js';
import {
  inOrder,
  loadRow,
  type NamedPath,
  parseRow,
  rowsOfFolder,
} from './table1/row_models.js';
import {collectShards, shardFolder} from './table1/shards.js';
import {computeElsewhere} from './table1/compute_elsewhere.js';
import {
  checkQueueOptions,
  jobsOption,
  queueOption,
  verifyOption,
  weightsOption,
} from './work/options.js';
import {parseRedisUrl} from './work/queue/redis.js';
import {parseShard, schedulerShard, type Shard, shardOf} from './work/shard.js';

const program = command('npm run table1 --', {
  description: `Table 1: the accuracy of several defenses under each attack, beside the numbers of the paper. A stopped run, even by kill -9, resumes with the same command. ${SINGLE_SEARCH}`,
  examples: [
    'npm run table1 -- --models runs/rows --examples 1000 --out runs/table1',
    'npm run table1 -- --row Undefended=normal.pt --row D=delta.pt --variant both --examples 100 --out runs/table1',
    "npm run table1 -- --row 'C (B&W)=runs/bw' --columns None,C,C+S+D --out runs/bw-table",
    "npm run table1 -- --row D=robust:D --columns 'None,D,strong(D)' --examples 100 --out runs/strong",
  ],
})
  .option(
    '--row <name=path>',
    'a row and its model, as evaluate takes it; can be given several times',
    collectRows,
    [],
  )
  .option(
    '--models <folder>',
    'a folder with a sub-folder for each row, as train writes them',
    path,
  )
  .option(
    '--columns <specs>',
    'attacks, separated by commas; strong(SPEC) is a strong evaluation',
    COLUMNS.join(','),
  )
  .addOption(
    new Option(
      '--variant <name>',
      "the paper's definitions, those of its released code, or both",
    )
      .choices(['paper', 'reference', 'both'])
      .default('paper'),
  )
  .addOption(examplesOption(1000));

addSearchOptions(program)
  .addOption(batchOption())
  .option(
    '--part <n>',
    'examples between two writings: at most this many are lost if it is killed',
    whole(1),
    200,
  )
  .option(
    '--pictures <n>',
    'number of images to show, from the first',
    whole(0),
    4,
  )
  .addOption(
    requiredOption(
      '--out <folder>',
      'for finished parts and the reports table1.md, table1.json, table1.html',
    ).argParser(path),
  )
  .addOption(jobsOption())
  .option(
    '--shard <i/n>',
    'compute one of n shares of the parts and write no report; a task of a Slurm array or of a Kubernetes indexed job takes its own share',
    shardArgument,
  )
  .addOption(queueOption())
  .addOption(weightsOption())
  .addOption(verifyOption())
  .option('--collect', 'write the reports from the shards; computes nothing')
  .addOption(backendOption())
  .addOption(threadsOption())
  .addOption(seedOption())
  .addOption(jsonOption());

interface Options extends SearchOptions {
  row: NamedPath[];
  models?: string;
  columns: string;
  variant: Variant | 'both';
  examples: number;
  batch: number;
  part: number;
  pictures: number;
  out: string;
  jobs?: number;
  shard?: Shard;
  collect?: boolean;
  queue?: string;
  weights?: string;
  verify?: number;
  backend?: string;
  threads?: number;
  json?: string;
}

run<Options>(program, async options => {
  const {seed, batch, part, pictures, out, examples, json: file} = options;
  const variants: Variant[] =
    options.variant === 'both' ? ['paper', 'reference'] : [options.variant];
  const columns = readColumns(options);
  const given = [
    ...options.row,
    ...(options.models ? await rowsOfFolder(options.models) : []),
  ];
  if (given.length === 0) {
    throw new Error('There are no rows: give --row NAME=PATH or --models.');
  }
  const named = inOrder(given);
  const search = searchSettings(options);
  for (const warning of reachWarnings(columns, search)) {
    console.error(`Warning: ${warning}`);
  }
  checkQueueOptions(options);
  const address = options.queue ? parseRedisUrl(options.queue) : undefined;
  if (address && (options.jobs || options.shard || options.collect)) {
    throw new Error(
      '--queue gives all parts to workers: leave --jobs, --shard and --collect out.',
    );
  }
  const shard = address ? undefined : chosenShard(options);
  const stop = stopOnInterrupt();
  console.error('Loading the models and CIFAR-10 …');
  await startBackend(options.backend, options.threads);
  const rows: RowModel[] = [];
  for (const row of named) rows.push(await loadRow(row));
  const folder = shard ? shardFolder(out, shard) : out;
  await checkFolder(folder);
  if (file) await checkWritable(file);
  const data = await loadCifar10({examples});
  const backend = tf.getBackend();
  const settings = {...search, seed, batch, backend, part, pictures};
  const digests = Object.fromEntries(rows.map(row => [row.name, row.digest]));
  const all = planTable({
    ...{rows, columns, variants, settings, data},
    search: options,
  });
  const key = (place: PartPlace) =>
    JSON.stringify([place.row, place.variant, place.attack, place.begin]);
  const names = new Map(all.map(({place, name}) => [key(place), name]));
  const open = (folder: string) =>
    PartStore.open(folder, settings, digests, place => names.get(key(place)));
  const release = await ownFolder(folder);
  const parts = shard ? shardOf(all, shard) : all;
  const progress = tableProgress(
    rows.length * columns.length * variants.length,
    examples,
    parts.reduce((sum, {place}) => sum + place.end - place.begin, 0),
  );
  try {
    const store = await open(folder);
    const report = async () => {
      const all = {store, settings, examples, columns, variants, rows};
      const {table, pictures} = await collectTable(all);
      const json = JSON.stringify(table, null, 2) + '\n';
      const markdown = markdownReport(table);
      await writeWhole(join(out, 'table1.md'), markdown);
      await writeWhole(join(out, 'table1.json'), json);
      const html = htmlReport(table, data, pictures);
      await writeWhole(join(out, 'table1.html'), html);
      if (file) await writeWhole(file, json);
      return markdown;
    };
    const finishRow = shard ? async () => {} : report;
    const onExamples = progress.update;
    if (options.collect) {
      await collectShards(out, store, parts, open);
    } else if (options.jobs || address) {
      const missing = await missingParts(parts, {store, onExamples});
      progress.stop();
      await computeElsewhere(missing, {
        ...{rows, store, backend, options, address, signal: stop},
      });
    } else {
      for (const row of rows) {
        const own = parts.filter(({place}) => place.row === row.name);
        await computeRow(row, own, {data, store, onExamples, signal: stop});
        await finishRow();
      }
    }
    progress.stop();
    if (shard) {
      console.log(
        `${folder} has the results of shard ${shard.index} of ${shard.count}; --collect puts the shards together.`,
      );
    } else {
      console.log(
        `\n${await report()}\nThe same with pictures: ${join(out, 'table1.html')}`,
      );
    }
  } finally {
    progress.stop();
    release();
  }
  if (exitIfStopped(stop)) {
    console.log('Stopped before the end; the same command resumes.');
  }
});

/** The share of this run, if it does not compute the whole table. */
function chosenShard({shard, collect}: Options): Shard | undefined {
  if (collect) {
    if (shard)
      throw new Error('--collect takes all shards: leave --shard out.');
    return undefined;
  }
  if (shard) return shard;
  const given = schedulerShard();
  if (given) {
    console.error(
      `Computing shard ${given.index} of ${given.count}, as ${given.source} says.`,
    );
  }
  return given;
}

function shardArgument(text: string): Shard {
  try {
    return parseShard(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

function collectRows(text: string, before: NamedPath[]): NamedPath[] {
  try {
    return [...before, parseRow(text)];
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

/** The names that attacks have in reports, each once. */
function readColumns(options: Options): string[] {
  const variant = options.variant === 'both' ? 'paper' : options.variant;
  const search = attackOptions(options, variant);
  const names = splitSpecs(options.columns).map(spec =>
    checkSpec(spec, search),
  );
  if (names.includes('strong')) {
    throw new Error(
      "A column is one evaluation: write 'strong(C+S+D)' with an attack, not 'strong' alone.",
    );
  }
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new Error(`The column ${twice} is given twice.`);
  }
  return names;
}
