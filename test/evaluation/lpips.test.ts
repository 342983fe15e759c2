import {readFileSync} from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {loadBackend} from '../../src/tfjs_node/load_backend.js';
import {lpips, type LpipsNetwork, type LpipsWeights} from '../../src/index.js';
import {loadLpips} from '../../src/node.js';

const {cells} = JSON.parse(
  readFileSync(new URL('../assets/lpips.json', import.meta.url), 'utf8'),
) as {
  cells: {
    network: LpipsNetwork;
    height: number;
    width: number;
    distances: number[];
  }[];
};

/** The reference's inputs: whole numbers of a formula, over 255. */
function image(k: number, height: number, width: number): tf.Tensor3D {
  const values: number[] = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) {
        const mixed = 5 * ((x * y * (k + 1)) % 17);
        values.push(((7 * y + 13 * x + 29 * c + 31 * k + mixed) % 256) / 255);
      }
    }
  }
  return tf.tensor(values, [height, width, 3]);
}

function pair(height: number, width: number): [tf.Tensor4D, tf.Tensor4D] {
  const of = (k: number) => image(k, height, width);
  return [
    tf.stack([of(0), of(1), of(2)]) as tf.Tensor4D,
    tf.stack([tf.mul(of(0), 0.9), of(3), of(2)]) as tf.Tensor4D,
  ];
}

async function weights(network: LpipsNetwork): Promise<LpipsWeights | null> {
  try {
    return await loadLpips({network, download: false});
  } catch (error) {
    if (/not in the cache/.test((error as Error).message)) return null;
    throw error;
  }
}

for (const backend of ['onnx', 'tensorflow', 'cpu']) {
  test.serial(
    `${backend}: distances are the reference implementation's`,
    async t => {
      try {
        await loadBackend(backend);
      } catch (error) {
        t.log(`skipped: ${(error as Error).message}`);
        return t.pass();
      }
      // Plain JavaScript takes too long for VGG.
      const networks = backend === 'cpu' ? ['alex'] : ['alex', 'vgg'];
      for (const network of networks as LpipsNetwork[]) {
        const before = tf.memory().numTensors;
        const loaded = await weights(network);
        if (!loaded) {
          t.log(
            `skipped: the weights are not in the cache; loadLpips({network: '${network}'}) fetches them`,
          );
          return t.pass();
        }
        for (const cell of cells.filter(c => c.network === network)) {
          const distances = tf.tidy(() =>
            lpips(...pair(cell.height, cell.width), loaded),
          );
          const values = distances.dataSync();
          cell.distances.forEach((expected, i) => {
            t.true(
              Math.abs(values[i] - expected) < 1e-5 + 1e-4 * expected,
              `${network}: ${values[i]}, not ${expected}`,
            );
          });
          distances.dispose();
        }
        tf.dispose(loaded as unknown as tf.TensorContainer);
        t.is(tf.memory().numTensors, before);
      }
    },
  );
}

test.serial('what cannot be compared is said in one sentence', async t => {
  await loadBackend('cpu');
  const none = {network: 'vgg', convolutions: [], linear: []} as LpipsWeights;
  const small = tf.zeros([1, 8, 8, 3]) as tf.Tensor4D;
  const large = tf.zeros([1, 32, 32, 3]) as tf.Tensor4D;
  t.throws(() => lpips(small, small, none), {message: /at least 16×16/});
  t.throws(() => lpips(small, large, none), {message: /of one shape/});
  await t.throwsAsync(loadLpips({network: 'lenet' as 'alex'}), {
    message: /'alex' or 'vgg'/,
  });
});
