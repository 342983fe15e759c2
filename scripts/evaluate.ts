import {MultiBar, Presets} from 'cli-progress';
import {
  type Classifier,
  evaluateRobustness,
  type EvaluationProgress,
  type ImageSet,
  type RobustnessReport,
  type Variant,
} from '../src/index.js';
import {loadCifar10} from '../src/node.js';
import {checkWritable, writeWhole} from '../src/io/cache.js';
import {formatTime} from '../src/io/progress.js';
import {
  command,
  exitIfStopped,
  requiredOption,
  run,
  startBackend,
  stopOnInterrupt,
} from './command_line.js';
import {
  type EvaluationRow,
  evaluationTable,
  survivors,
} from './evaluation_table.js';
import {
  type AttackRecord,
  recordAttack,
  saveRecords,
} from './example_records.js';
import {modelDigest, readCifar10Model} from './models.js';
import {
  backendOption,
  batchOption,
  examplesOption,
  jsonOption,
  path,
  seedOption,
  threadsOption,
  variantOption,
} from './options.js';
import {COLUMNS} from './paper_rows.js';
import {
  addSearchOptions,
  attackOptions,
  checkSpec,
  describeAttacks,
  isStrong,
  reachWarnings,
  type SearchOptions,
  searchSettings,
  SINGLE_SEARCH,
  singleSearchNote,
  splitSpecs,
} from './search_options.js';

const program = command('evaluate', {
  description: `A model's accuracy on CIFAR-10 under attacks: under each, and in the worst case for each image. ${SINGLE_SEARCH}`,
  examples: [
    'npm run evaluate -- --model runs/demo/C+S+D --attacks None,C+S+D --examples 200',
    'npm run evaluate -- --model my-model --examples 1000 --json result.json',
    "npm run evaluate -- --model my-model --attacks 'None,D(4/255)' --steps 20 --learning-rate 0.005",
    "npm run evaluate -- --model robust:D --attacks 'None,strong(D)' --examples 100",
    'npm run evaluate -- --model delta.pt --attacks D --save adversarial.safetensors',
  ],
})
  .addOption(
    requiredOption(
      '--model <path>',
      'a folder with model.json and its weights, whose model takes images [N, 32, 32, 3] in [0, 1]; robust: and a row of Table 1, for a model of this repository; or a PyTorch checkpoint (.pt) of a CIFAR ResNet',
    ),
  )
  .option(
    '--attacks <specs>',
    'separated by commas; strong(SPEC) is a strong evaluation',
    COLUMNS.join(),
  )
  .addOption(examplesOption(1000));

addSearchOptions(program)
  .addOption(variantOption())
  .addOption(batchOption())
  .option(
    '--save <file>',
    'write the adversarial images and the result of each to this file, for scripts/check_saved.py',
    path,
  )
  .option(
    '--round8',
    'also classify the adversarial images after rounding them to 8 bits; --save then saves those',
  )
  .addOption(backendOption())
  .addOption(threadsOption())
  .addOption(seedOption())
  .addOption(jsonOption());

interface Options extends SearchOptions {
  model: string;
  attacks: string;
  examples: number;
  variant: Variant;
  batch: number;
  save?: string;
  round8?: boolean;
  backend?: string;
  threads?: number;
  json?: string;
}

run<Options>(program, async options => {
  const search = searchSettings(options);
  const specs = splitSpecs(options.attacks);
  const names = specs.map(spec =>
    checkSpec(spec, attackOptions(options, options.variant)),
  );
  const keeps = options.save !== undefined || options.round8 === true;
  if (keeps && names.some(isStrong)) {
    throw new Error(
      '--save and --round8 take single attacks: strong(…) is several searches.',
    );
  }
  const warnings = reachWarnings(names, search);
  for (const warning of warnings) console.error(`Warning: ${warning}`);
  for (const file of [options.json, options.save]) {
    if (file !== undefined) await checkWritable(file);
  }
  const stop = stopOnInterrupt();
  console.error('Loading the model and CIFAR-10 …');
  await startBackend(options.backend, options.threads);
  const model = await readCifar10Model(options.model);
  const data = await loadCifar10({examples: options.examples});
  const bars = progressBars(names, options.examples);
  let evaluated: Evaluated;
  try {
    evaluated = await (keeps ? record : evaluate)(model, data, {
      ...{options, specs, stop},
      onProgress: bars.update,
    });
  } finally {
    bars.stop();
  }
  const {report, rows} = evaluated;
  const all = allRows(names, rows, bars.progress, options.examples);
  console.log(
    `\n${options.model}: ${options.examples} test images, variant ${options.variant}.\n${describeAttacks(search, names)}.\n`,
  );
  console.log(evaluationTable(all));
  if (all.some(row => row.done !== undefined && row.correct === undefined)) {
    console.log(
      'Examples that are misclassified finish first: an unfinished attack has no accuracy.',
    );
  }
  const notes = singleSearchNote(names);
  if (notes.length > 0) console.log(notes.join('\n'));
  const codes = (evaluated.warnings ?? []).map(({code}) => code);
  if (codes.length > 0) {
    console.log(
      `Do not trust these numbers before the warnings above are settled: ${[...new Set(codes)].join(', ')}.`,
    );
  }
  const unfinished = all
    .filter(row => row.correct === undefined)
    .map(({attack, done = 0}) => ({attack, done}));
  const described = {
    ...{model: options.model, search, ...report, unfinished},
    // Over some of the attacks it would be no worst case.
    ...(unfinished.length > 0 && {worstCase: null}),
  };
  if (options.save !== undefined && evaluated.records) {
    const sha256 = await modelDigest(options.model);
    await saveRecords(options.save, evaluated.records, data, {
      rounded: options.round8 === true,
      metadata: {model: options.model, sha256, search, seed: options.seed},
    });
    console.log(`\nThe adversarial images are in ${options.save}.`);
  }
  if (options.json !== undefined) {
    const json = {...described, notes: [...warnings, ...notes]};
    await writeWhole(options.json, JSON.stringify(json, null, 2) + '\n');
  }
  exitIfStopped(stop);
});

