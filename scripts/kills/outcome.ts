import {createHash} from 'node:crypto';
import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {shownScalars} from '../../test/helpers/event_reader.js';
import {readTensors} from '../training/tensor_file.js';

const digest = (data: Uint8Array | string) =>
  createHash('sha256').update(data).digest('hex');

type Logs = Record<string, number>;

/** Times differ from run to run. */
const timeless = (history: Logs[]) =>
  history.map(logs => ({...logs, craft_ms: 0}));

/** All of a folder of table1 that has to be the same however it came about. */
export async function folderOfTable(folder: string): Promise<unknown> {
  const files = readdirSync(folder, {recursive: true, withFileTypes: true})
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .sort();
  return files.map(file => {
    const text = readFileSync(file, 'utf8').replace(/"seconds":[^,}]*/g, '');
    return [file.slice(folder.length), digest(text)];
  });
}

/** All of a folder of train that has to be the same: weights, and what a further epoch starts from. */
export async function folderOfTraining(folder: string): Promise<unknown> {
  const {tensors, metadata} = await readTensors(
    join(folder, 'checkpoint.safetensors'),
  );
  const {history, ...place} = metadata as {
    history: Logs[];
    adversary?: {logs: Logs};
  };
  delete place.adversary?.logs.craft_ms;
  const state = [...tensors].map(([name, tensor]) => [
    name,
    digest(Buffer.from(tensor.dataSync().buffer)),
  ]);
  tensors.forEach(tensor => tensor.dispose());
  const json = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'));
  const [{paths}] = json.weightsManifest;
  const card = JSON.parse(readFileSync(join(folder, 'card.json'), 'utf8'));
  const curves = shownScalars(join(folder, 'logs', 'train'));
  delete curves['batch/craft_ms'];
  delete curves['epoch/craft_ms'];
  return {
    curves,
    // Of two names for weights, the one that is not in use is taken.
    files: readdirSync(folder)
      .filter(name => name !== paths[0])
      .sort(),
    weights: digest(readFileSync(join(folder, paths[0]))),
    topology: digest(JSON.stringify(json.modelTopology)),
    state,
    place: {...place, seconds: 0},
    history: timeless(history),
    card: {...card, seconds: 0, history: timeless(card.history)},
  };
}
