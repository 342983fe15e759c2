import type * as tf from '@tensorflow/tfjs';
import {Graph, type IrValue} from '../src/graph/graph.js';
import {emit} from '../src/runtime/emit.js';
import {OrtTensor, createSession} from '../src/runtime/onnxruntime.js';

/*
 * ResNet-32's forward pass and input gradient as an engineer would write them in
 * ONNX by hand: constant weights, batch normalization folded into them, standard
 * operators. It is the yardstick for the graphs that the backend generates.
 */

interface Folded {
  /** [out, in, 3, 3], for the forward pass and for ConvTranspose. */
  weights: IrValue;
  /** [in, out, 3, 3], rotated by 180 degrees: for the gradient at stride 1. */
  rotated: IrValue;
  bias: IrValue;
  channels: {in: number; out: number};
}

type Weights = (name: string) => Float32Array;

class Network {
  readonly g = new Graph();
  constructor(
    private readonly weights: Weights,
    private readonly batch: number,
  ) {}

  fold(conv: string, norm: string): Folded {
    const {g} = this;
    const kernel = this.weights(`${conv}/kernel`);
    const [gamma, beta, mean, variance] = [
      'gamma',
      'beta',
      'moving_mean',
      'moving_variance',
    ].map(name => this.weights(`${norm}/${name}`));
    const out = gamma.length;
    const inner = kernel.length / 9 / out;
    const factor = gamma.map((v, i) => v / Math.sqrt(variance[i] + 1e-5));
    const forward = new Float32Array(kernel.length);
    const rotated = new Float32Array(kernel.length);
    kernel.forEach((value, index) => {
      const o = index % out;
      const i = Math.floor(index / out) % inner;
      const tap = Math.floor(index / out / inner);
      forward[(o * inner + i) * 9 + tap] = value * factor[o];
      rotated[(i * out + o) * 9 + 8 - tap] = value * factor[o];
    });
    const bias = beta.map((v, i) => v - mean[i] * factor[i]);
    return {
      weights: g.constant(forward, [out, inner, 3, 3], 'float32'),
      rotated: g.constant(rotated, [inner, out, 3, 3], 'float32'),
      bias: g.constant(bias, [out], 'float32'),
      channels: {in: inner, out},
    };
  }

  conv(x: IrValue, {weights, bias, channels}: Folded, stride: number): IrValue {
    const [, , h, w] = x.shape;
    const shape = [this.batch, channels.out, h / stride, w / stride];
    return this.g.node('Conv', [x, weights, bias], shape, 'float32', {
      kernel_shape: [3, 3],
      pads: [1, 1, 1, 1],
      strides: [stride, stride],
    });
  }

  /** The gradient of `conv` for its input. */
  back(
    dy: IrValue,
    {weights, rotated, channels}: Folded,
    stride: number,
  ): IrValue {
    const [, , h, w] = dy.shape;
    const shape = [this.batch, channels.in, h * stride, w * stride];
    const common = {kernel_shape: [3, 3], pads: [1, 1, 1, 1]};
    return stride === 1
      ? this.g.node('Conv', [dy, rotated], shape, 'float32', common)
      : this.g.node('ConvTranspose', [dy, weights], shape, 'float32', {
          ...common,
          strides: [2, 2],
          output_padding: [1, 1],
        });
  }

  op(type: string, inputs: IrValue[], shape = inputs[0].shape): IrValue {
    return this.g.node(type, inputs, shape, 'float32');
  }

  /** The gradient of a ReLU with result `relu`. */
  mask(dy: IrValue, relu: IrValue): IrValue {
    const {g} = this;
    const on = g.node('Greater', [relu, g.scalar(0)], relu.shape, 'bool');
    return this.op('Mul', [
      dy,
      g.node('Cast', [on], relu.shape, 'float32', {to: 1}),
    ]);
  }

  shortcut(x: IrValue, filters: number): IrValue {
    const {g} = this;
    const [n, c, h, w] = x.shape;
    const half = g.node(
      'Slice',
      [x, g.int64([0, 0]), g.int64([h, w]), g.int64([2, 3]), g.int64([2, 2])],
      [n, c, h / 2, w / 2],
      'float32',
    );
    const beside = (filters - c) / 2;
    const pads = g.int64([0, beside, 0, 0, 0, beside, 0, 0]);
    return g.node('Pad', [half, pads], [n, filters, h / 2, w / 2], 'float32');
  }

  shortcutBack(dy: IrValue, channels: number): IrValue {
    const {g} = this;
    const [n, c, h, w] = dy.shape;
    const before = (c - channels) / 2;
    const kept = g.node(
      'Slice',
      [dy, g.int64([before]), g.int64([before + channels]), g.int64([1])],
      [n, channels, h, w],
      'float32',
    );
    const ones = g.constant(
      new Float32Array(channels).fill(1),
      [channels, 1, 1, 1],
      'float32',
    );
    return g.node(
      'ConvTranspose',
      [kept, ones],
      [n, channels, 2 * h, 2 * w],
      'float32',
      {
        kernel_shape: [1, 1],
        strides: [2, 2],
        output_padding: [1, 1],
        group: channels,
      },
    );
  }
}

