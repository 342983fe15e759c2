import {spawn} from 'node:child_process';
import {createHash} from 'node:crypto';
import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import test from 'ava';
import {loadBackend} from '../../src/tfjs_node/load_backend.js';
import {readTensors} from '../../scripts/training/tensor_file.js';
import {shownScalars} from '../helpers/event_reader.js';
import {temporaryFolder} from '../helpers/folder.js';
import {nodeArguments} from '../helpers/node_arguments.js';

await loadBackend('cpu');

/** Runs the child until it ends, or kills it some milliseconds after it has done so many batches. */
async function train(
  args: string[],
  kill?: {batches: number; after: number},
): Promise<boolean> {
  const child = spawn(
    process.execPath,
    [...nodeArguments('test/helpers/train_child'), ...args],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let batches = 0;
  let done = false;
  for await (const line of createInterface({input: child.stdout})) {
    if (line === 'done') done = true;
    else if (++batches === kill?.batches) {
      setTimeout(() => child.kill('SIGKILL'), kill.after);
    }
  }
  return done;
}

function digest(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

/** What has to be the same: the best weights, and all that a further epoch would start from. */
async function outcome(folder: string) {
  const {tensors, metadata} = await readTensors(
    join(folder, 'checkpoint.safetensors'),
  );
  const {history, ...rest} = metadata as {
    history: Array<Record<string, number>>;
    adversary?: {logs: Record<string, number>};
  };
  // Times differ.
  delete rest.adversary?.logs.craft_ms;
  const state = [...tensors].map(([name, tensor]) => [
    name,
    createHash('sha256').update(tensor.dataSync()).digest('hex'),
  ]);
  tensors.forEach(tensor => tensor.dispose());
  const [weights] = readdirSync(folder).filter(f => f.endsWith('.bin'));
  return {
    weights: digest(join(folder, weights)),
    state,
    ...rest,
    // Times differ.
    seconds: 0,
    history: history.map((logs): Record<string, number> => ({
      ...logs,
      craft_ms: 0,
    })),
  };
}

/** What TensorBoard shows, but for times. */
function curves(folder: string) {
  const shown = shownScalars(join(folder, 'logs', 'train'));
  delete shown['batch/craft_ms'];
  delete shown['epoch/craft_ms'];
  return shown;
}

/** The first of these take a minute; the others run where all are asked for. */
const ALL = process.env.TEST_ALL_RESUMES === '1';
const MODES: Array<[string, string, string, number, object?]> = [
  ['D', 'cpu', 'adam', 2, {crafting: 'fast', onOverfitting: 'restore'}],
  ['Undefended', 'cpu', 'momentum', 1],
  ['D', 'cpu', 'adam', 2],
  ['C', 'onnx', 'adam', 1],
  ['Union', 'cpu', 'momentum', 2, {crafting: 'fast', mix: 0.5, awp: 0.01}],
  ['D', 'cpu', 'adam', 1, {objective: 'mart', mix: null, awp: 0.01}],
  [
    ...(['S', 'onnx', 'momentum', 1] as const),
    {crafting: 'fast', objective: 'logit-pairing', labelSmoothing: 0.1},
  ],
];
for (const [row, backend, optimizer, kills, more = {}] of MODES.slice(
  0,
  ALL ? undefined : 2,
)) {
  const how = JSON.stringify(more);
  test(`${row} on ${backend} with ${optimizer} ${how}: kill -9 at random moments changes nothing`, async t => {
    t.timeout(300_000);
    const [whole, broken] = [temporaryFolder(t), temporaryFolder(t)];
    const args = (folder: string) => [folder, backend, row, optimizer, how];
    t.true(await train(args(whole)));
    let killed = 0;
    for (let i = 0; i < kills; i++) {
      // Some land within the writing of a checkpoint: each batch has one.
      const kill = {
        batches: 1 + Math.floor(2 * Math.random()),
        after: Math.random() * 60,
      };
      if (!(await train(args(broken), kill))) killed++;
    }
    t.true(killed > 0);
    t.true(await train(args(broken)));
    t.deepEqual(await outcome(broken), await outcome(whole));
    t.deepEqual(curves(broken), curves(whole));
    t.deepEqual(Object.keys(curves(broken)['batch/loss']).length, 8);
    if (row === 'D' && how === '{}') {
      const [half, full] = (await outcome(broken)).history.map(h => h.size_D);
      t.true(half <= 4 / 255 + 1e-6 && full > 6 / 255, `${half}, ${full}`);
    }
    t.deepEqual(
      readdirSync(broken)
        .sort()
        .filter(f => !f.includes('weights')),
      readdirSync(whole)
        .sort()
        .filter(f => !f.includes('weights')),
    );
  });
}
