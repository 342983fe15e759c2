import type {Attributes, Graph, IrNode, IrValue} from '../graph/graph.js';
import {mul} from '../graph/arithmetic.js';
import {NCHWC} from '../graph/blocked.js';
import {reshape} from '../graph/layout.js';
import {type Rewriting, rewrite} from './rewrite.js';
import {padRank, sameShape} from '../graph/shape.js';

/**
 * Fuses into each blocked convolution the operators that follow it, if its result
 * has no other use: a factor and a summand per channel (batch normalization),
 * another tensor (the shortcut of a residual block), ReLU. A factor per channel
 * before a convolution goes into its weights as well.
 */
export function fuseConvolutions(g: Graph, outputs: IrValue[]): IrValue[] {
  if (g.block === 0) return outputs;
  return rewrite(g, outputs, (node, rewriting) => fuse(g, node, rewriting));
}

/** The convolution, as rewritten so far, whose reshaped result is `v`, if that has no other use. */
function convolution(v: IrValue, {now, uses}: Rewriting): IrNode | undefined {
  if (uses(v) !== 1) return undefined;
  if (v.node.type === 'Reshape' && uses(v.node.inputs[0]!) !== 1) {
    return undefined;
  }
  const view = now(v).node;
  const conv = view.type === 'Reshape' ? view.inputs[0]!.node : undefined;
  return conv?.domain === NCHWC && conv.type === 'Conv' ? conv : undefined;
}

function fuse(
  g: Graph,
  node: IrNode,
  rewriting: Rewriting,
): IrValue | undefined {
  const {now} = rewriting;
  const shape = node.outputs[0]?.shape;
  if (node.type === 'Relu') {
    const conv = convolution(node.inputs[0]!, rewriting);
    if (!conv || 'activation' in conv.attributes) return undefined;
    return rebuilt(g, conv, shape, {}, {activation: 'Relu'});
  }
  if (node.type === 'Add' || node.type === 'Mul') {
    for (const [i, j] of [
      [1, 0],
      [0, 1],
    ]) {
      const conv = convolution(node.inputs[i]!, rewriting);
      if (!conv || 'activation' in conv.attributes) continue;
      const other = now(node.inputs[j]!);
      const [, , bias, sum] = conv.inputs;
      if (node.type === 'Mul') {
        if (bias || sum || !perChannel(other, shape)) continue;
        if (conv.attributes.group) continue;
        return rebuilt(g, conv, shape, {
          weights: scaleOutputs(g, conv.inputs[1]!, other),
        });
      }
      const channels = shape[1] * shape[4];
      if (perChannel(other, shape)) {
        const extra = reshape(g, other, [channels]);
        const total = bias
          ? g.node('Add', [bias, extra], [channels], 'float32')
          : extra;
        return rebuilt(g, conv, shape, {bias: total});
      }
      if (!sum && sameShape(other.shape, shape)) {
        return rebuilt(g, conv, shape, {
          sum: reshape(g, other, conv.outputs[0].shape),
        });
      }
    }
  }
  if (shape?.length === 5) {
    const channelwise = byChannels(g, node, rewriting);
    if (channelwise) return channelwise;
  }
  if (node.type === 'Conv' && node.domain === NCHWC) {
    return scaledInput(g, node, rewriting);
  }
  return undefined;
}

/**
 * Turns a factor or a summand per channel of a blocked tensor into a depthwise
 * 1 × 1 convolution: broadcasting over so short an inner axis is slow, and more
 * can be fused into the convolution.
 */
