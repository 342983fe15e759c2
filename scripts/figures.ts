import {basename, join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {checkFolder, checkWritable, writeWhole} from '../src/io/cache.js';
import {ownFolder} from '../src/io/lock.js';
import {progressBar} from '../src/io/progress.js';
import type {Classifier, ImageSet} from '../src/index.js';
import {loadCifar10, loadLpips} from '../src/node.js';
import {command, run, startBackend} from '../src/cli/command_line.js';
import {attackedRows} from './figures/attacked.js';
import {recolor} from './figures/colors.js';
import {drawAttacks} from './figures/draw/attacks.js';
import {drawBounds, drawGrid} from './figures/draw/curves.js';
import {drawLattice, drawPixels} from './figures/draw/recoloring.js';
import {drawTheorem} from './figures/draw/theorem.js';
import {drawImageNet} from './figures/imagenet/draw.js';
import {imageNetTable, runImageNet} from './figures/imagenet/run.js';
import {measure, type MeasureArgs, Points, rateFor} from './figures/points.js';
import {runTheorem} from './figures/theorem.js';
import {modelDigest, readCifar10Model} from './models.js';
import {
  backendOption,
  batchOption,
  examplesOption,
  jsonOption,
  path,
  seedOption,
  stepsOption,
  threadsOption,
  whole,
} from '../src/cli/options.js';

const FIGURES = ['2', '3', '4', '5', '6', 'theorem1', 'imagenet'];
/** Figures that need no --model. */
const WITHOUT_MODEL = ['theorem1', 'imagenet'];
const SCALES = [0.125, 0.25, 0.5, 0.75, 1, 1.5, 2];
/** The paper's bounds. */
const BOUNDS = {C: 0.06, D: 8 / 255, S: 0.05};
const C_BOUNDS = [0, 0.02, 0.04, 0.06];
const D_BOUNDS = [0, 1, 2, 4, 8];

const program = command('npm run figures --', {
  description:
    'Draws the figures of the paper from attacks on a CIFAR-10 model, as SVG and PNG. Measurements are kept in points.json of the output folder: a stopped run resumes with the same command.',
  examples: [
    'npm run figures -- --model my-model --out runs/figures',
    'npm run figures -- --model my-model --figure 5,6 --examples 200 --steps 100',
    'npm run figures -- --figure theorem1',
    'npm run figures -- --figure imagenet --steps 20',
  ],
})
  .option(
    '--model <path>',
    'as for evaluate; theorem1 and imagenet need none',
    path,
  )
  .option('--out <folder>', 'for the figures', path, 'runs/figures')
  .option(
    '--figure <list>',
    `one or more of ${FIGURES.join(', ')}, separated by commas`,
    FIGURES.join(),
  )
  .addOption(examplesOption(100))
  .addOption(stepsOption(1))
  .option('--image <n>', 'test image of figures 2 and 3', whole(0, 9_999), 2)
  .addOption(batchOption())
  .addOption(backendOption())
  .addOption(threadsOption())
  .addOption(seedOption())
  .addOption(jsonOption());

interface Options {
  model?: string;
  out: string;
  figure: string;
  examples: number;
  steps: number;
  image: number;
  batch: number;
  backend?: string;
  threads?: number;
  seed: number;
  json?: string;
}

interface Context extends Options {
  classifier: Classifier;
  data: ImageSet;
  points: Points;
  note: string;
}

run<Options>(program, async options => {
  const wanted = options.figure.split(',').map(s => s.trim());
  const unknown = wanted.find(figure => !FIGURES.includes(figure));
  if (unknown !== undefined) {
    throw new Error(
      `'${unknown}' is no figure: it must be one of ${FIGURES.join(', ')}.`,
    );
  }
  const {model, out} = options;
  const needsModel = wanted.some(figure => !WITHOUT_MODEL.includes(figure));
  if (needsModel && !model) {
    throw new Error('Figures 2 to 6 need a --model.');
  }
  await checkFolder(out);
  if (options.json !== undefined) await checkWritable(options.json);
  const release = await ownFolder(out);
  try {
    await draw(wanted, needsModel, options);
  } finally {
    release();
  }
});

async function draw(
  wanted: string[],
  needsModel: boolean,
  options: Options,
): Promise<void> {
  const {model, out, examples, steps, seed} = options;
  console.error('Loading …');
  await startBackend(options.backend, options.threads);
  // Before the figures without it, which take minutes.
  const classifier = needsModel ? await readCifar10Model(model!) : null;
  const written: string[] = [];
  const values: Record<string, unknown> = {};
  if (wanted.includes('theorem1')) {
    const cases = runTheorem();
    written.push(...(await drawTheorem(join(out, 'theorem1'), cases)));
    values.theorem1 = cases;
  }
  if (wanted.includes('imagenet')) {
    const found = await runImageNet(steps, seed);
    const {results, images, adversarial} = found;
    const path = join(out, 'imagenet');
    written.push(...(await drawImageNet(path, images, adversarial, results)));
    tf.dispose([images, ...adversarial]);
    values.imagenet = results;
    console.log(imageNetTable(results));
  }
  if (classifier) {
    const context: Context = {
      ...options,
      classifier,
      data: await loadCifar10({
        examples: Math.max(examples, options.image + 1),
      }),
      points: await Points.open(join(out, 'points.json'), {
        // Its path may hold another model later.
        model: await modelDigest(model!),
        examples,
        steps,
        seed,
        learningRate: rateFor(steps),
      }),
      note: `${basename(model!)} on the first ${examples} test images of CIFAR-10, ${steps} steps`,
    };
    for (const figure of wanted.filter(name => !WITHOUT_MODEL.includes(name))) {
      const path = join(out, `figure${figure}`);
      const drawn = await DRAW[figure](path, context);
      written.push(...drawn.files);
      values[`figure${figure}`] = drawn.values;
    }
  }
  if (options.json !== undefined) {
    await writeWhole(options.json, JSON.stringify(values, null, 2) + '\n');
  }
  console.log(written.join('\n'));
}

type Draw = (
  path: string,
  context: Context,
) => Promise<{files: string[]; values?: unknown}>;

const DRAW: Record<string, Draw> = {
  '2': (path, context) => drawColors(path, context, drawPixels),
  '3': (path, context) => drawColors(path, context, drawLattice),

  '4': async (path, {model, classifier, data, steps, seed}) => {
    const rows = attackedRows(classifier, data, steps, seed);
    const note = `${basename(model!)}, ${steps} steps`;
    const files = await drawAttacks(path, rows, note);
    tf.dispose(rows.map(row => row.images));
    return {files};
  },

  '5': async (path, context) => {
    const specs = Object.entries(BOUNDS).flatMap(([name, bound]) =>
      SCALES.map(scale => ({name, scale, spec: `${name}(${bound * scale})`})),
    );
    const none = {spec: 'None', scale: 1};
    const [clean, ...points] = await measureAll(context, [none, ...specs]);
    const titles = {C: 'C (0.06)', D: 'D (8/255)', S: 'S (0.05)'};
    const values = specs.map(({name, scale}, i) => ({
      attack: titles[name as keyof typeof titles],
      scale,
      accuracy: points[i].accuracy,
    }));
    const start = Object.values(titles).map(name => ({
      attack: name,
      scale: 0,
      accuracy: clean.accuracy,
    }));
    const all = [...start, ...values];
    return {files: await drawBounds(path, all, context.note), values: all};
  },

  '6': async (path, context) => {
    const cells = C_BOUNDS.flatMap(c =>
      D_BOUNDS.map(d => ({
        c: String(c),
        d: d === 0 ? 'no D' : `${d}/255`,
        spec:
          [c > 0 && `C(${c})`, d > 0 && `D(${d}/255)`]
            .filter(Boolean)
            .join('+') || 'None',
      })),
    );
    const weights = await loadLpips();
    const points = await measureAll(context, cells, weights);
    tf.dispose(weights as unknown as tf.TensorContainer);
    const values = cells.map(({c, d}, i) => ({
      c: c === '0' ? 'no C' : c,
      d,
      error: 100 - points[i].accuracy,
      lpips: points[i].lpips!,
    }));
    return {files: await drawGrid(path, values, context.note), values};
  },
};

async function drawColors(
  path: string,
  {classifier, data, image, steps}: Context,
  draw: typeof drawPixels,
) {
  const found = recolor(classifier, data, image, steps);
  const files = await draw(path, found);
  tf.dispose(found.images);
  return {files};
}

async function measureAll(
  {classifier, data, points, examples, steps, seed, batch}: Context,
  specs: {spec: string; scale?: number}[],
  weights?: MeasureArgs['weights'],
) {
  const bar = progressBar('Attacking', specs.length);
  const common = {steps, seed, batch, weights};
  const found = [];
  try {
    for (const [i, {spec, scale}] of specs.entries()) {
      const key = weights ? `${spec} LPIPS` : spec;
      found.push(
        await points.measure(key, () =>
          measure(classifier, data.slice(0, examples), spec, {
            ...common,
            scale,
          }),
        ),
      );
      bar.update(i + 1);
    }
  } finally {
    bar.stop();
  }
  return found;
}
