/**
 * The table of kernels in README.md: what is native and what runs on the cpu
 * backend's kernels. `npm run table -w tfjs-backend-onnx` writes it.
 */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import {readFileSync, writeFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {nativeKernels} from '../src/register.js';

export const readme = fileURLToPath(new URL('../README.md', import.meta.url));

const BEGIN = '<!-- kernels: written by `npm run table` -->';
const END = '<!-- end of kernels -->';

/** Kinds of kernels, the first that matches counts. */
const KINDS: [string, RegExp][] = [
  ['Strings, ragged and sparse tensors', /String|Regex|Ragged|Sparse/],
  ['Volumes', /3D/],
  ['Complex numbers', /Complex|FFT|^Real$|^Imag$/],
  ['Convolution and pooling', /Conv2[dD]|Depthwise|Pool|Dilation2D|LRN/],
  ['Matrix products', /MatMul|Einsum/],
  [
    'Normalization, softmax and activations',
    /BatchNorm|Softmax|Relu|^Elu|Selu|Prelu|Sigmoid|Softplus|^Step$/,
  ],
  ['Images', /Resize|Crop|Flip|Rotate|Transform|NonMax|Draw/],
  ['Reductions', /^(Sum|Mean|Prod|Max|Min|All|Any|Arg.*|Cum.*)$/],
  [
    'Gather, scatter and search',
    /Gather|Scatter|Segment|TopK|Unique|SearchSorted|Bincount|OneHot/,
  ],
  [
    'Comparison and logic',
    /Equal|Greater|Less|Logical|Bitwise|Select|^Is[A-Z]/,
  ],
  [
    'Shape and layout',
    /Reshape|Transpose|Slice|Concat|^Pack$|Unpack|Split|Pad|Reverse|Tile|Broadcast|Batch|Space|Expand|Identity|^Cast$|Diag/,
  ],
  ['Creation', /Fill|Like|Range|LinSpace|Multinomial/],
  ['Arithmetic and mathematics', /./],
];

export interface KernelTable {
  native: string[];
  fallback: string[];
}

/** The kernels of the cpu backend, which has every kernel of tfjs, sorted. */
export function kernelTable(): KernelTable {
  const own = new Set(nativeKernels());
  const all = tf
    .getKernelsForBackend('cpu')
    .map(k => k.kernelName)
    .sort();
  return {
    native: all.filter(name => own.has(name)),
    fallback: all.filter(name => !own.has(name)),
  };
}

export function markdown({native, fallback}: KernelTable): string {
  const kindOf = (name: string) => KINDS.find(([, is]) => is.test(name))![0];
  const list = (names: string[], kind: string) =>
    names.filter(name => kindOf(name) === kind).join(', ') || '–';
  const rows = KINDS.map(
    ([kind]) => `| ${kind} | ${list(native, kind)} | ${list(fallback, kind)} |`,
  );
  const total = native.length + fallback.length;
  return [
    `Of the ${total} kernels of TensorFlow.js's cpu backend, ${native.length} are native and ${fallback.length} fall back.`,
    '',
    '| | native | falls back |',
    '| --- | --- | --- |',
    ...rows,
  ].join('\n');
}

/** `text` with the part between the two marks replaced by `table`. */
export function withTable(text: string, table: string): string {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) {
    throw new Error(`README.md needs the lines ${BEGIN} and ${END}.`);
  }
  return `${text.slice(0, begin + BEGIN.length)}\n\n${table}\n\n${text.slice(end)}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = readFileSync(readme, 'utf8');
  writeFileSync(readme, withTable(text, markdown(kernelTable())));
}
