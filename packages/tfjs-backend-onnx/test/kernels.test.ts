import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {readFileSync} from 'node:fs';
import {registerOnnx} from '../src/index.js';
import {
  kernelTable,
  markdown,
  readme,
  withTable,
} from '../scripts/kernel_table.js';

registerOnnx();

const all = tf.getKernelsForBackend('cpu').map(k => k.kernelName);
const {native, fallback} = kernelTable();

test('every kernel of the cpu backend is registered', t => {
  const here = new Set(tf.getKernelsForBackend('onnx').map(k => k.kernelName));
  t.deepEqual(
    all.filter(k => !here.has(k)),
    [],
  );
});

test('the table of kernels in the README is up to date', t => {
  const text = readFileSync(readme, 'utf8');
  t.is(
    text,
    withTable(text, markdown(kernelTable())),
    'run `npm run table -w tfjs-backend-onnx`',
  );
});

test('the table names each kernel once', t => {
  const table = markdown({native, fallback});
  const cells = table
    .split('\n')
    .slice(4)
    .flatMap(row => row.split('|').slice(2));
  const names = cells.join(',').match(/\w+/g)!;
  t.deepEqual(names.sort(), [...all].sort());
});

test('all kernels that models are trained with are native', t => {
  // Kernels that no layer, loss, metric or optimizer of tfjs-layers uses, except
  // those for volumes, for encodings of categories and for cropped images.
  const others =
    /3D|Bincount|Ragged|Sparse|String|NonMax|FFT|Complex|^Real$|^Imag$|Dilation|Draw|LRN|Bitwise|BroadcastArgs|CropAndResize|Cumprod|Diag|Einsum|FlipLeftRight|LinSpace|WithArgmax|Multinomial|Range|Rotate|SearchSorted|StaticRegex|TensorScatter|Transform|Unique/;
  t.deepEqual(
    fallback.filter(k => !others.test(k)),
    [],
  );
});
