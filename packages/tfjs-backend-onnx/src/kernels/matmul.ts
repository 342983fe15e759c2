import {add} from '../graph/arithmetic.js';
import {cast} from '../graph/cast.js';
import type {Graph, IrValue} from '../graph/graph.js';
import {reshape, transpose} from '../graph/layout.js';
import {broadcast} from '../graph/shape.js';
import {activate} from './activations.js';
import {define} from './registry.js';

function matMul(
  g: Graph,
  a: IrValue,
  b: IrValue,
  transposeA: boolean,
  transposeB: boolean,
): IrValue {
  const rank = Math.min(a.shape.length, b.shape.length);
  if (rank < 2)
    throw new Error(`a matrix needs 2 axes, but an operand has ${rank}`);
  // tfjs adds a batch axis to every product; a batch of one is dropped.
  if (
    a.shape.length === 3 &&
    a.shape[0] === 1 &&
    b.shape.length === 3 &&
    b.shape[0] === 1
  ) {
    const flat = (v: IrValue) => reshape(g, v, v.shape.slice(1));
    const result = matMul(g, flat(a), flat(b), transposeA, transposeB);
    return reshape(g, result, [1, ...result.shape]);
  }
  const x = transposeA ? swapLast(g, a) : a;
  const y = transposeB ? swapLast(g, b) : b;
  const [rows, inner] = x.shape.slice(-2);
  const [inner2, columns] = y.shape.slice(-2);
  if (inner !== inner2) {
    throw new Error(`inner dimensions ${inner} and ${inner2} differ`);
  }
  const batch = broadcast(x.shape.slice(0, -2), y.shape.slice(0, -2));
  return g.node('MatMul', [x, y], [...batch, rows, columns], a.dtype);
}

function swapLast(g: Graph, x: IrValue): IrValue {
  const axes = x.shape.map((_, i) => i);
  const n = axes.length;
  [axes[n - 2], axes[n - 1]] = [axes[n - 1], axes[n - 2]];
  return transpose(g, x, axes);
}

define('BatchMatMul', (g, {a, b}, {transposeA, transposeB}) =>
  matMul(g, a, cast(g, b, a.dtype), transposeA, transposeB),
);

define('_FusedMatMul', (g, {a, b, bias, preluActivationWeights}, attrs) => {
  let y = matMul(g, a, b, attrs.transposeA, attrs.transposeB);
  if (bias) y = add(g, y, bias);
  return activate(g, y, attrs, preluActivationWeights);
});
