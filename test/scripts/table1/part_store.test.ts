import test from 'ava';
import {PartStore} from '../../../scripts/table1/part_store.js';
import type {TableSettings} from '../../../scripts/table1/types.js';
import {temporaryFolder} from '../../helpers/folder.js';

const settings: TableSettings = {
  ...{steps: 3, optimizer: 'adam', loss: 'margin', learningRate: null},
  ...{smoothnessWeight: 0, restarts: 1, seed: 0},
  ...{batch: 4, backend: 'cpu', part: 2, pictures: 0},
};
const place = {
  ...{row: 'C (B&W)', variant: 'paper' as const, attack: 'D(4/255)'},
  ...{begin: 0, end: 2},
};

test('a part is read as it was written, warnings included, by the same unit only', async t => {
  const folder = temporaryFolder(t);
  const open = (unit?: string) =>
    PartStore.open(folder, settings, {D: 'digest'}, () => unit);
  const store = await open('a');
  t.is(await store.read(place), undefined);
  const part = {
    ...{correct: '01', pictures: [], seconds: 1},
    warnings: [{code: 'ties' as const, message: 'All are 0.', attack: 'D'}],
  };
  await store.write(place, part);
  t.deepEqual(await store.read(place), {unit: 'a', ...part});
  t.is(await (await open('b')).read(place), undefined);
  t.is(await store.read({...place, end: 3}), undefined);
});
