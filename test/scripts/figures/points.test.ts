import {spawn} from 'node:child_process';
import {readFile, readdir} from 'node:fs/promises';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import test from 'ava';
import {Points} from '../../../scripts/figures/points.js';
import {temporaryFolder} from '../../helpers/folder.js';
import {nodeArguments} from '../../helpers/node_arguments.js';

/** What the child began to measure; kill −9 as soon as it has begun so many. */
async function measured(folder: string, kill = Infinity): Promise<string[]> {
  const child = spawn(
    process.execPath,
    [...nodeArguments('test/helpers/points_child'), folder],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  const ended = new Promise(resolve => child.on('close', resolve));
  const specs: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    if (!line.startsWith('measuring ')) continue;
    specs.push(line.slice(10));
    if (specs.length === kill) child.kill('SIGKILL');
  }
  await ended;
  return specs;
}

const saved = async (folder: string) =>
  JSON.parse(await readFile(join(folder, 'points.json'), 'utf8'));

test('after kill −9 the same command goes on and ends with the same points', async t => {
  t.timeout(120_000);
  const [whole, folder] = [temporaryFolder(t), temporaryFolder(t)];
  const all = await measured(whole);
  t.is(all.length, 12);
  await measured(folder, 3);
  await measured(folder, 4);
  const {points} = await saved(folder);
  const before = Object.keys(points);
  t.true(before.length >= 5 && before.length < 12, `${before.length} points`);
  const rest = await measured(folder);
  t.deepEqual([...before, ...rest], all);
  t.deepEqual(await saved(folder), await saved(whole));
  t.deepEqual(await readdir(folder), ['points.json']);
});

test('points of other settings are not used', async t => {
  const file = join(temporaryFolder(t), 'points.json');
  const first = await Points.open(file, {steps: 1});
  await first.measure('C', () => ({accuracy: 50}));
  const same = await Points.open(file, {steps: 1});
  t.deepEqual(same.points, {C: {accuracy: 50}});
  const other = await Points.open(file, {steps: 2});
  t.deepEqual(other.points, {});
});
