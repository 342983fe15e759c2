import {MultiBar, Presets} from 'cli-progress';
import {
  attack,
  evaluateRobustness,
  type RobustnessReport,
} from '../src/index.js';
import {loadCifar10} from '../src/node.js';
import {writeWhole} from '../src/io/cache.js';
import {formatTime} from '../src/io/progress.js';
import {
  attackRateOption,
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
  variantOption,
  whole,
} from './command_line.js';
import {readModel} from './models.js';
import {robustnessTable} from './robustness_table.js';

const COLUMNS = 'None,C-RGB,C,D,S,C+S,C+D,S+D,C+S+D';

const program = command('evaluate', {
  description:
    "A model's accuracy on CIFAR-10 under attacks, each alone and the worst of them for each image.",
  examples: [
    'npm run evaluate -- --model runs/demo/C+S+D --attacks None,C+S+D --examples 200',
    'npm run evaluate -- --model my-model --examples 1000 --json result.json',
    "npm run evaluate -- --model my-model --attacks 'None,D(4/255)' --steps 20 --learning-rate 0.005",
  ],
})
  .requiredOption(
    '--model <path>',
    'a folder with model.json and its weights, whose model takes images [N, 32, 32, 3] in [0, 1]; robust: and a row of Table 1, for a model of this repository; or a PyTorch checkpoint (.pt) of a CIFAR ResNet',
  )
  .option('--attacks <specs>', 'comma-separated', COLUMNS)
  .addOption(examplesOption(1000))
  .addOption(stepsOption())
  .addOption(attackRateOption())
  .option('--restarts <n>', 'searches of each attack', whole(1), 1)
  .addOption(variantOption())
  .addOption(batchOption())
  .addOption(backendOption())
  .addOption(threadsOption())
  .addOption(seedOption())
  .addOption(jsonOption());

interface Options {
  model: string;
  attacks: string;
  examples: number;
  steps: number;
  learningRate?: number;
  restarts: number;
  variant: 'paper' | 'reference';
  batch: number;
  backend?: string;
  threads?: number;
  seed: number;
  json?: string;
}

run<Options>(program, async options => {
  const {variant, steps, learningRate, restarts, seed} = options;
  const search = {variant, steps, learningRate, restarts, seed};
  // Commas also stand between a bound's numbers.
  const attacks = options.attacks.split(/,(?![^(]*\))/).map(s => s.trim());
  attacks.forEach(spec => attack(spec, search));
  const stop = stopOnInterrupt();
  await startBackend(options.backend, options.threads);
  const model = await readModel(options.model);
  const data = await loadCifar10({examples: options.examples});
  const bars = progress(attacks, options.examples);
  const report = await evaluateRobustness(model, data, {
    attacks,
    ...search,
    batchSize: options.batch,
    signal: stop,
    onProgress: bars.update,
  });
  bars.stop();
  print(options.model, report, learningRate);
  if (options.json) {
    const json = {model: options.model, learningRate, ...report};
    await writeWhole(options.json, JSON.stringify(json, null, 2) + '\n');
  }
  if (stop.aborted) process.exitCode = 130;
});

function progress(attacks: string[], examples: number) {
  const bars = new MultiBar(
    {
      format:
        '{attack} {bar} {value}/{total}  {accuracy} %  {eta_formatted} left',
      stream: process.stderr,
      noTTYOutput: true,
      notTTYSchedule: 10_000,
      hideCursor: true,
      barsize: 20,
      formatTime,
    },
    Presets.shades_grey,
  );
  const width = Math.max(...attacks.map(name => attack(name).name.length));
  const made = new Map<string, ReturnType<MultiBar['create']>>();
  return {
    update: (now: {attack: string; done: number; correct: number}) => {
      const accuracy = ((100 * now.correct) / now.done).toFixed(1);
      const shown = {attack: now.attack.padEnd(width), accuracy};
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

function print(
  model: string,
  report: RobustnessReport,
  learningRate?: number,
): void {
  const {examples, steps, variant, results} = report;
  if (results.length === 0) {
    console.log('Stopped before the first attack was finished.');
    return;
  }
  console.log(
    `\n${model}: accuracy in % on ${examples} test images, ${steps} steps${learningRate === undefined ? '' : ` of ${learningRate}`}, ${variant} variant\n`,
  );
  console.log(robustnessTable([{name: 'accuracy', report}]));
}
