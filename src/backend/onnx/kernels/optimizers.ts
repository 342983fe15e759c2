import {add, div, mul} from '../ir/arithmetic.js';
import {elementwise} from '../ir/elementwise.js';
import {define} from './registry.js';

/** A variable and its two moments after a step of Adam (Kingma & Ba, algorithm 1), as tfjs computes them; `step` is minus the learning rate. */
define('AdamUpdate', (g, inputs, {beta1, beta2, epsilon}) => {
  const {value, gradient, correction1, correction2, step} = inputs;
  const first = add(
    g,
    mul(g, inputs.first, g.scalar(beta1)),
    mul(g, gradient, g.scalar(1 - beta1)),
  );
  const second = add(
    g,
    mul(g, inputs.second, g.scalar(beta2)),
    mul(g, mul(g, gradient, gradient), g.scalar(1 - beta2)),
  );
  const deviation = elementwise(g, 'Sqrt', [div(g, second, correction2)]);
  const direction = div(
    g,
    div(g, first, correction1),
    add(g, deviation, g.scalar(epsilon)),
  );
  return [add(g, mul(g, direction, step), value), first, second];
});
