import {mkdir} from 'node:fs/promises';
import {SetupError} from './errors.js';
import {PYTHON_TAG} from './platform.js';
import {run, type RunResult} from './run.js';

/**
 * The command of a Python that has pip.
 *
 * @throws SetupError if there is none.
 */
export async function findPython(): Promise<string> {
  let found = '';
  for (const python of [process.env.PYTHON, 'python3', 'python']) {
    if (!python) continue;
    const {ok, missing} = await run(python, ['-m', 'pip', '--version']);
    if (ok) return python;
    if (!missing) found ||= python;
  }
  throw new SetupError(
    found
      ? `Python's pip is missing: ${found} has no module pip; install it (on Debian or Ubuntu: apt install python3-pip), or name another Python in the environment variable PYTHON.`
      : 'Python is missing (python3 and python were looked for): TensorFlow is fetched by its pip; install Python with pip (on Debian or Ubuntu: apt install python3-pip), or name it in the environment variable PYTHON.',
  );
}

/**
 * Downloads one wheel, without what it depends on, into `folder`.
 *
 * @param requirement as pip takes it, for instance `tensorflow-cpu==2.21.0`.
 */
export async function downloadWheel(
  requirement: string,
  platforms: string[],
  folder: string,
): Promise<void> {
  const python = await findPython();
  const visible = process.stderr.isTTY;
  await mkdir(folder, {recursive: true});
  const result = await run(
    python,
    [
      ...['-m', 'pip', 'download', requirement],
      ...['--no-deps', '--only-binary=:all:', '--no-cache-dir'],
      ...['--disable-pip-version-check', '--no-input'],
      ...['--python-version', PYTHON_TAG, '--implementation', 'cp'],
      ...['--abi', `cp${PYTHON_TAG.replace('.', '')}`, '--abi', 'none'],
      ...platforms.flatMap(platform => ['--platform', platform]),
      ...(visible ? [] : ['--quiet', '--progress-bar', 'off']),
      ...['--dest', folder],
    ],
    // pip writes to its temporary folder first, which may be on a small disk.
    {show: visible, env: {TMPDIR: folder}},
  );
  if (!result.ok) throw pipError(requirement, result, folder);
}

/** pip's many lines as one sentence. */
export function pipError(
  requirement: string,
  {stderr}: Pick<RunResult, 'stderr'>,
  folder: string,
): SetupError {
  const cause = {cause: new Error(stderr.trim())};
  if (/No space left|Errno 28/i.test(stderr)) {
    return new SetupError(
      `The disk is full: ${requirement} could not be downloaded to ${folder}; free some space, or choose another place with --cache DIR.`,
      cause,
    );
  }
  if (
    /ConnectionError|NewConnection|Max retries|timed? ?out|Temporary failure|ProxyError|SSLError|Connection (?:broken|reset|aborted)|IncompleteRead|HTTP error 5/i.test(
      stderr,
    )
  ) {
    return new SetupError(
      `The Python package index cannot be reached: pip could not download ${requirement}; check the network, or name a mirror in the environment variable PIP_INDEX_URL, and run this again.`,
      cause,
    );
  }
  if (/No matching distribution|Could not find a version/i.test(stderr)) {
    return new SetupError(
      `The Python package index that pip uses has no ${requirement} for this machine; choose another index with the environment variable PIP_INDEX_URL.`,
      cause,
    );
  }
  const last = stderr.trim().split('\n').at(-1) ?? '';
  return new SetupError(
    `pip could not download ${requirement}: ${last.replace(/^ERROR: /, '') || 'it gave no reason'}`,
    cause,
  );
}
