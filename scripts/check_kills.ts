// Kills table1 and train with kill -9 at random moments and at chosen ones, goes
// on with them, and compares with a run that was never stopped. Takes a while:
// node --conditions=@tfjs-adversarial/source --import=tsx scripts/check_kills.ts [table1|train|train-fast|train-union]
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {isDeepStrictEqual} from 'node:util';
import {loadBackend} from '../src/node.js';
import {folderOfTable, folderOfTraining} from './kills/outcome.js';
import {start} from './kills/start.js';

const RANDOM_KILLS = 10;
/** Within the first second, when hardly anything has been loaded. */
const EARLY_KILLS = 3;

interface Subject {
  name: string;
  args: string[];
  outcome(folder: string): Promise<unknown>;
}

const [only] = process.argv.slice(2);
const root = mkdtempSync(join(tmpdir(), 'tfjs-adversarial-kills-'));
await loadBackend('cpu');

const small = ['--network=small', '--examples=160', '--batch=20'];
const training = [...small, '--held-out=20', '--epochs=2', '--threads=1'];
const model = join(root, 'model');
const subjects: Subject[] = [
  {
    name: 'train',
    args: [
      ...training,
      ...['--defense=D', '--steps=2', '--ema=0.9', '--schedule=one-cycle'],
      ...['--checkpoint-minutes=0', '--resume'],
    ],
    outcome: folderOfTraining,
  },
  // The same of the newer modes, by their names for this script.
  ...Object.entries({
    'train-fast': [
      ...['--defense=D', '--on-overfitting=restore', '--ema=0.9'],
      ...['--objective=logit-pairing', '--label-smoothing=0.1'],
    ],
    'train-union': ['--defense=Union', '--mix=0.5', '--awp=0.01'],
  }).map(([name, args]) => ({
    name,
    args: [
      ...[...training, ...args, '--crafting=fast', '--schedule=one-cycle'],
      ...['--checkpoint-minutes=0', '--resume'],
    ],
    outcome: folderOfTraining,
  })),
  {
    name: 'table1',
    args: [
      `--row=Undefended=${model}`,
      ...['--columns=None,D,S', '--variant=both', '--examples=20'],
      ...['--part=5', '--batch=5', '--steps=10'],
    ],
    outcome: folderOfTable,
  },
];

let failures = 0;
try {
  const made = await start('train', [
    ...[...training, '--defense=Undefended', `--out=${model}`],
  ]).ended;
  if (made.code !== 0) throw new Error(made.err);
  for (const subject of subjects) {
    if (!only || only === subject.name) failures += await check(subject);
  }
} finally {
  rmSync(root, {recursive: true, force: true});
}
console.log(failures === 0 ? 'Nothing differs.' : `${failures} differ.`);
process.exitCode = failures === 0 ? 0 : 1;

async function check({name, args, outcome}: Subject): Promise<number> {
  const script = name.replace(/-.*/, '');
  const whole = join(root, name, 'whole');
  const began = performance.now();
  const first = await start(script, [...args, `--out=${whole}`]).ended;
  if (first.code !== 0) throw new Error(first.err);
  const took = performance.now() - began;
  console.log(`${name}: ${(took / 1000).toFixed(0)} s unstopped`);
  const expected = await outcome(whole);
  let runs = 0;
  let differing = 0;
  const fresh = () => join(root, name, `run${runs++}`);
  const goOn = async (folder: string, what: string) => {
    const {code, err} = await start(script, [...args, `--out=${folder}`]).ended;
    const same =
      code === 0 && isDeepStrictEqual(await outcome(folder), expected);
    if (!same) {
      differing++;
      console.log(`DIFFERS: ${name}, ${what}; exit code ${code}\n${err}`);
    }
    rmSync(folder, {recursive: true, force: true});
  };

  // Each folder is killed until a run in it comes to its end unharmed.
  let folder = fresh();
  let kills: string[] = [];
  for (let done = 0; done < RANDOM_KILLS + EARLY_KILLS;) {
    const delay =
      done < EARLY_KILLS ? 1000 * Math.random() : took * Math.random();
    const {killed} = await start(script, [...args, `--out=${folder}`], {delay})
      .ended;
    if (killed) {
      done++;
      kills.push(`${(delay / 1000).toFixed(1)} s`);
    } else {
      await goOn(folder, `killed after ${kills.join(', ')}`);
      folder = fresh();
      kills = [];
    }
  }
  await goOn(folder, `killed after ${kills.join(', ')}`);
  console.log(`${name}: ${RANDOM_KILLS + EARLY_KILLS} kills at random moments`);

  // Once in each kind of writing.
  const watched = start(script, [...args, `--out=${fresh()}`], {watch: true});
  const kinds = [...new Set((await watched.ended).moments)];
  folder = fresh();
  kills = [];
  for (const kind of kinds) {
    const at = {kind, count: 1 + Math.floor(2 * Math.random())};
    const {killed} = await start(script, [...args, `--out=${folder}`], {at})
      .ended;
    if (killed) {
      kills.push(`${kind} ${at.count}`);
    } else {
      console.log(`${name}: came to its end without ${kind} ${at.count}`);
      await goOn(folder, `killed ${kills.join(', ')}`);
      folder = fresh();
      kills = [];
    }
  }
  await goOn(folder, `killed ${kills.join(', ')}`);
  console.log(`${name}: killed ${kinds.join('; ')}`);
  return differing;
}
