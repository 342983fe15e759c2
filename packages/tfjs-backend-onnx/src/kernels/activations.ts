import {add, mul} from '../graph/arithmetic.js';
import {cast} from '../graph/cast.js';
import {elementwise} from '../graph/elementwise.js';
import type {Graph, IrValue} from '../graph/graph.js';
import {type Attrs, Unsupported, define} from './registry.js';
import {inFloat} from './unary.js';

export function relu(g: Graph, x: IrValue): IrValue {
  if (x.dtype === 'int32') {
    return elementwise(g, 'Max', [x, g.scalar(0, 'int32')]);
  }
  return inFloat(g, x, f => elementwise(g, 'Relu', [f]));
}

function relu6(g: Graph, x: IrValue): IrValue {
  return inFloat(g, x, f =>
    elementwise(g, 'Min', [elementwise(g, 'Relu', [f]), g.scalar(6)]),
  );
}

function elu(g: Graph, x: IrValue): IrValue {
  return elementwise(g, 'Elu', [x], {attributes: {alpha: {float: 1}}});
}

function leakyRelu(g: Graph, x: IrValue, alpha: number): IrValue {
  return elementwise(g, 'LeakyRelu', [x], {
    attributes: {alpha: {float: alpha}},
  });
}

function prelu(g: Graph, x: IrValue, alpha: IrValue): IrValue {
  const negative = elementwise(g, 'Less', [x, g.scalar(0)], {dtype: 'bool'});
  const scaled = mul(g, x, alpha);
  return elementwise(g, 'Where', [negative, scaled, x], {dtype: 'float32'});
}

define('Relu', (g, {x}) => relu(g, x));
define('Relu6', (g, {x}) => relu6(g, x));
define('Elu', (g, {x}) => elu(g, x));
define('LeakyRelu', (g, {x}, {alpha}) =>
  leakyRelu(g, cast(g, x, 'float32'), alpha),
);
define('Prelu', (g, {x, alpha}) => prelu(g, x, alpha));

define('Selu', (g, {x}) =>
  inFloat(g, x, f =>
    elementwise(g, 'Selu', [f], {
      attributes: {
        alpha: {float: 1.6732632423543772},
        gamma: {float: 1.0507009873554805},
      },
    }),
  ),
);

define('EluGrad', (g, {dy, y}) => {
  const positive = elementwise(g, 'GreaterOrEqual', [y, g.scalar(0)], {
    dtype: 'bool',
  });
  const below = mul(g, dy, add(g, y, g.scalar(1)));
  return elementwise(g, 'Where', [positive, dy, below], {dtype: 'float32'});
});

/** Times this, every positive number except the smallest denormals exceeds 1. */
const HUGE = 3.4e38;

/**
 * 1 where x > 0, 0 where x <= 0, NaN where x is NaN. Computed as
 * max(0, min(1, HUGE relu(x))): one pass through memory without branches (ONNX's
 * Sign takes four times as long), which keeps only the ReLU of the forward pass alive.
 */
define('Step', (g, {x}, {alpha}) =>
  inFloat(g, x, f => {
    const step = elementwise(g, 'HardSigmoid', [elementwise(g, 'Relu', [f])], {
      attributes: {alpha: {float: HUGE}, beta: {float: 0}},
    });
    if (!alpha) return step;
    const zero = elementwise(g, 'Equal', [step, g.scalar(0)], {dtype: 'bool'});
    return elementwise(g, 'Where', [zero, g.scalar(alpha), step], {
      dtype: 'float32',
    });
  }),
);

define('ClipByValue', (g, {x}, {clipValueMin, clipValueMax}) => {
  const low = elementwise(g, 'Max', [x, g.scalar(clipValueMin, x.dtype)]);
  return elementwise(g, 'Min', [low, g.scalar(clipValueMax, x.dtype)]);
});

/** The activation at the end of a fused kernel. */
export function activate(
  g: Graph,
  x: IrValue,
  {activation, leakyreluAlpha}: Attrs,
  preluWeights?: IrValue,
): IrValue {
  switch (activation) {
    case undefined:
    case null:
    case 'linear':
      return x;
    case 'relu':
      return relu(g, x);
    case 'relu6':
      return relu6(g, x);
    case 'elu':
      return elu(g, x);
    case 'sigmoid':
      return elementwise(g, 'Sigmoid', [x]);
    case 'leakyrelu':
      return leakyRelu(g, x, leakyreluAlpha);
    case 'prelu':
      return prelu(g, x, preluWeights!);
    default:
      throw new Unsupported(`activation ${activation}`);
  }
}

define('Softmax', (g, {logits}, {dim}) =>
  normalized(g, 'Softmax', logits, dim),
);
define('LogSoftmax', (g, {logits}, {axis}) =>
  normalized(g, 'LogSoftmax', logits, axis),
);

function normalized(g: Graph, type: string, x: IrValue, axis: number): IrValue {
  const f = cast(g, x, 'float32');
  const rank = f.shape.length;
  return g.node(type, [f], f.shape, 'float32', {
    axis: axis < 0 ? axis + rank : axis,
  });
}
