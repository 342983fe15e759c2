// Lets the real TensorBoard read what the demo logged, and looks for all that
// should be there.
//   npx tsx scripts/check_tensorboard.ts runs/demo/logs
import {
  readWithTensorBoard,
  tensorBoardPython,
} from '../test/helpers/tensorboard.js';

const [logDir = 'runs/demo/logs'] = process.argv.slice(2);
const found = await tensorBoardPython();
if ('missing' in found) throw new Error(found.missing);
const runs = await readWithTensorBoard(found.python, logDir);

const WANTED: Record<string, Record<string, string[]>> = {
  'plain/train': {scalars: ['epoch/loss', 'epoch/acc']},
  'C+S+D/train': {
    scalars: [
      'batch/loss',
      'batch/adv_acc',
      'epoch/loss',
      'epoch/clean_acc',
      'epoch/clean_loss',
      'epoch/clean_margin',
      'epoch/adv_acc',
      'epoch/adv_loss',
      'epoch/adv_margin',
      'epoch/size_C',
      'epoch/size_S',
      'epoch/size_D',
      'epoch/craft_ms',
    ],
  },
  'C+S+D/attack': {
    images: ['attack/images'],
    histograms: [
      'attack/margin',
      'attack/size_C',
      'attack/size_S',
      'attack/size_D',
    ],
    text: ['attack/configuration'],
  },
  // Where TensorBoard finds the metrics of the runs inside.
  'C+S+D': {hparams: ['_hparams_/session_start_info']},
};
const missing: string[] = [];
for (const [run, plugins] of Object.entries(WANTED)) {
  for (const [plugin, tags] of Object.entries(plugins)) {
    for (const tag of tags) {
      if (!runs[run]?.[plugin]?.[tag]) missing.push(`${run} ${plugin} ${tag}`);
    }
  }
}
if (missing.length > 0) {
  console.error(`TensorBoard does not see: ${missing.join(', ')}.`);
  console.error(JSON.stringify(runs, null, 1));
  process.exitCode = 1;
} else {
  console.log(
    `TensorBoard sees everything in ${Object.keys(runs).join(', ')}.`,
  );
}