function byChannels(
  g: Graph,
  node: IrNode,
  {now}: Rewriting,
): IrValue | undefined {
  const {shape, dtype} = node.outputs[0];
  if (dtype !== 'float32' || shape[2] * shape[3] < 4) return undefined;
  if (!['Mul', 'Add', 'Sub'].includes(node.type)) return undefined;
  const [a, b] = node.inputs.map(v => now(v!));
  const [x, c] = perChannel(b, shape) ? [a, b] : [b, a];
  if (!perChannel(c, shape) || !sameShape(x.shape, shape)) return undefined;
  if (node.type === 'Sub' && c !== b) return undefined;
  const channels = shape[1] * shape[4];
  const flat = reshape(g, c, [channels]);
  const factor = node.type === 'Mul' ? flat : g.splat(1, [channels], 'float32');
  const weights = reshape(g, factor, [channels, 1, 1, 1]);
  const view = [shape[0], channels, shape[2], shape[3]];
  const inputs = [reshape(g, x, view), weights];
  if (node.type === 'Add') inputs.push(flat);
  if (node.type === 'Sub') {
    inputs.push(g.node('Neg', [flat], [channels], 'float32'));
  }
  const attributes = {kernel_shape: [1, 1], group: channels};
  const y = g.node('Conv', inputs, view, 'float32', attributes, NCHWC);
  return reshape(g, y, shape);
}

/** Conv(x * c, w) = Conv(x, w * c) for one number c per channel. */
function scaledInput(
  g: Graph,
  node: IrNode,
  {now, uses}: Rewriting,
): IrValue | undefined {
  if (node.attributes.group) return undefined;
  const view = node.inputs[0]!;
  const product = view.node.inputs[0];
  if (view.node.type !== 'Reshape' || uses(view) !== 1) return undefined;
  if (product?.node.type !== 'Mul' || uses(product) !== 1) return undefined;
  if (product.shape.length !== 5) return undefined;
  // By now the product may be a depthwise convolution, which is then not needed, or
  // fused into the convolution before it.
  const current = now(product).node;
  const made = current.type === 'Reshape' ? current.inputs[0]!.node : current;
  if (made.type !== 'Mul' && !made.attributes.group) return undefined;
  const [a, b] = product.node.inputs.map(v => now(v!));
  const shape = product.shape;
  const [large, narrow] = perChannel(b, shape) ? [a, b] : [b, a];
  if (!perChannel(narrow, shape) || !sameShape(large.shape, shape)) {
    return undefined;
  }
  const [, c, , , block] = padRank(narrow.shape, 5);
  const weights = now(node.inputs[1]!);
  const [co, ci, kh, kw] = weights.shape;
  if (ci % g.block !== 0 || c * block !== ci) return undefined;
  const split = [co / g.block, ci / g.block, kh, kw, g.block, g.block];
  const factor = reshape(g, narrow, [1, ci / g.block, 1, 1, g.block, 1]);
  const scaled = mul(g, reshape(g, weights, split), factor);
  const inputs = node.inputs.map(v => v && now(v));
  inputs[0] = reshape(g, large, view.shape);
  inputs[1] = reshape(g, scaled, weights.shape);
  const [out] = node.outputs;
  return g.node('Conv', inputs, out.shape, out.dtype, node.attributes, NCHWC);
}

/** Whether `v` has one number per channel of the blocked shape `shape`. */
function perChannel(v: IrValue, shape: readonly number[]): boolean {
  if (shape.length !== 5 || v.shape.length !== 5) return false;
  return sameShape(v.shape, [1, shape[1], 1, 1, shape[4]]);
}

function scaleOutputs(g: Graph, weights: IrValue, factor: IrValue): IrValue {
  const [co, ci, kh, kw] = weights.shape;
  const b = g.block;
  const c = co / b;
  const split = ci % b === 0 ? [c, ci / b, kh, kw, b, b] : [c, ci, kh, kw, b];
  const ones = split.map((_, i) =>
    i === 0 ? c : i === split.length - 1 ? b : 1,
  );
  const scaled = mul(g, reshape(g, weights, split), reshape(g, factor, ones));
  return reshape(g, scaled, weights.shape);
}

function rebuilt(
  g: Graph,
  conv: IrNode,
  view: readonly number[],
  changes: {weights?: IrValue; bias?: IrValue; sum?: IrValue},
  attributes: Attributes = {},
): IrValue {
  const [x, w, b = null, s = null] = conv.inputs;
  const inputs = [x, changes.weights ?? w, changes.bias ?? b, changes.sum ?? s];
  while (inputs[inputs.length - 1] === null) inputs.pop();
  const [out] = conv.outputs;
  const all = {...conv.attributes, ...attributes};
  const result = g.node('Conv', inputs, out.shape, out.dtype, all, NCHWC);
  return reshape(g, result, view);
}
