import {reshape, transpose} from '../graph/layout.js';
import {pad, slice} from '../graph/regions.js';
import {size} from '../graph/shape.js';
import {Unsupported, define} from './registry.js';

define('Transpose', (g, {x}, {perm}) => transpose(g, x, perm));

define('SpaceToBatchND', (g, {x}, {blockShape, paddings}) => {
  const blocks = blockShape as number[];
  const padded = pad(g, x, [
    [0, 0],
    ...paddings,
    ...x.shape.slice(1 + blocks.length).map(() => [0, 0] as [number, number]),
  ]);
  const [batch, ...rest] = padded.shape;
  const spatial = rest.slice(0, blocks.length).map((d, i) => d / blocks[i]);
  const channels = rest.slice(blocks.length);
  const split = [
    batch,
    ...spatial.flatMap((d, i) => [d, blocks[i]]),
    ...channels,
  ];
  const inner = blocks.map((_, i) => 2 * i + 2);
  const outer = blocks.map((_, i) => 2 * i + 1);
  const last = channels.map((_, i) => 2 * blocks.length + 1 + i);
  const moved = transpose(g, reshape(g, padded, split), [
    ...inner,
    0,
    ...outer,
    ...last,
  ]);
  return reshape(g, moved, [batch * size(blocks), ...spatial, ...channels]);
});

define('BatchToSpaceND', (g, {x}, {blockShape, crops}) => {
  const blocks = blockShape as number[];
  const m = blocks.length;
  const batch = x.shape[0] / size(blocks);
  const spatial = x.shape.slice(1, 1 + m);
  const channels = x.shape.slice(1 + m);
  const split = reshape(g, x, [...blocks, batch, ...spatial, ...channels]);
  const order = [
    m,
    ...blocks.flatMap((_, i) => [m + 1 + i, i]),
    ...channels.map((_, i) => 2 * m + 1 + i),
  ];
  const whole = spatial.map((d, i) => d * blocks[i]);
  const joined = reshape(g, transpose(g, split, order), [
    batch,
    ...whole,
    ...channels,
  ]);
  const begin = [
    0,
    ...crops.map((c: number[]) => c[0]),
    ...channels.map(() => 0),
  ];
  const keep = whole.map((d, i) => d - crops[i][0] - crops[i][1]);
  return slice(g, joined, begin, [batch, ...keep, ...channels]);
});

define('DepthToSpace', (g, {x}, {blockSize: b, dataFormat}) => {
  if (dataFormat === 'NCHW') throw new Unsupported('data format NCHW');
  const [n, h, w, c] = x.shape;
  const d = c / (b * b);
  const split = transpose(
    g,
    reshape(g, x, [n, h, w, b, b, d]),
    [0, 1, 3, 2, 4, 5],
  );
  return reshape(g, split, [n, h * b, w * b, d]);
});
