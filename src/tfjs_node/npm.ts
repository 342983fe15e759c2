import {SetupError} from './errors.js';
import {run} from '../io/run_command.js';

/** Installs a package into a project, without its scripts and unrecorded. */
export async function npmInstall(
  specifier: string,
  project: string,
): Promise<void> {
  const {ok, missing, stderr} = await run(
    'npm',
    [
      ...['install', '--no-save', '--ignore-scripts', '--no-fund'],
      ...['--no-audit', '--loglevel=error', specifier],
    ],
    {cwd: project},
  );
  if (ok) return;
  const reason = missing
    ? 'the command npm is missing'
    : (/npm error (?!code )(.*)/.exec(stderr)?.[1] ?? stderr.trim());
  throw new SetupError(
    `npm could not install ${specifier} in ${project}: ${reason}`,
    {cause: new Error(stderr)},
  );
}
