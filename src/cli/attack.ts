import {join} from 'node:path';
import {type Command, Option} from 'commander';
import * as tf from '@tensorflow/tfjs';
import {
  type AttackProgress,
  attack as makeAttack,
  type Variant,
} from '../index.js';
import {makeFolder, writeWhole} from '../io/cache.js';
import {encodePng} from '../io/png.js';
import {progressBar} from '../io/progress.js';
import {
  command,
  define,
  exitIfStopped,
  requiredOption,
  stopOnInterrupt,
} from './command_line.js';
import {classify, toBytes} from './example_records.js';
import {htmlGallery} from './html_gallery.js';
import {shownChange} from './html_pictures.js';
import {loadSubject} from './subject.js';
import {addImageOptions, type ImageOptions} from './images.js';
import {addRangeOptions, checkRange, type RangeOptions} from './input_range.js';
import {MODEL_HELP} from './models.js';
import {
  backendOption,
  batchOption,
  path,
  seedOption,
  threadsOption,
  variantOption,
  whole,
} from './options.js';
import {
  addSearchOptions,
  attackOptions,
  describeSearch,
  type SearchOptions,
  searchSettings,
} from './search_options.js';

interface Options extends SearchOptions, ImageOptions, RangeOptions {
  model: string;
  attack: string;
  out: string;
  variant: Variant;
  batch: number;
  backend?: string;
  threads?: number;
}

/** The command that attacks pictures and writes them. */
export function attackCommand(name: string): Command {
  const program = command(name, {
    description:
      'Attacks pictures and writes, for each, the perturbed picture and what has changed, as PNG files with a page that shows them.',
    examples: [
      `${name} --model my-model --images pictures --attack C+S+D --out attacked`,
      `${name} --model my-model --attack 'D(4/255)' --examples 20 --out attacked`,
    ],
  })
    .addOption(requiredOption('--model <path>', MODEL_HELP))
    .option('--attack <spec>', 'what to attack with', 'C+S+D')
    .addOption(
      requiredOption('--out <dir>', 'folder for the pictures').argParser(path),
    );
  addImageOptions(program);
  addRangeOptions(program).addOption(
    new Option('--examples <n>', 'number of pictures')
      .argParser(whole(1))
      .default(16),
  );
  addSearchOptions(program)
    .addOption(variantOption())
    .addOption(batchOption())
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(seedOption());
  return define<Options>(program, writeAttacked);
}

async function writeAttacked(options: Options): Promise<void> {
  const {batch, variant, out} = options;
  const attack = makeAttack(options.attack, {
    ...attackOptions(options, variant),
    earlyStop: variant !== 'reference',
  });
  const {steps, restarts} = attack.options;
  checkRange(options);
  await makeFolder(out);
  const {data, model} = await loadSubject(options);
  // Before this there is nothing to keep.
  const stop = stopOnInterrupt();
  const clean = await valuesOf(data.tensor());
  const attacked = new Float32Array(clean.length);
  const bar = progressBar(attack.name, data.size);
  let done = 0;
  try {
    while (done < data.size && !stop.aborted) {
      const end = Math.min(done + batch, data.size);
      const [x, y] = [data.tensor(done, end), data.labelTensor(done, end)];
      const share = (end - done) / (steps * restarts);
      const first = done;
      const onStep = ({restart, step}: AttackProgress) =>
        bar.update(first + share * (restart * steps + step));
      try {
        const args = {signal: stop, onStep};
        const found = await attack.perturbAsync(model, x, y, args);
        attacked.set(
          (await found.adversarial.data()) as Float32Array,
          done * data.imageSize,
        );
        tf.dispose(found as unknown as tf.TensorContainer);
      } catch (error) {
        // An unfinished batch is left out.
        if (stop.aborted) break;
        throw error;
      } finally {
        tf.dispose([x, y]);
      }
      done = end;
      bar.update(done);
    }
  } finally {
    bar.stop();
  }
  if (done < data.size) {
    console.log(
      `Stopped after ${done} of ${data.size} pictures: a batch that is not finished is left out.`,
    );
  }
  if (done === 0) {
    exitIfStopped(stop);
    return;
  }
  const part = data.slice(0, done);
  const size = data.imageSize;
  const was = await classify(
    model,
    clean.subarray(0, done * size),
    part,
    batch,
  );
  const is = await classify(
    model,
    attacked.subarray(0, done * size),
    part,
    batch,
  );
  const shown = [];
  for (let i = 0; i < done; i++) {
    const from = clean.slice(i * size, (i + 1) * size);
    const to = attacked.slice(i * size, (i + 1) * size);
    const number = String(i).padStart(String(done - 1).length, '0');
    const files = {
      clean: `${number}-clean.png`,
      attacked: `${number}-attacked.png`,
      change: `${number}-change.png`,
    };
    const {values: change, magnify} = shownChange(from, to);
    const values = {clean: from, attacked: to, change};
    for (const [kind, file] of Object.entries(files)) {
      const pixels = toBytes(values[kind as keyof typeof values]);
      const png = encodePng({data: pixels, shape: [...data.shape]});
      await writeWhole(join(out, file), png);
    }
    const names = data.classNames;
    shown.push({
      ...files,
      magnify,
      label: names[data.labels[i]],
      before: names[was.predicted[i]],
      after: names[is.predicted[i]],
    });
  }
  const right = shown.filter(({label, before}) => label === before);
  const left = right.filter(({label, after}) => label === after);
  const result = `${attack.name}: of ${done} pictures ${right.length} were right before, ${left.length} are right after.`;
  const page = htmlGallery({
    title: `${attack.name} against ${options.model}`,
    lines: [result, `The attack: ${describeSearch(searchSettings(options))}.`],
    shown,
  });
  await writeWhole(join(out, 'index.html'), page);
  console.log(`${result}\nThe pictures are in ${out}; index.html shows them.`);
  exitIfStopped(stop);
}

async function valuesOf(t: tf.Tensor): Promise<Float32Array> {
  try {
    return (await t.data()) as Float32Array;
  } finally {
    t.dispose();
  }
}
