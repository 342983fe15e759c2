import {NCHWC, block} from '../graph/blocked.js';
import type {Graph, IrValue} from '../graph/graph.js';
import {reshape, transpose} from '../graph/layout.js';
import {fitsTable, gatherRows} from '../graph/gather_rows.js';
import type {ConvInfo} from './conv_info.js';

/*
 * The gradient of a filter is itself a convolution, of the input with dy, once
 * examples and channels have changed places: stride becomes dilation. What it
 * sums over, then its channels, is cut into blocks: examples, or bands of rows
 * of examples, so that little is left over in the last block. In the blocked
 * layout a pixel's channels lie side by side, and with such rows of `block`
 * numbers as units each operand is one gather away from its place.
 */

/** Whether channels come in whole blocks, and the tables stay small. */
export function canGatherRows(g: Graph, info: ConvInfo): boolean {
  const {inChannels, outChannels} = info;
  if (g.block === 0 || inChannels % g.block > 0 || outChannels % g.block > 0) {
    return false;
  }
  const {count, inRows} = bandsOf(info, g.block);
  return fitsTable((inChannels / g.block) * count * inRows * inColumns(info));
}

/** The filter's gradient, [height, width, in, out], of `x` and `dy` in NCHW. */
export function filterGradientByRows(
  g: Graph,
  x: IrValue,
  dy: IrValue,
  info: ConvInfo,
): IrValue {
  const b = g.block;
  const {inChannels: ci, outChannels: co, filterHeight, filterWidth} = info;
  const bands = bandsOf(info, b);
  const input = inputRows(g, x, info, bands);
  const weights = gradientRows(g, dy, bands);
  const shape = [ci, co, filterHeight, filterWidth];
  const sum = g.node(
    'Conv',
    [input, weights],
    shape,
    'float32',
    {
      kernel_shape: [bands.outRows, info.outWidth],
      pads: [0, 0, 0, 0],
      strides: [info.dilationHeight, info.dilationWidth],
      dilations: [info.strideHeight, info.strideWidth],
    },
    NCHWC,
  );
  const view = [ci, co / b, filterHeight, filterWidth, b];
  const result = transpose(g, reshape(g, sum, view), [2, 3, 0, 1, 4]);
  return reshape(g, result, [filterHeight, filterWidth, ci, co]);
}

interface Bands {
  /** Into how many bands an example is cut. */
  perExample: number;
  /** Bands of all examples, and as many more as fill the last block. */
  count: number;
  /** Rows of dy in a band. */
  outRows: number;
  /** Rows of the input that they reach. */
  inRows: number;
}

/** Many bands fill their blocks well, but overlap more. */
function bandsOf(info: ConvInfo, b: number): Bands {
  const {batchSize, outHeight, strideHeight, effectiveFilterHeight} = info;
  let best: Bands | undefined;
  for (let perExample = 1; perExample <= outHeight; perExample++) {
    if (outHeight % perExample !== 0) continue;
    const outRows = outHeight / perExample;
    const bands = {
      perExample,
      count: Math.ceil((batchSize * perExample) / b) * b,
      outRows,
      inRows: (outRows - 1) * strideHeight + effectiveFilterHeight,
    };
    if (!best || cost(bands, info, b) < cost(best, info, b)) best = bands;
  }
  return best!;
}

/** Of convolving, and of moving the input, relative to each other as measured. */
function cost({count, outRows, inRows}: Bands, info: ConvInfo, b: number) {
  const taps = info.filterHeight * info.filterWidth;
  const products = outRows * info.outWidth * taps * (info.outChannels / b);
  return count * (products + 8 * inRows * inColumns(info));
}

function inColumns(info: ConvInfo): number {
  return (info.outWidth - 1) * info.strideWidth + info.effectiveFilterWidth;
}

/** The input as [in, band, row, column], bands blocked. */
function inputRows(
  g: Graph,
  x: IrValue,
  info: ConvInfo,
  {perExample, count, outRows, inRows}: Bands,
): IrValue {
  const b = g.block;
  const [n, ci, h, w] = x.shape;
  const groups = ci / b;
  const columns = inColumns(info);
  const {top, left} = info.padInfo;
  const places = [groups, count / b, inRows, columns, b];
  const key = `input rows ${[n, ci, h, w, top, left, perExample, outRows, inRows, info.strideHeight, columns]}`;
  const gathered = gatherRows(g, withZeros(g, x), key, places, place => {
    const [c, block, i, j, k] = place;
    const band = block * b + k;
    const example = Math.floor(band / perExample);
    const row = (band % perExample) * outRows * info.strideHeight + i - top;
    const column = j - left;
    const inside =
      example < n && row >= 0 && row < h && column >= 0 && column < w;
    // The row below the first image holds zeros.
    return inside
      ? ((example * groups + c) * (h + 1) + row) * w + column
      : h * w;
  });
  const size = (count / b) * inRows * columns * b;
  const turned = g.node(
    'Unblock',
    [reshape(g, gathered, [groups, 1, 1, size, b])],
    [groups, b, 1, size],
    'float32',
  );
  return reshape(g, turned, [ci, count, inRows, columns]);
}

/** `x` [N, C, H, W], blocked, with one more row of zeros below each image. */
function withZeros(g: Graph, x: IrValue): IrValue {
  const [n, c, h, w] = x.shape;
  // As a convolution, since that runs on all threads, as padding does not.
  return g.node(
    'Conv',
    [reshape(g, block(g, x), x.shape), g.splat(1, [c, 1, 1, 1], 'float32')],
    [n, c, h + 1, w],
    'float32',
    {kernel_shape: [1, 1], pads: [0, 0, 1, 0], group: c},
    NCHWC,
  );
}

/** dy as the weights of that convolution, [out, band, row, column], both blocked. */
function gradientRows(
  g: Graph,
  dy: IrValue,
  {perExample, count, outRows}: Bands,
): IrValue {
  const b = g.block;
  const [n, co, h, w] = dy.shape;
  const groups = co / b;
  const places = [groups, count / b, outRows, w, b];
  const key = `gradient rows ${[n, co, h, w, perExample]}`;
  const gathered = gatherRows(g, block(g, dy), key, places, place => {
    const [c, block, i, j, k] = place;
    const band = block * b + k;
    // What the last block has too many meets zeros of the input.
    const example = Math.min(Math.floor(band / perExample), n - 1);
    const row = (band % perExample) * outRows + i;
    return ((example * groups + c) * h + row) * w + j;
  });
  return reshape(g, gathered, [co, count, outRows, w]);
}
