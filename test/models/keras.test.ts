import {readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {loadKeras} from '../../src/node.js';
import {readZipMembers} from '../../src/io/zip.js';
import {temporaryFolder} from '../helpers/folder.js';
import {zipOf} from '../helpers/zip.js';

/** A zip file of these members. */
const zipped = (members: Record<string, string | Buffer>) =>
  zipOf(
    Object.entries(members).map(([name, data]) => ({
      name,
      data: Buffer.from(data),
    })),
  );

const assets = 'test/assets';
const outputs = JSON.parse(
  await readFile(join(assets, 'keras-outputs.json'), 'utf8'),
) as Record<'image' | 'functional' | 'sequential' | 'nested', number[]>;

const cases = (['functional', 'sequential', 'nested'] as const).flatMap(name =>
  ['h5', 'keras'].map(ending => [name, ending] as const),
);

for (const [name, ending] of cases) {
  test.serial(
    `${name}.${ending} of Keras 3 gives what Keras gives`,
    async t => {
      await tf.setBackend('cpu');
      const model = await loadKeras(join(assets, `keras-${name}.${ending}`));
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
    },
  );
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
  await refused(
    'text.h5',
    Buffer.from('hello'),
    /is no HDF5 file and no zip file/,
  );
  await refused('empty.h5', Buffer.alloc(0), /is no HDF5 file and no zip file/);
  await refused('cut.h5', whole.subarray(0, 600), /truncated or damaged/);
  const zip = await readFile(join(assets, 'keras-nested.keras'));
  await refused('cut.keras', zip.subarray(0, -100), /cannot be used/);
  // A byte of the weights, or of their checksum.
  const damaged = Buffer.from(zip);
  damaged[zip.indexOf('model.weights.h5') + 5000] ^= 1;
  await refused('damaged.keras', damaged, /damaged\.keras cannot be used/);
  await refused(
    'other.keras',
    zipped({'a.txt': 'a'}),
    /lacks config\.json, model/,
  );
  const foreign = {'config.json': '{"a": 1}', 'model.weights.h5': whole};
  await refused('foreign.keras', zipped(foreign), /cannot be read as a model/);
  const members = await readZipMembers(join(assets, 'keras-nested.keras'), {
    'config.json': 1e6,
  });
  const config = members.get('config.json')!;
  const pairs = {'config.json': config, 'model.weights.h5': 'no HDF5'};
  await refused(
    'weights.keras',
    zipped(pairs),
    /weights\.h5 in .* is truncated/,
  );
  const others = {'config.json': config, 'model.weights.h5': whole};
  await refused('others.keras', zipped(others), /has 0 weights for the layer/);
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
