import {type Command, Option} from 'commander';
import type {EvaluationProgress, RobustnessReport, Variant} from '../index.js';
import {attackHere, evaluateBy} from '../evaluation/robustness.js';
import {expandSpec} from '../evaluation/strong.js';
import {checkWritable, writeWhole} from '../io/cache.js';
import {boundsLines} from './bounds_lines.js';
import {
  command,
  define,
  exitIfStopped,
  requiredOption,
  stopOnInterrupt,
} from './command_line.js';
import type {Elsewhere} from './elsewhere.js';
import {type AttackProgress, progressBars} from './evaluation_progress.js';
import {
  type EvaluationRow,
  evaluationTable,
  survivors,
} from './evaluation_table.js';
import {
  type Classified,
  classifiesRight,
  classify,
  fromBytes,
  Records,
  saveRecords,
  survived,
  toBytes,
} from './example_records.js';
import {htmlReport} from './html_report.js';
import {PageRecords} from './page_records.js';
import {loadSubject} from './subject.js';
import {addImageOptions, type ImageOptions} from './images.js';
import {
  addRangeOptions,
  checkRange,
  type RangeOptions,
  scalingOf,
} from './input_range.js';
import {MODEL_HELP, modelDigest} from './models.js';
import {
  backendOption,
  batchOption,
  jsonOption,
  path,
  seedOption,
  threadsOption,
  variantOption,
  whole,
} from './options.js';
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

interface Options extends SearchOptions, ImageOptions, RangeOptions {
  model: string;
  attacks: string;
  variant: Variant;
  batch: number;
  save?: string;
  round8?: boolean;
  html?: string;
  backend?: string;
  threads?: number;
  json?: string;
}

/** What differs between the installed command and the one of this repository. */
export interface EvaluateCommandArgs {
  /** As it is called: `npx tfjs-adversarial evaluate`. */
  name: string;
  /** Default of `--attacks`. */
  attacks: readonly string[];
  /** Said at the end of `--help`. */
  examples: string[];
  /** Lets other processes compute; without it, there is no such option. */
  elsewhere?: Elsewhere;
}

/** The command that measures a model's accuracy under attacks. */
export function evaluateCommand({
  name,
  attacks,
  examples,
  elsewhere,
}: EvaluateCommandArgs): Command {
  const program = command(name, {
    description: `A model's accuracy under attacks: under each, and in the worst case for each image. ${SINGLE_SEARCH}`,
    examples,
  })
    .addOption(requiredOption('--model <path>', MODEL_HELP))
    .option(
      '--attacks <specs>',
      'separated by commas; strong(SPEC) is a strong evaluation',
      attacks.join(),
    );
  addImageOptions(program);
  addRangeOptions(program).addOption(
    new Option(
      '--examples <n>',
      'number of images: the first of a data set, evenly spread over the files of a folder',
    )
      .argParser(whole(1))
      .default(1000),
  );
  addSearchOptions(program)
    .addOption(variantOption())
    .addOption(batchOption())
    .option(
      '--html <file>',
      'write one page with accuracy by attack and class, confusions, pictures and warnings',
      path,
    )
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
  elsewhere?.addOptions(program);
  return define<Options>(program, options => evaluate(options, elsewhere));
}

