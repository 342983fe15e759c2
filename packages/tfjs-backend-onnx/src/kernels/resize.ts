import type {Graph, IrValue} from '../graph/graph.js';
import {expand, reshape, transpose} from '../graph/layout.js';
import {reduce} from '../graph/reduce.js';
import {toNchw, toNhwc} from './convolution.js';
import {cast} from '../graph/cast.js';
import {define} from './registry.js';

/*
 * Resizing is linear along each axis: Y = R X Cᵀ for every image and channel, with
 * one sparse matrix for the rows and one for the columns. In every mode the gradient
 * is then Rᵀ dY C.
 */

interface Mode {
  method: 'nearest' | 'bilinear';
  alignCorners: boolean;
  halfPixelCenters: boolean;
}

/** The matrix [to, from] that resizes one axis. */
function weights(from: number, to: number, mode: Mode): Float32Array {
  const {method, alignCorners, halfPixelCenters} = mode;
  const corners = alignCorners && to > 1;
  const scale = (from - (corners ? 1 : 0)) / (to - (corners ? 1 : 0));
  const matrix = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    if (method === 'nearest') {
      const source = halfPixelCenters ? scale * (i + 0.5) : scale * i;
      const nearest = alignCorners ? Math.round(source) : Math.floor(source);
      matrix[i * from + Math.max(0, Math.min(from - 1, nearest))] = 1;
      continue;
    }
    const source = halfPixelCenters ? scale * (i + 0.5) - 0.5 : scale * i;
    const low = Math.max(0, Math.floor(source));
    const high = Math.min(from - 1, Math.ceil(source));
    matrix[i * from + low] += 1 - (source - low);
    matrix[i * from + high] += source - low;
  }
  return matrix;
}

function resize(
  g: Graph,
  images: IrValue,
  size: readonly number[],
  mode: Mode,
): IrValue {
  const [, h, w] = images.shape;
  const x = cast(g, images, 'float32');
  const rows = matrix(g, h, size[0], mode);
  const columns = matrix(g, w, size[1], mode);
  return apply(g, x, rows, transpose(g, columns, [1, 0]));
}

function resizeGradient(
  g: Graph,
  dy: IrValue,
  images: IrValue,
  mode: Mode,
): IrValue {
  const [, h, w] = images.shape;
  const rows = matrix(g, h, dy.shape[1], mode);
  const columns = matrix(g, w, dy.shape[2], mode);
  return apply(g, dy, transpose(g, rows, [1, 0]), columns);
}

function matrix(g: Graph, from: number, to: number, mode: Mode): IrValue {
  return g.constant(weights(from, to, mode), [to, from], 'float32');
}

/** rows X columns for every image and channel of the NHWC tensor X. */
function apply(g: Graph, x: IrValue, rows: IrValue, columns: IrValue): IrValue {
  const images = toNchw(g, x);
  const [n, c, h] = images.shape;
  const [outHeight] = rows.shape;
  const outWidth = columns.shape[1];
  const wide = g.node(
    'MatMul',
    [images, columns],
    [n, c, h, outWidth],
    'float32',
  );
  const shape = [n, c, outHeight, outWidth];
  return toNhwc(g, g.node('MatMul', [rows, wide], shape, 'float32'));
}

define('ResizeBilinear', (g, {images}, {size, ...mode}) =>
  resize(g, images, size, {...flags(mode), method: 'bilinear'}),
);

define('ResizeBilinearGrad', (g, {dy, images}, mode) =>
  resizeGradient(g, dy, images, {...flags(mode), method: 'bilinear'}),
);

define('ResizeNearestNeighbor', (g, {images}, {size, ...mode}) => {
  const [n, h, w, c] = images.shape;
  const factors = wholeFactors([h, w], size, mode);
  if (!factors)
    return resize(g, images, size, {...flags(mode), method: 'nearest'});
  // Each pixel is repeated.
  const split = reshape(g, cast(g, images, 'float32'), [n, h, 1, w, 1, c]);
  const repeated = expand(g, split, [n, h, factors[0], w, factors[1], c]);
  return reshape(g, repeated, [n, size[0], size[1], c]);
});

define('ResizeNearestNeighborGrad', (g, {dy, images}, mode) => {
  const [n, h, w, c] = images.shape;
  const factors = wholeFactors([h, w], dy.shape.slice(1, 3), mode);
  if (!factors) {
    return resizeGradient(g, dy, images, {...flags(mode), method: 'nearest'});
  }
  const split = reshape(g, dy, [n, h, factors[0], w, factors[1], c]);
  return reduce(g, 'ReduceSum', split, [2, 4]);
});

function wholeFactors(
  from: readonly number[],
  to: readonly number[],
  {alignCorners}: {alignCorners?: boolean},
): number[] | undefined {
  const factors = from.map((d, i) => to[i] / d);
  return !alignCorners && factors.every(Number.isInteger) ? factors : undefined;
}

function flags(mode: {alignCorners?: boolean; halfPixelCenters?: boolean}) {
  return {
    alignCorners: mode.alignCorners ?? false,
    halfPixelCenters: mode.halfPixelCenters ?? false,
  };
}
