import * as tf from '@tensorflow/tfjs';
import {CLASSES, SIZE} from './toy.js';

interface GraphNode {
  name: string;
  op: string;
  input?: string[];
  attr?: Record<string, unknown>;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');
const FLOAT = {type: 'DT_FLOAT'};
const INT = {type: 'DT_INT32'};

export interface GraphOptions {
  end?: 'softmax' | 'logits';
  /** Ops after the logits, one after the other, in place of `end`. */
  ops?: string[];
  /** Two inputs, which are added, or two outputs. */
  two?: 'inputs' | 'outputs';
}

/** A convolutional classifier as TensorFlow's converter would write it, with given weights. */
export async function graphModel(
  weights: {kernel: tf.Tensor4D; bias: tf.Tensor1D; dense: tf.Tensor2D},
  {
    end = 'softmax',
    two,
    ops = end === 'softmax' ? ['Softmax'] : [],
  }: GraphOptions = {},
): Promise<tf.GraphModel> {
  const shape = {
    shape: {dim: [-1, SIZE, SIZE, 3].map(size => ({size: String(size)}))},
  };
  const input = (name: string): GraphNode => ({
    name,
    op: 'Placeholder',
    attr: {dtype: FLOAT, shape},
  });
  const constant = (name: string, dtype: object): GraphNode => ({
    name,
    op: 'Const',
    attr: {dtype},
  });
  const nodes: GraphNode[] = [
    input('images'),
    ...(two === 'inputs'
      ? [
          input('more'),
          {
            name: 'x',
            op: 'AddV2',
            input: ['images', 'more'],
            attr: {T: FLOAT},
          },
        ]
      : []),
    constant('kernel', FLOAT),
    constant('bias', FLOAT),
    constant('dense', FLOAT),
    constant('row', INT),
    {
      name: 'conv',
      op: 'Conv2D',
      input: [two === 'inputs' ? 'x' : 'images', 'kernel'],
      attr: {
        T: FLOAT,
        strides: {list: {i: ['1', '1', '1', '1']}},
        dilations: {list: {i: ['1', '1', '1', '1']}},
        padding: {s: base64('SAME')},
        data_format: {s: base64('NHWC')},
      },
    },
    {
      name: 'biased',
      op: 'BiasAdd',
      input: ['conv', 'bias'],
      attr: {T: FLOAT, data_format: {s: base64('NHWC')}},
    },
    {name: 'relu', op: 'Relu', input: ['biased'], attr: {T: FLOAT}},
    {name: 'flat', op: 'Reshape', input: ['relu', 'row'], attr: {T: FLOAT}},
    {
      name: 'logits',
      op: 'MatMul',
      input: ['flat', 'dense'],
      attr: {T: FLOAT, transpose_a: {b: false}, transpose_b: {b: false}},
    },
    ...ops.map((op, i) => ({
      name: `op${i}`,
      op,
      input: [i === 0 ? 'logits' : `op${i - 1}`],
      attr: {T: FLOAT},
    })),
    {
      name: 'Identity',
      op: 'Identity',
      input: [ops.length > 0 ? `op${ops.length - 1}` : 'logits'],
      attr: {T: FLOAT},
    },
    ...(two === 'outputs'
      ? [
          {
            name: 'Identity_1',
            op: 'Identity',
            input: ['flat'],
            attr: {T: FLOAT},
          },
        ]
      : []),
  ];
  const {kernel, bias, dense} = weights;
  const row = tf.tensor1d([-1, dense.shape[0]], 'int32');
  const tensors = {kernel, bias, dense, row};
  const {data, specs} = await tf.io.encodeWeights(tensors);
  row.dispose();
  return tf.loadGraphModel(
    tf.io.fromMemory({
      modelTopology: {node: nodes, library: {}, versions: {}},
      weightSpecs: specs,
      weightData: data,
      format: 'graph-model',
    }),
  );
}

/** Weights for {@link graphModel}. */
export function graphWeights(seed = 1) {
  const normal = (shape: number[], deviation: number, i: number) =>
    tf.randomNormal(shape, 0, deviation, 'float32', seed * 10 + i);
  return {
    kernel: normal([3, 3, 3, 4], 0.4, 1) as tf.Tensor4D,
    bias: normal([4], 0.1, 2) as tf.Tensor1D,
    dense: normal([SIZE * SIZE * 4, CLASSES], 0.2, 3) as tf.Tensor2D,
  };
}