async function evaluate(
  options: Options,
  elsewhere?: Elsewhere,
): Promise<void> {
  const {batch: batchSize, variant} = options;
  const search = searchSettings(options);
  const specs = splitSpecs(options.attacks);
  const names = specs.map(spec =>
    checkSpec(spec, attackOptions(options, variant)),
  );
  checkRange(options);
  const begin = elsewhere?.prepare(options);
  const warnings = reachWarnings(names, search);
  for (const warning of warnings) console.error(`Warning: ${warning}`);
  for (const file of [options.json, options.save, options.html]) {
    if (file !== undefined) await checkWritable(file);
  }
  const {data, model, notes} = await loadSubject(options);
  // Before this there is nothing to keep.
  const stop = stopOnInterrupt();
  const keeps = options.save ?? options.round8;
  const records = keeps === undefined ? null : new Records(data);
  const page =
    options.html === undefined
      ? null
      : new PageRecords(
          ...([model, data, batchSize] as const),
          await classifiesRight(model, data, batchSize),
        );
  const work = await begin?.({
    ...{model: options.model, scaling: scalingOf(model), data, variant},
    isCifar10: (options.images ?? 'cifar10') === 'cifar10',
    attacks: specs.flatMap(expandSpec),
    ...{search: options, batch: batchSize, signal: stop},
  });
  // Other processes show their own progress.
  const bars = work ? null : progressBars(names, data.size);
  const progress = new Map<string, AttackProgress>();
  const onProgress = (now: EvaluationProgress) => {
    progress.set(now.attack, now);
    bars?.update(now);
  };
  let report: RobustnessReport;
  try {
    report = await evaluateBy(work?.attackAll ?? attackHere, model, data, {
      ...attackOptions(options, variant),
      ...{attacks: specs, batchSize, signal: stop},
      ...{progress: false, onProgress},
      ...((records || page) && {
        onExample: example => {
          records?.add(example);
          page?.add(example);
        },
      }),
    });
  } finally {
    bars?.stop();
    await work?.end();
  }

  const finished = report.results.filter(({complete}) => complete);
  const kept = records?.of(finished.map(({attack}) => attack)) ?? [];
  const rounded = new Map<string, Classified>();
  for (const {attack, images} of kept) {
    if (options.round8) {
      const bytes = fromBytes(toBytes(images));
      rounded.set(attack, await classify(model, bytes, data, batchSize));
    }
  }
  const rows: EvaluationRow[] = finished.map(({attack, correct, seconds}) => ({
    ...{attack, correct, seconds, examples: data.size},
    ...(rounded.has(attack) && {
      rounded: survived(rounded.get(attack)!.margins),
    }),
  }));
  const all = allRows(names, rows, progress, data.size);
  console.log(
    `\n${options.model}: ${data.size} ${options.images ? 'images' : 'test images'}, variant ${variant}.\n${describeAttacks(search, names)}.\n`,
  );
  console.log(evaluationTable(all));
  for (const line of [...boundsLines(finished), ...singleSearchNote(names)]) {
    console.log(line);
  }
  const unfinished = all
    .filter(row => row.correct === undefined)
    .map(({attack, done = 0}) => ({attack, done}));
  if (unfinished.some(({done}) => done > 0)) {
    console.log(
      'Examples that are misclassified finish first: an unfinished attack has no accuracy.',
    );
  }
  if (options.save !== undefined && kept.length > 0) {
    const sha256 = await modelDigest(options.model);
    await saveRecords(
      options.save,
      kept.map(({attack, images, margins}) => ({
        attack,
        images: options.round8 ? toBytes(images) : images,
        margins: rounded.get(attack)?.margins ?? margins,
      })),
      data,
      {model: options.model, sha256, search, seed: options.seed},
    );
    console.log(`\nThe adversarial images are in ${options.save}.`);
  }
  if (page && options.html !== undefined) {
    const html = htmlReport({
      ...{model: options.model, images: options.images, data, report, notes},
      search: describeAttacks(search, names),
      records: await page.of(finished.map(({attack}) => attack)),
    });
    await writeWhole(options.html, html);
    console.log(`\nThe page is ${options.html}.`);
  }
  if (options.json !== undefined) {
    const json = {
      ...{model: options.model, search},
      ...withRounded(report, rounded),
      ...{unfinished, notes: [...warnings, ...notes]},
      // Over some of the attacks it would be no worst case.
      ...(unfinished.length > 0 && {worstCase: null}),
    };
    await writeWhole(options.json, JSON.stringify(json, null, 2) + '\n');
  }
  exitIfStopped(stop);
}

/** The report, with what is left after rounding to 8 bits. */
function withRounded(
  report: RobustnessReport,
  rounded: ReadonlyMap<string, Classified>,
): object {
  if (rounded.size === 0) return report;
  const share = (correct: string) =>
    (correct.split('1').length - 1) / correct.length;
  const of = (attack: string) => survived(rounded.get(attack)!.margins);
  const results = report.results.map(result => {
    if (!rounded.has(result.attack)) return result;
    const correct = of(result.attack);
    return {...result, rounded: {accuracy: share(correct), correct}};
  });
  const worst = survivors([...rounded.keys()].map(of));
  return {...report, results, roundedWorstCase: share(worst)};
}

/** A row for every attack, in the order given, finished or not. */
function allRows(
  names: string[],
  finished: EvaluationRow[],
  progress: ReadonlyMap<string, {done: number}>,
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