/** A function that runs the network once and returns the logits and the input gradient of their sum. */
export function handwrittenResnet(
  model: tf.LayersModel,
  images: Float32Array,
  batch: number,
  threads: number,
): () => {logits: Float32Array; gradient: Float32Array} {
  const all = new Map(
    model.weights.map(w => [w.name, w.read().dataSync() as Float32Array]),
  );
  const net = new Network(name => {
    const found = all.get(name);
    if (!found)
      throw new Error(`no weight ${name} in ${[...all.keys()].slice(0, 8)}`);
    return found;
  }, batch);
  const {g} = net;
  const channel = (values: number[]) =>
    g.constant(Float32Array.from(values), [1, 3, 1, 1], 'float32');
  const mean = channel([0.485, 0.456, 0.406]);
  const stddev = channel([0.229, 0.224, 0.225]);
  const input = g.input(0, [batch, 3, 32, 32], 'float32');
  const dz = g.input(1, [batch, 10], 'float32');

  const first = net.fold('conv1', 'bn1');
  let x = net.op('Div', [net.op('Sub', [input, mean]), stddev]);
  x = net.op('Relu', [net.conv(x, first, 1)]);
  const start = x;
  const blocks: {
    a: Folded;
    b: Folded;
    stride: number;
    middle: IrValue;
    end: IrValue;
  }[] = [];
  [16, 32, 64].forEach((filters, stage) => {
    for (let i = 0; i < 5; i++) {
      const stride = stage > 0 && i === 0 ? 2 : 1;
      const name = `layer${stage + 1}_${i}`;
      const a = net.fold(`${name}_conv1`, `${name}_bn1`);
      const b = net.fold(`${name}_conv2`, `${name}_bn2`);
      const middle = net.op('Relu', [net.conv(x, a, stride)]);
      const y = net.conv(middle, b, 1);
      const beside = stride === 2 ? net.shortcut(x, filters) : x;
      x = net.op('Relu', [net.op('Add', [y, beside])]);
      blocks.push({a, b, stride, middle, end: x});
    }
  });
  const dense = all.get('linear/kernel')!;
  const weights = g.constant(dense, [64, 10], 'float32');
  const pooled = g.node('GlobalAveragePool', [x], [batch, 64, 1, 1], 'float32');
  const flat = g.node(
    'Reshape',
    [pooled, g.int64([batch, 64])],
    [batch, 64],
    'float32',
  );
  const product = g.node('MatMul', [flat, weights], [batch, 10], 'float32');
  const logits = net.op('Add', [
    product,
    g.constant(all.get('linear/bias')!, [10], 'float32'),
  ]);

  const transposed = Float32Array.from(
    dense,
    (_, k) => dense[(k % 64) * 10 + Math.floor(k / 64)] / 64,
  );
  let d = g.node(
    'MatMul',
    [dz, g.constant(transposed, [10, 64], 'float32')],
    [batch, 64],
    'float32',
  );
  d = g.node(
    'Reshape',
    [d, g.int64([batch, 64, 1, 1])],
    [batch, 64, 1, 1],
    'float32',
  );
  d = g.node(
    'Expand',
    [d, g.int64([batch, 64, 8, 8])],
    [batch, 64, 8, 8],
    'float32',
  );
  for (const {a, b, stride, middle, end} of blocks.reverse()) {
    d = net.mask(d, end);
    const inside = net.back(net.mask(net.back(d, b, 1), middle), a, stride);
    const beside = stride === 2 ? net.shortcutBack(d, a.channels.in) : d;
    d = net.op('Add', [inside, beside]);
  }
  const dx = net.op('Div', [net.back(net.mask(d, start), first, 1), stddev]);

  const session = createSession(emit([logits, dx]).model, {
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    ...(threads > 0 ? {intraOpNumThreads: threads} : {}),
  });
  const planar = Float32Array.from(images, (_, k) => {
    const pixel = k % 1024;
    const c = Math.floor(k / 1024) % 3;
    return images[(Math.floor(k / 3072) * 1024 + pixel) * 3 + c];
  });
  const feeds = {
    x0: new OrtTensor('float32', planar, [batch, 3, 32, 32]),
    x1: new OrtTensor('float32', new Float32Array(batch * 10).fill(1), [
      batch,
      10,
    ]),
  };
  return () => {
    const {y0, y1} = session.run(feeds, {y0: null, y1: null}, {});
    return {logits: y0.data as Float32Array, gradient: y1.data as Float32Array};
  };
}
