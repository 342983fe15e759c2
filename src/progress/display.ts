import type {Display, ProgressOption} from './report.js';

const SILENT: Display = {show() {}, stop() {}};

/** Whether there is a terminal that somebody may be looking at. */
export function inTerminal(): boolean {
  return standardError()?.isTTY === true;
}

/** Opens what an option stands for; without it, a bar in a terminal. */
export async function openDisplay(
  option: ProgressOption = inTerminal(),
): Promise<Display> {
  if (typeof option === 'function') return {show: option, stop() {}};
  const stream = option ? standardError() : undefined;
  if (!stream) return SILENT;
  // Its bar is a library for Node, which browsers must not load.
  const {standardErrorDisplay} = await import('./standard_error.js');
  return standardErrorDisplay(stream);
}

/** Standard error of Node; bundles for browsers may have a `process` without it. */
function standardError(): NodeJS.WriteStream | undefined {
  const {process} = globalThis as {process?: NodeJS.Process};
  return process?.versions?.node ? process.stderr : undefined;
}
