import {readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {loadKeras} from '../../src/node.js';
import {temporaryFolder} from '../helpers/folder.js';

const assets = 'test/assets';
const outputs = JSON.parse(
  await readFile(join(assets, 'keras-outputs.json'), 'utf8'),
) as Record<'image' | 'functional' | 'sequential' | 'nested', number[]>;

for (const name of ['functional', 'sequential', 'nested'] as const) {
  test.serial(`a ${name} model of Keras 3 gives what Keras gives`, async t => {
    await tf.setBackend('cpu');
    const model = await loadKeras(join(assets, `keras-${name}.h5`));
    const image = tf.tensor4d(outputs.image, [1, 8, 8, 3]);
    const result = model.predict(image) as tf.Tensor;
    const values = await result.data();
    values.forEach((value: number, i: number) => {
      const expected = outputs[name][i];
      t.true(
        Math.abs(value - expected) <= 1e-5 * Math.max(1, Math.abs(expected)),
      );
    });
    tf.dispose([image, result]);
    model.dispose();
  });
}

test.serial('what is no Keras model is refused in one sentence', async t => {
  const folder = temporaryFolder(t);
  const whole = await readFile(join(assets, 'keras-nested.h5'));
  const refused = async (name: string, data: Buffer, message: RegExp) => {
    const file = join(folder, name);
    await writeFile(file, data);
    const error = await t.throwsAsync(loadKeras(file), {message});
    t.false(error!.message.includes('\n'));
  };
  await refused('text.h5', Buffer.from('hello'), /is no HDF5 file/);
  await refused('empty.h5', Buffer.alloc(0), /is no HDF5 file/);
  await refused('cut.h5', whole.subarray(0, 600), /truncated or damaged/);
  await refused('model.keras', whole, /zip format.*model\.save\('model\.h5'\)/);
  // The configuration's text stands in the file as it is: another class of the same length.
  const other = Buffer.from(
    whole
      .toString('latin1')
      .replaceAll('"GlobalMaxPooling2D"', '"GlobalMaxPoolingXX"'),
    'latin1',
  );
  await refused('layer.h5', other, /GlobalMaxPoolingXX/);
  await t.throwsAsync(loadKeras(join(folder, 'none.h5')), {
    message: /none\.h5/,
  });
});
