import test from 'ava';
import * as tf from '@tensorflow/tfjs';
import {elementwise} from '../src/graph/elementwise.js';
import {Graph, type IrValue} from '../src/graph/graph.js';
import {block, unblock} from '../src/graph/blocked.js';
import {
  NCHW_TO_NHWC,
  NHWC_TO_NCHW,
  reshape,
  transpose,
} from '../src/graph/layout.js';
import {pad, slice} from '../src/graph/regions.js';
import {gatherRows} from '../src/graph/gather_rows.js';
import {mergeReorders} from '../src/passes/merge_reorders.js';
import {rewriteTransposes} from '../src/passes/rewrite_transposes.js';
import {sinkReshapes} from '../src/passes/sink_reshapes.js';
import {blockedConv} from '../src/kernels/blocked_conv.js';
import {inOrder} from '../src/graph/topological_order.js';
import {same} from './helpers/both.js';

const PLANES = [0, 2, 1];

const counted = (result: IrValue, type: string) =>
  inOrder([result]).filter(node => node.type === type).length;

/** A graph, and something in it that is no leaf. */
function graphWith(shape: number[]): {g: Graph; x: IrValue} {
  const g = new Graph();
  return {g, x: elementwise(g, 'Exp', [g.input(0, shape, 'float32')])};
}

test('axes are split and merged below a transpose, which meets its inverse', t => {
  const {g, x} = graphWith([2, 3, 6]);
  const split = reshape(g, transpose(g, x, PLANES), [2, 2, 3, 3]);
  t.deepEqual(split.node.attributes.perm, [0, 2, 3, 1]);
  t.is(counted(transpose(g, split, [0, 3, 1, 2]), 'Transpose'), 0);
  const merged = reshape(g, split, [1, 2, 6, 3]);
  t.is(counted(transpose(g, merged, [0, 1, 3, 2]), 'Transpose'), 0);
});

test('axes that the transpose has brought together stay above it', t => {
  const {g, x} = graphWith([2, 3, 6]);
  const flat = reshape(g, transpose(g, x, PLANES), [2, 18]);
  t.is(flat.node.type, 'Reshape');
  const across = reshape(g, transpose(g, x, PLANES), [2, 9, 2]);
  t.is(across.node.type, 'Reshape');
});

test('a transposed leaf is added as it is, once for all who add it', t => {
  const g = new Graph();
  const leaf = g.input(0, [2, 2, 3, 3], 'float32');
  const image = transpose(g, reshape(g, leaf, [2, 6, 3]), PLANES);
  const field = g.input(1, [2, 3, 6], 'float32');
  let sum = elementwise(g, 'Exp', [field]);
  for (let i = 0; i < 3; i++) {
    sum = elementwise(g, 'Add', [image, elementwise(g, 'Exp', [sum])]);
  }
  t.is(sum.node.type, 'Add');
  t.is(counted(sum, 'Transpose'), 1);
});

for (const [channels, reorders] of [
  [32, 1],
  [16, 0],
]) {
  test(`${channels} channels go from NHWC to blocks and back without a transpose`, t => {
    const g = new Graph(16);
    const x = g.input(0, [2, 4, 5, channels], 'float32');
    const blocked = block(g, transpose(g, x, NHWC_TO_NCHW));
    const y = unblock(g, g.node('Exp', [blocked], blocked.shape, 'float32'));
    const outputs = [transpose(g, y, NCHW_TO_NHWC)];
    const [result] = mergeReorders(g, outputs);
    t.deepEqual(result.shape, x.shape);
    t.is(counted(outputs[0], 'Transpose'), 2);
    t.is(counted(result, 'Transpose'), 0);
    t.is(counted(result, 'Block'), reorders);
    t.is(counted(result, 'Unblock'), reorders);
  });
}

