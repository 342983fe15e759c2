import type * as tf from '@tensorflow/tfjs';
import {type GraphNode, graphNodes} from '../tfjs/graph_nodes.js';

/** Ops that leave the order of an image's classes as it is. */
const TRANSPARENT = new Set([
  'Identity',
  'Snapshot',
  'StopGradient',
  'PreventGradient',
  'Reshape',
  'Squeeze',
  'ExpandDims',
  // These change values, but not which is the largest.
  'Exp',
  'Log',
]);

/** Ops that saturate. */
const ACTIVATIONS = new Set(['Softmax', 'LogSoftmax', 'Sigmoid', 'Tanh']);

/**
 * The node of a graph model that holds the logits: what goes into a softmax, a
 * sigmoid or a tanh at its end, or else its output.
 */
export function graphLogits(model: tf.GraphModel): {
  node: string;
  /** Whether an activation was found, so that these are certainly logits. */
  found: boolean;
} {
  const {output, nodes} = graphNodes(model);
  const input = (node: GraphNode, i = 0): GraphNode | undefined =>
    nodes[node.inputNames[i]?.split(':')[0]];
  let node = output;
  // The innermost of several, such as a softmax of a softmax.
  let logits: GraphNode | null = null;
  for (;;) {
    const before = input(node);
    if (!before) break;
    const own = ACTIVATIONS.has(node.op) ? before : softmaxOfParts(node, input);
    logits = own ?? logits;
    if (!own && !TRANSPARENT.has(node.op)) break;
    node = own ?? before;
  }
  const {name} = logits ?? output;
  return {node: name, found: logits !== null};
}

/** exp(a) / Σ exp(a), as the converter writes a softmax over an image's channels: a. */
function softmaxOfParts(
  node: GraphNode,
  input: (node: GraphNode, i?: number) => GraphNode | undefined,
): GraphNode | undefined {
  if (node.op !== 'RealDiv' && node.op !== 'Div') return undefined;
  const [exp, sum] = [input(node), input(node, 1)];
  const same = exp?.op === 'Exp' && sum?.op === 'Sum' && input(sum) === exp;
  return same ? input(exp) : undefined;
}
