import {NCHWC, block} from '../graph/blocked.js';
import type {Graph, IrValue} from '../graph/graph.js';
import {reshape, transpose} from '../graph/layout.js';
import {fitsTable, gatherRows} from '../graph/gather_rows.js';
import type {ConvInfo} from './conv_info.js';

/*
 * The gradient of a filter is itself a convolution of the input with dy, with
 * examples and channels swapped and stride and dilation swapped. It sums over
 * examples, which are blocked like channels; to leave few empty places in the last
 * block, examples are cut into bands of rows. In the blocked layout the channels
 * of a pixel are adjacent, and one gather of such rows of `block` numbers brings
 * each operand into place.
 */

/** Whether the channels fill whole blocks and the tables are small enough. */
export function canGatherRows(g: Graph, info: ConvInfo): boolean {
  const {inChannels, outChannels} = info;
  if (g.block === 0 || inChannels % g.block > 0 || outChannels % g.block > 0) {
    return false;
  }
  const {count, inRows} = bandsOf(info, g.block);
  return fitsTable((inChannels / g.block) * count * inRows * inColumns(info));
}

/** The filter's gradient, [height, width, in, out], from `x` and `dy` in NCHW. */
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
  /** Number of bands per example. */
  perExample: number;
  /** Number of bands of all examples, rounded up to whole blocks. */
  count: number;
  /** Rows of dy in a band. */
  outRows: number;
  /** Rows of the input that these depend on. */
  inRows: number;
}

/** The cheapest number of bands: many fill their blocks better, but overlap more. */
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

/** Cost of the convolution plus that of moving the input; their ratio is measured. */
function cost({count, outRows, inRows}: Bands, info: ConvInfo, b: number) {
  const taps = info.filterHeight * info.filterWidth;
  const products = outRows * info.outWidth * taps * (info.outChannels / b);
  return count * (products + 8 * inRows * inColumns(info));
}

function inColumns(info: ConvInfo): number {
  return (info.outWidth - 1) * info.strideWidth + info.effectiveFilterWidth;
}

/** The input as [in, band, row, column], with bands blocked. */
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
  const shape = [groups, count / b, inRows, columns, b];
  const key = `input rows ${[n, ci, h, w, top, left, perExample, outRows, inRows, info.strideHeight, columns]}`;
  const gathered = gatherRows(g, withZeros(g, x), key, shape, index => {
    const [c, block, i, j, k] = index;
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
  const bandsFirst = g.node(
    'Unblock',
    [reshape(g, gathered, [groups, 1, 1, size, b])],
    [groups, b, 1, size],
    'float32',
  );
  return reshape(g, bandsFirst, [ci, count, inRows, columns]);
}

/** `x` [N, C, H, W], blocked, with one row of zeros added below each image. */
function withZeros(g: Graph, x: IrValue): IrValue {
  const [n, c, h, w] = x.shape;
  // A convolution runs on all threads; a pad does not.
  return g.node(
    'Conv',
    [reshape(g, block(g, x), x.shape), g.splat(1, [c, 1, 1, 1], 'float32')],
    [n, c, h + 1, w],
    'float32',
    {kernel_shape: [1, 1], pads: [0, 0, 1, 0], group: c},
    NCHWC,
  );
}

/** dy as the weights of that convolution, [out, band, row, column], with out and band blocked. */
function gradientRows(
  g: Graph,
  dy: IrValue,
  {perExample, count, outRows}: Bands,
): IrValue {
  const b = g.block;
  const [n, co, h, w] = dy.shape;
  const groups = co / b;
  const shape = [groups, count / b, outRows, w, b];
  const key = `gradient rows ${[n, co, h, w, perExample]}`;
  const gathered = gatherRows(g, block(g, dy), key, shape, index => {
    const [c, block, i, j, k] = index;
    const band = block * b + k;
    // The surplus bands of the last block are multiplied by zeros of the input.
    const example = Math.min(Math.floor(band / perExample), n - 1);
    const row = (band % perExample) * outRows + i;
    return ((example * groups + c) * h + row) * w + j;
  });
  return reshape(g, gathered, [co, count, outRows, w]);
}