test('between two blocked convolutions there is no reshape left', t => {
  const g = new Graph(16);
  const x = g.input(0, [2, 4, 5, 16], 'float32');
  const shape = [2, 16, 4, 5];
  const attributes = {kernel_shape: [3, 3], pads: [1, 1, 1, 1]};
  const conv = (v: IrValue, slot: number) =>
    blockedConv(
      g,
      v,
      g.input(slot, [16, 16, 3, 3], 'float32'),
      shape,
      attributes,
    );
  const first = conv(transpose(g, x, NHWC_TO_NCHW), 1);
  const mask = elementwise(g, 'Sign', [first]);
  const half = elementwise(g, 'Mul', [first, g.scalar(0.5)]);
  const second = conv(elementwise(g, 'Mul', [mask, half]), 2);
  const outputs = mergeReorders(g, [transpose(g, second, NCHW_TO_NHWC)]);
  const [result] = sinkReshapes(g, outputs);
  const reshapes = (v: IrValue) =>
    inOrder([v]).filter(
      ({type, inputs}) =>
        type === 'Reshape' && inputs[0]!.node.type !== 'Input',
    ).length;
  // What is left is for the result.
  t.is(reshapes(outputs[0]), 4);
  t.is(reshapes(result), 1);
  t.deepEqual(result.shape, x.shape);
});

test('a result of the graph is no reshape where it was none', t => {
  const {g, x} = graphWith([2, 3, 6]);
  const flat = reshape(g, x, [6, 6]);
  const [inside, result] = [
    elementwise(g, 'Exp', [flat]),
    elementwise(g, 'Neg', [flat]),
  ];
  const outputs = [result, elementwise(g, 'Abs', [reshape(g, inside, [36])])];
  const rewritten = sinkReshapes(g, outputs);
  t.deepEqual(
    rewritten.map(v => v.node.type),
    ['Neg', 'Abs'],
  );
  t.is(counted(rewritten[1], 'Reshape'), 1);
});

test('a convolution pads its input itself where it can', t => {
  const padding = (value: number, before: number, channelsLast = false) => {
    const g = new Graph(16);
    const weights = g.input(1, [16, 16, 3, 3], 'float32');
    const side = [before, 1] as [number, number];
    const none = [0, 0] as [number, number];
    const padded = channelsLast
      ? transpose(
          g,
          pad(
            g,
            g.input(0, [2, 5, 4, 16], 'float32'),
            [none, side, none, none],
            value,
          ),
          NHWC_TO_NCHW,
        )
      : pad(
          g,
          g.input(0, [2, 16, 5, 4], 'float32'),
          [none, none, side, none],
          value,
        );
    const shape = [2, 16, 4 + before, 2];
    const attributes = {kernel_shape: [3, 3], pads: [0, 0, 0, 0]};
    const y = blockedConv(g, padded, weights, shape, attributes);
    return [counted(y, 'Pad'), convolutionOf(y).attributes.pads];
  };
  t.deepEqual(padding(0, 2), [0, [2, 0, 1, 0]]);
  t.deepEqual(padding(0, 2, true), [0, [2, 0, 1, 0]]);
  t.deepEqual(padding(1, 2, true), [1, [0, 0, 0, 0]]);
  t.deepEqual(padding(0, 3), [1, [0, 0, 0, 0]]);
  t.deepEqual(padding(1, 2), [1, [0, 0, 0, 0]]);
});

const convolutionOf = (y: IrValue) =>
  inOrder([y]).find(node => node.type === 'Conv')!;

/** All shapes of so many axes that have `size` elements. */
function shapesOf(size: number, rank: number): number[][] {
  if (rank === 1) return [[size]];
  const first = Array.from({length: size}, (_, i) => i + 1);
  return first
    .filter(d => size % d === 0)
    .flatMap(d => shapesOf(size / d, rank - 1).map(rest => [d, ...rest]));
}

const PERMUTATIONS = [
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
];

test.serial('transposes and then reshapes of every kind', async t => {
  const shapes = [1, 2, 3].flatMap(rank => shapesOf(24, rank));
  await same(t, () =>
    [
      [2, 3, 4],
      [4, 1, 6],
      [2, 2, 6],
    ].flatMap(shape =>
      PERMUTATIONS.flatMap(permutation =>
        shapes.map(to =>
          tf
            .range(1, 25)
            .reshape(shape)
            .sqrt()
            .transpose(permutation)
            .reshape(to)
            .neg(),
        ),
      ),
    ),
  );
});