interface Evaluated {
  report: object;
  /** None were looked for where the images are saved. */
  warnings?: RobustnessReport['warnings'];
  /** Finished attacks only. */
  rows: EvaluationRow[];
  records?: AttackRecord[];
}

interface EvaluateArgs {
  options: Options;
  specs: string[];
  stop: AbortSignal;
  onProgress(progress: Progress): void;
}

type Progress = Pick<EvaluationProgress, 'attack' | 'done' | 'correct'>;

async function evaluate(
  model: Classifier,
  data: ImageSet,
  {options, specs, stop, onProgress}: EvaluateArgs,
): Promise<Evaluated> {
  const report = await evaluateRobustness(model, data, {
    ...attackOptions(options, options.variant),
    attacks: specs,
    batchSize: options.batch,
    signal: stop,
    onProgress,
  });
  const rows = report.results
    .filter(isComplete)
    .map(({attack, correct, seconds}) => ({
      ...{attack, correct, seconds},
      examples: data.size,
    }));
  return {report, warnings: report.warnings, rows};
}

/** Results of an interrupted run say whether they cover all examples. */
function isComplete(result: RobustnessReport['results'][number]): boolean {
  return (result as {complete?: boolean}).complete !== false;
}

/** As {@link evaluate}, with the perturbed images, and what survives rounding. */
async function record(
  model: Classifier,
  data: ImageSet,
  {options, specs, stop, onProgress}: EvaluateArgs,
): Promise<Evaluated> {
  const records: AttackRecord[] = [];
  for (const spec of specs) {
    const search = attackOptions(options, options.variant);
    const found = await recordAttack(spec, search, model, data, {
      ...{batchSize: options.batch, signal: stop, onProgress},
    });
    if (!found) break;
    records.push(found);
  }
  const rounds = options.round8 === true;
  const share = (correct: string) => correct.split('1').length - 1;
  const accuracy = (correct: string) => share(correct) / correct.length;
  const worst = (all: string[]) =>
    all.length > 0 ? accuracy(survivors(all)) : null;
  const results = records.map(({attack, correct, rounded, seconds}) => ({
    ...{attack, accuracy: accuracy(correct), correct, seconds},
    ...(rounds && {rounded: {accuracy: accuracy(rounded), correct: rounded}}),
  }));
  const {variant, steps} = options;
  return {
    report: {
      ...{examples: data.size, variant, steps, results},
      worstCase: worst(records.map(found => found.correct)),
      ...(rounds && {
        roundedWorstCase: worst(records.map(found => found.rounded)),
      }),
    },
    rows: records.map(({attack, correct, rounded, seconds}) => ({
      ...{attack, correct, seconds, examples: data.size},
      ...(rounds && {rounded}),
    })),
    records,
  };
}

/** A row for every attack, in the order given, finished or not. */
function allRows(
  names: string[],
  finished: EvaluationRow[],
  progress: ReadonlyMap<string, Progress>,
  examples: number,
): EvaluationRow[] {
  const known = new Set(finished.map(row => row.attack));
  // `strong` alone stands for several.
  const several = [...progress.keys()].filter(name => isStrong(name));
  const wanted = names.flatMap(name =>
    name === 'strong' && several.length > 0 ? several : [name],
  );
  const rest = wanted
    .filter(name => !known.has(name))
    .map(attack => ({attack, done: progress.get(attack)?.done, examples}));
  return [...finished, ...rest];
}

function progressBars(attacks: string[], examples: number) {
  const bars = new MultiBar(
    {
      format:
        '{attack} {bar} {value}/{total}, {fooled} misclassified, {eta_formatted} left',
      stream: process.stderr,
      noTTYOutput: true,
      notTTYSchedule: 10_000,
      hideCursor: true,
      barsize: 16,
      formatTime,
    },
    Presets.shades_grey,
  );
  const width = Math.max(...attacks.map(name => name.length));
  const made = new Map<string, ReturnType<MultiBar['create']>>();
  const progress = new Map<string, Progress>();
  return {
    progress: progress as ReadonlyMap<string, Progress>,
    update: (now: Progress) => {
      progress.set(now.attack, now);
      const fooled = now.done - now.correct;
      const shown = {attack: now.attack.padEnd(width), fooled};
      let bar = made.get(now.attack);
      if (!bar) {
        bar = bars.create(examples, 0, shown);
        made.set(now.attack, bar);
      }
      bar.update(now.done, shown);
    },
    stop: () => bars.stop(),
  };
}
