/**
 * An error of ONNX Runtime that names the tfjs call at fault, with its shapes:
 * messages name the failing node ("node 'n12'", "Name:'n12'").
 */
export class OnnxError extends Error {
  /** The tfjs call, if the message names its node. */
  readonly call?: string;

  constructor(cause: Error, sources: Map<string, string>) {
    const call = namedCall(cause.message, sources);
    super(
      `onnx backend: ${call ? `${call} failed` : 'a graph failed'}: ${cause.message}`,
      {cause},
    );
    this.name = 'OnnxError';
    this.call = call;
  }

  /** Whether an error means that memory ran out. */
  static isMemory({message}: Error): boolean {
    return /alloc|memory/i.test(message);
  }
}

function namedCall(
  message: string,
  sources: Map<string, string>,
): string | undefined {
  for (const [id] of message.matchAll(/\bn\d+\b/g)) {
    const source = sources.get(id);
    if (source) return source;
  }
  return undefined;
}