test('a large transpose that moves the last axis is done in two', t => {
  const g = new Graph();
  const transposes = (shape: number[], permutation: number[]) =>
    counted(
      rewriteTransposes(g, [
        transpose(g, g.input(0, shape, 'float32'), permutation),
      ])[0],
      'Transpose',
    );
  t.is(transposes([9, 4, 16, 4, 16], [1, 3, 0, 4, 2]), 2);
  t.is(transposes([9, 4, 16, 4, 16], [3, 1, 0, 2, 4]), 1);
  t.is(transposes([576, 64], [1, 0]), 1);
  t.is(transposes([50, 32, 32, 3], NHWC_TO_NCHW), 1);
  t.is(transposes([3, 4, 16, 4, 16], [1, 3, 0, 4, 2]), 1);
});

test('what works on the channels of an image is done after its transpose', t => {
  const graph = (use: (v: IrValue) => IrValue) => {
    const g = new Graph();
    const x = g.input(0, [2, 4, 5, 3], 'float32');
    const mean = g.input(1, [3], 'float32');
    const centered = elementwise(g, 'Sub', [x, mean]);
    const result = elementwise(g, 'Mul', [
      g.input(2, [1, 3], 'float32'),
      centered,
    ]);
    const planes = g.node('Transpose', [result], [2, 3, 4, 5], 'float32', {
      perm: NHWC_TO_NCHW,
    });
    const other = use(centered);
    return rewriteTransposes(g, [planes, other])[0];
  };
  const alone = graph(v => v.node.inputs[0]!);
  t.is(alone.node.type, 'Mul');
  t.deepEqual(alone.shape, [2, 3, 4, 5]);
  t.deepEqual(
    alone.node.inputs.map(v => v!.node.type),
    ['Reshape', 'Sub'],
  );
  t.deepEqual(alone.node.inputs[0]!.shape, [1, 3, 1, 1]);
  t.is(alone.node.inputs[1]!.node.inputs[0]!.node.type, 'Transpose');
  // Wanted as it is too, it is transposed when it is there.
  const shared = graph(v => v);
  t.is(shared.node.inputs[1]!.node.type, 'Transpose');
});

test.serial('large transposes, and images of few channels', async t => {
  await same(t, () => {
    const x = tf.sqrt(tf.range(0, 9 * 64 * 64)).reshape([9, 4, 16, 4, 16]);
    const image = x.reshape([1, 64, 64, 9]).slice([0, 0, 0, 0], [1, 64, 64, 3]);
    const mean = tf.tensor1d([1, 2, 3]);
    const scaled = image
      .sub(mean)
      .div(mean.add(1))
      .maximum(tf.tensor4d([4, 5, 6], [1, 1, 1, 3]))
      .minimum(20);
    const filter = tf.sin(tf.range(0, 2 * 2 * 3 * 5)).reshape([2, 2, 3, 5]);
    return [
      [1, 3, 0, 4, 2],
      [4, 2, 3, 0, 1],
      [3, 1, 4, 0, 2],
      [0, 1, 2, 4, 3],
    ]
      .map(permutation => x.transpose(permutation).neg())
      .concat([
        scaled.transpose([0, 3, 1, 2]).exp(),
        tf.conv2d(scaled as tf.Tensor4D, filter as tf.Tensor4D, 1, 'same'),
        image.sub(mean).transpose([3, 0, 2, 1]),
      ]);
  });
});

test('of rows that are dealt out only those wanted are', t => {
  const g = new Graph(4);
  const x = g.input(0, [3, 2, 5, 4], 'float32');
  const rows = gatherRows(g, x, 'test', [2, 3, 5], ([a, b, c]) => a + b * c);
  const part = slice(g, rows, [1, 0, 4, 0], [1, 3, 2, 4], [1, 1, -2, 1]);
  t.is(part.node.type, 'Gather');
  t.deepEqual(part.shape, [1, 3, 2, 4]);
  t.deepEqual([...part.node.inputs[1]!.node.data!], [1, 1, 5, 3, 9, 5]);
  // Within a row there is no telling by its number.
  t.is(slice(g, rows, [0, 0, 0, 1], [2, 3, 5, 2]).node.type, 'Slice');
});
