import {Graph, type IrValue} from '../graph/graph.js';
import {NCHWC} from '../graph/blocked.js';
import {emit} from './emit.js';
import {
  NCHW_TO_NHWC,
  NHWC_TO_NCHW,
  reshape,
  transpose,
} from '../graph/layout.js';
import {sinkReshapes} from '../passes/sink_reshapes.js';
import {OrtTensor, createSession} from './onnxruntime.js';

let found: number | undefined;

/**
 * Channels per block of ONNX Runtime's blocked convolution on this CPU, or 0 if
 * it has none. The operator is internal to ONNX Runtime and its block size is not
 * published, so it is compared with the plain operator before it is used.
 */
export function blockSize(): number {
  found ??= [16, 8, 4].find(agrees) ?? 0;
  return found;
}

const CHANNELS = 32;
const SIDE = 6;

/** Whether convolutions in blocks of `b` channels agree with the plain ones. */
function agrees(b: number): boolean {
  const n = CHANNELS / b;
  const shape = [2, CHANNELS, SIDE, SIDE];
  const kernel = [CHANNELS, CHANNELS, 3, 3];
  const attributes = {kernel_shape: [3, 3], pads: [1, 1, 1, 1]};
  try {
    const g = new Graph(b);
    const x = g.input(0, shape, 'float32');
    const w = g.input(1, kernel, 'float32');
    const bias = g.input(2, [CHANNELS], 'float32');
    const plain = g.node(
      'Relu',
      [
        g.node(
          'Add',
          [g.node('Conv', [x, w, bias], shape, 'float32', attributes), x],
          shape,
          'float32',
        ),
      ],
      shape,
      'float32',
    );
    const inBlocks = g.node('Block', [x], [2, n, SIDE, SIDE, b], 'float32');
    const view = reshape(g, inBlocks, shape);
    const conv = g.node(
      'Conv',
      [view, blockedWeights(g, w), bias, view],
      shape,
      'float32',
      {...attributes, activation: 'Relu'},
      NCHWC,
    );
    const back = g.node(
      'Unblock',
      [reshape(g, conv, [2, n, SIDE, SIDE, b])],
      shape,
      'float32',
    );
    const {y0, y1, y2, y3} = run(
      sinkReshapes(g, [plain, back, ...depthwise(g, x, shape)]),
      [
        [shape, 0.37],
        [kernel, 0.73],
        [[CHANNELS], 0.11],
        [[CHANNELS, 1, 3, 3], 0.53],
      ],
    );
    return close(y0, y1) && close(y2, y3);
  } catch {
    return false;
  }
}

/** A depthwise convolution: the plain one, and one in blocks from NHWC and back. */
function depthwise(g: Graph, x: IrValue, shape: number[]): IrValue[] {
  const attributes = {
    kernel_shape: [3, 3],
    pads: [1, 1, 1, 1],
    group: CHANNELS,
  };
  const w = g.input(3, [CHANNELS, 1, 3, 3], 'float32');
  const plain = g.node('Conv', [x, w], shape, 'float32', attributes);
  const b = g.block;
  const blocks = [shape[0], CHANNELS / b, SIDE, SIDE, b];
  const last = {channels_last: 1};
  const nhwc = transpose(g, x, NCHW_TO_NHWC);
  const inBlocks = g.node('Block', [nhwc], blocks, 'float32', last);
  const split = reshape(g, w, [CHANNELS / b, b, 3, 3]);
  const weights = reshape(g, transpose(g, split, [0, 2, 3, 1]), w.shape);
  const inputs = [reshape(g, inBlocks, shape), weights];
  const conv = g.node('Conv', inputs, shape, 'float32', attributes, NCHWC);
  const views = [reshape(g, conv, blocks)];
  const back = g.node('Unblock', views, nhwc.shape, 'float32', last);
  return [plain, transpose(g, back, NHWC_TO_NCHW)];
}

function close(a: Float32Array, b: Float32Array): boolean {
  return a.every((v, i) => Math.abs(v - b[i]) < 1e-4 * (1 + Math.abs(v)));
}

/** [out, in, height, width] with the blocks of both channels innermost. */
function blockedWeights(g: Graph, w: IrValue): IrValue {
  const [co, ci, kh, kw] = w.shape;
  const b = g.block;
  const split = reshape(g, w, [co / b, b, ci / b, b, kh, kw]);
  return reshape(g, transpose(g, split, [0, 2, 4, 5, 3, 1]), w.shape);
}

function run(
  outputs: IrValue[],
  inputs: [number[], number][],
): Record<string, Float32Array> {
  const session = createSession(emit(outputs).model, {
    intraOpNumThreads: 1,
    logSeverityLevel: 4,
  });
  const feeds = Object.fromEntries(
    inputs.map(([shape, step], i) => {
      const n = shape.reduce((a, d) => a * d, 1);
      const data = Float32Array.from({length: n}, (_, k) =>
        Math.sin(k * step + i),
      );
      return [`x${i}`, new OrtTensor('float32', data, shape)];
    }),
  );
  const fetches = Object.fromEntries(outputs.map((_, i) => [`y${i}`, null]));
  const results = session.run(feeds, fetches, {});
  session.dispose();
  return Object.fromEntries(
    Object.entries(results).map(([k, t]) => [k, t.data as Float32Array]),
  );
}
