import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {readFileSync} from 'node:fs';
import {lowerings, registerOnnx, viewKernels} from './helpers/kernel_names.js';

registerOnnx();

const all = tf.getKernelsForBackend('cpu').map(k => k.kernelName);
const native = all.filter(k => lowerings.has(k) || viewKernels.includes(k));

test('every kernel of the cpu backend is there', t => {
  const here = new Set(tf.getKernelsForBackend('onnx').map(k => k.kernelName));
  t.deepEqual(
    all.filter(k => !here.has(k)),
    [],
  );
});

test('the README lists what falls back', t => {
  const readme = readFileSync('README.md', 'utf8');
  const [, count, list] =
    /Of the cpu backend's \d+ kernels, (\d+) are native[^]*?fall back: ([^.]*)\./.exec(
      readme,
    ) ?? [];
  t.is(Number(count), native.length);
  t.deepEqual(
    list.match(/\w+/g)!.sort(),
    all.filter(k => !native.includes(k)).sort(),
  );
});

test('what models are trained with is native', t => {
  // Kernels that no layer, loss, metric or optimizer of tfjs-layers uses, but
  // for volumes, encodings of categories and images that are cropped.
  const others =
    /3D|Bincount|Ragged|Sparse|String|NonMax|FFT|Complex|^Real$|^Imag$|Dilation|Draw|LRN|Bitwise|BroadcastArgs|CropAndResize|Cumprod|Diag|Einsum|FlipLeftRight|LinSpace|WithArgmax|Multinomial|Range|Rotate|SearchSorted|StaticRegex|TensorScatter|Transform|Unique/;
  t.deepEqual(
    all.filter(k => !native.includes(k) && !others.test(k)),
    [],
  );
});
