import {mkdir} from 'node:fs/promises';
import {findPython, pipError} from '../io/pip.js';
import {run} from '../io/run_command.js';
import {PYTHON_TAG} from './platform.js';

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
  const python = await findPython('TensorFlow');
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
