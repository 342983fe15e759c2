import type * as tf from '@tensorflow/tfjs';

/** A node of a graph model, as tfjs's executor keeps it. */
export interface GraphNode {
  name: string;
  /** The TensorFlow op, such as `Softmax`. */
  op: string;
  /** As in the graph: a node's name, with `:1` and so on for later outputs. */
  inputNames: string[];
}

/** The output of a graph model with one output, and its nodes by their names. */
export function graphNodes(model: tf.GraphModel): {
  output: GraphNode;
  nodes: Record<string, GraphNode>;
} {
  const {graph} = (
    model as unknown as {
      executor: {
        graph: {outputs: GraphNode[]; nodes: Record<string, GraphNode>};
      };
    }
  ).executor;
  return {output: graph.outputs[0], nodes: graph.nodes};
}
