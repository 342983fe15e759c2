// Trains a small network on made-up images:
// node train_child.ts FOLDER BACKEND DEFENSE OPTIMIZER [SETTINGS as JSON].
import {ImageSet, smallCnn} from '../../src/index.js';
import {loadBackend} from '../../src/tfjs_node/load_backend.js';
import {findRow} from '../../scripts/paper_rows.js';
import {NETWORKS} from '../../scripts/models.js';
import {
  resolveSettings,
  type Settings,
} from '../../scripts/training/settings.js';
import {trainRow} from '../../scripts/training/train_row.js';

const [out, backend, row, optimizer, more = '{}'] = process.argv.slice(2);
await loadBackend(backend);
NETWORKS.small = options => smallCnn({...options, width: 4});
const EXAMPLES = 44;
const SIZE = 8;
const labels = Uint8Array.from({length: EXAMPLES}, (_, i) => i % 3);
const images = Uint8Array.from(
  {length: EXAMPLES * SIZE * SIZE * 3},
  // Bright in the channel that is the class, and uneven.
  (_, i) =>
    (i % 3 === labels[Math.floor(i / (SIZE * SIZE * 3))] ? 120 : 60) +
    ((i * 7919) % 101),
);
const data = new ImageSet(images, labels, [SIZE, SIZE, 3], ['r', 'g', 'b']);
const defense = findRow(row);
const settings = resolveSettings(defense, undefined, {
  network: 'small',
  epochs: 2,
  batch: 8,
  steps: 2,
  // Half the bounds, then all of them; the other rows train on both.
  ...(row === 'D' && more === '{}' && {mix: 'adversarial', boundWarmUp: 2}),
  optimizer: optimizer as Settings['optimizer'],
  learningRate: 0.01,
  schedule: 'one-cycle',
  weightDecay: 5e-4,
  ema: 0.9,
  examples: EXAMPLES,
  heldOut: 6,
  seed: 3,
  ...(JSON.parse(more) as Partial<Settings>),
});
await trainRow(defense, settings, data, {
  out,
  checkpointMinutes: 0,
  onBatch: done => console.log(`batch ${done}`),
});
console.log('done');
