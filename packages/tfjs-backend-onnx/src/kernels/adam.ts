import {add, div, mul} from '../graph/arithmetic.js';
import {elementwise} from '../graph/elementwise.js';
import type {Graph, IrValue} from '../graph/graph.js';
import {reshape} from '../graph/layout.js';
import {concat} from '../graph/regions.js';
import {size} from '../graph/shape.js';
import {define, listed} from './registry.js';

/**
 * Variables and their two moments after a step of Adam (Kingma & Ba, algorithm 1),
 * as tfjs computes them. Inputs: 1 − β₁ᵗ, 1 − β₂ᵗ, minus the learning rate, and
 * per variable its gradient, value and moments. Several variables are concatenated
 * and updated as one.
 */
define('AdamUpdate', (g, inputs, {beta1, beta2, epsilon}) => {
  const [correction1, correction2, step, ...rest] = listed(inputs);
  const every4th = (k: number) => rest.filter((_, i) => i % 4 === k);
  const values = every4th(1);
  const gradient = concatenated(g, every4th(0));
  const first = add(
    g,
    mul(g, concatenated(g, every4th(2)), g.scalar(beta1)),
    mul(g, gradient, g.scalar(1 - beta1)),
  );
  const second = add(
    g,
    mul(g, concatenated(g, every4th(3)), g.scalar(beta2)),
    mul(g, mul(g, gradient, gradient), g.scalar(1 - beta2)),
  );
  const stddev = elementwise(g, 'Sqrt', [div(g, second, correction2)]);
  const direction = div(
    g,
    div(g, first, correction1),
    add(g, stddev, g.scalar(epsilon)),
  );
  const value = add(g, mul(g, direction, step), concatenated(g, values));
  const parts = [value, first, second].map(v => split(g, v, values));
  return values.flatMap((_, i) => parts.map(part => part[i]));
});

function concatenated(g: Graph, values: IrValue[]): IrValue {
  if (values.length === 1) return values[0];
  const flat = values.map(v => reshape(g, v, [size(v.shape)]));
  return concat(g, flat, 0);
}

/** The inverse of {@link concatenated}: parts with the shapes of `like`. */
function split(g: Graph, long: IrValue, like: IrValue[]): IrValue[] {
  if (like.length === 1) return [long];
  const sizes = like.map(v => size(v.shape));
  const parts = g.nodes(
    'Split',
    [long, g.int64(sizes)],
    sizes.map(n => ({shape: [n], dtype: long.dtype})),
    {axis: 0},
  );
  return parts.map((part, i) => reshape(g, part, like[i].shape));
}
