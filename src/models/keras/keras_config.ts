/** A node of a Keras configuration, as JSON has it. */
type Json = null | boolean | number | string | Json[] | {[key: string]: Json};
type Fields = {[key: string]: Json};

/**
 * A configuration that Keras 3 wrote, in the form of Keras 2, which TensorFlow.js
 * reads. One of Keras 2 stays as it is.
 */
export function toKeras2(config: unknown): unknown {
  return convert(config as Json);
}

function convert(value: Json): Json {
  if (Array.isArray(value)) return value.map(convert);
  if (value === null || typeof value !== 'object') return value;
  if (value.class_name === 'DTypePolicy') return dtypeName(value);
  const result: Fields = {};
  for (const [key, inner] of Object.entries(value)) {
    if (key === 'inbound_nodes') result[key] = inboundNodes(inner);
    else if (key === 'input_layers' || key === 'output_layers') {
      result[key] = listOfTensors(inner);
    } else if (key === 'batch_shape') result.batch_input_shape = inner;
    else result[key] = convert(inner);
  }
  return result;
}

function dtypeName({config}: Fields): Json {
  return (config as Fields | null)?.name ?? 'float32';
}

/** `['input', 0, 0]` → `[['input', 0, 0]]` */
function listOfTensors(value: Json): Json {
  return Array.isArray(value) && typeof value[0] === 'string' ? [value] : value;
}

/** `{args, kwargs}` with Keras tensors inside → `[[name, node, tensor, kwargs], …]` */
function inboundNodes(nodes: Json): Json {
  if (!Array.isArray(nodes)) return nodes;
  return nodes.map(node => {
    if (Array.isArray(node) || node === null || typeof node !== 'object') {
      return node;
    }
    return tensorsIn(node.args).map(history => [...history, {}]);
  });
}

function tensorsIn(value: Json): Json[][] {
  if (Array.isArray(value)) return value.flatMap(tensorsIn);
  if (value === null || typeof value !== 'object') return [];
  if (value.class_name !== '__keras_tensor__') return [];
  const {keras_history: history} = value.config as Fields;
  return [history as Json[]];
}
