import {run, type RunResult} from './run_command.js';

/** Why something could not be fetched with pip, in one sentence that says what to do. */
export class PipError extends Error {
  override name = 'PipError';
}

/**
 * The command of a Python that has pip.
 *
 * @param wanted what its pip is to fetch, for the message.
 * @throws PipError if there is none.
 */
export async function findPython(wanted: string): Promise<string> {
  let found = '';
  for (const python of [process.env.PYTHON, 'python3', 'python']) {
    if (!python) continue;
    const {ok, missing} = await run(python, ['-m', 'pip', '--version']);
    if (ok) return python;
    if (!missing) found ||= python;
  }
  throw new PipError(
    found
      ? `Python's pip is missing: ${found} has no module pip; install it (on Debian or Ubuntu: apt install python3-pip), or name another Python in the environment variable PYTHON.`
      : `Python is missing (python3 and python were looked for): ${wanted} is fetched by its pip; install Python with pip (on Debian or Ubuntu: apt install python3-pip), or name it in the environment variable PYTHON.`,
  );
}

/** pip's many lines as one sentence. */
export function pipError(
  requirement: string,
  {stderr}: Pick<RunResult, 'stderr'>,
  folder: string,
): PipError {
  const cause = {cause: new Error(stderr.trim())};
  if (/No space left|Errno 28/i.test(stderr)) {
    return new PipError(
      `The disk is full: ${requirement} could not be downloaded to ${folder}; free some space, or choose another folder as the cache.`,
      cause,
    );
  }
  if (
    /ConnectionError|NewConnection|Max retries|timed? ?out|Temporary failure|ProxyError|SSLError|Connection (?:broken|reset|aborted)|IncompleteRead|HTTP error 5/i.test(
      stderr,
    )
  ) {
    return new PipError(
      `The Python package index cannot be reached: pip could not download ${requirement}; check the network, or name a mirror in the environment variable PIP_INDEX_URL, and run this again.`,
      cause,
    );
  }
  if (/No matching distribution|Could not find a version/i.test(stderr)) {
    return new PipError(
      `The Python package index that pip uses has no ${requirement} for this machine; choose another index with the environment variable PIP_INDEX_URL.`,
      cause,
    );
  }
  const last = stderr.trim().split('\n').at(-1) ?? '';
  return new PipError(
    `pip could not download ${requirement}: ${last.replace(/^ERROR: /, '') || 'it gave no reason'}`,
    cause,
  );
}
