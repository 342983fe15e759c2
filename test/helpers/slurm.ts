import {
  type ChildProcess,
  execFile,
  spawn,
  spawnSync,
} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {mkdir, writeFile} from 'node:fs/promises';
import {hostname} from 'node:os';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {promisify} from 'node:util';
import {freePort} from './redis.js';

/** Where Debian puts the daemons, which a user's PATH may not have. */
const PATH = `${process.env.PATH}:/usr/sbin:/usr/local/sbin`;

const NEEDED = ['munged', 'slurmctld', 'slurmd', 'sbatch', 'sinfo'];

const missing = NEEDED.filter(
  name =>
    spawnSync('which', [name], {env: {...process.env, PATH}}).status !== 0,
);

/** Why a test on Slurm cannot run here, or null. */
export const missingSlurm =
  missing.length > 0 ? `there is no ${missing.join(', ')} here` : null;

/**
 * Starts Slurm with one node of two slots, with all its files in `folder`.
 *
 * @returns the environment for its commands, and a function that stops it.
 */
export async function startSlurm(folder: string) {
  const key = join(folder, 'munge.key');
  const socket = join(folder, 'munge.socket');
  const conf = join(folder, 'slurm.conf');
  await Promise.all(['state', 'spool'].map(name => mkdir(join(folder, name))));
  await writeFile(key, randomBytes(128), {mode: 0o400});
  const user = process.env.USER ?? (process.getuid?.() === 0 ? 'root' : '');
  const host = hostname();
  await writeFile(
    conf,
    [
      'ClusterName=test',
      `SlurmctldHost=${host}(127.0.0.1)`,
      `SlurmctldPort=${await freePort()}`,
      `SlurmdPort=${await freePort()}`,
      'AuthType=auth/munge',
      `AuthInfo=socket=${socket}`,
      'CredType=cred/munge',
      // No cgroups, which containers do not have.
      'ProctrackType=proctrack/linuxproc',
      'TaskPlugin=task/none',
      'MpiDefault=none',
      `SlurmUser=${user}`,
      `SlurmdUser=${user}`,
      `StateSaveLocation=${folder}/state`,
      `SlurmdSpoolDir=${folder}/spool`,
      `SlurmctldPidFile=${folder}/slurmctld.pid`,
      `SlurmdPidFile=${folder}/slurmd.pid`,
      `SlurmctldLogFile=${folder}/slurmctld.log`,
      `SlurmdLogFile=${folder}/slurmd.log`,
      'SlurmdParameters=config_overrides',
      'SelectType=select/cons_tres',
      'SelectTypeParameters=CR_Core',
      'ReturnToService=2',
      `NodeName=${host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN`,
      'PartitionName=main Nodes=ALL Default=YES State=UP',
      '',
    ].join('\n'),
  );
  const env = {...process.env, PATH, SLURM_CONF: conf};
  const daemons: ChildProcess[] = [];
  const daemon = (name: string, args: string[]) => {
    const child = spawn(name, args, {env, stdio: 'ignore'});
    daemons.push(child);
  };
  daemon('munged', [
    ...['--foreground', '--force', `--socket=${socket}`, `--key-file=${key}`],
    ...['pid', 'log', 'seed'].map(
      name => `--${name}-file=${join(folder, `munge.${name}`)}`,
    ),
  ]);
  daemon('slurmctld', ['-D', '-f', conf]);
  daemon('slurmd', ['-D', '-f', conf, '-N', host]);
  const stop = () => daemons.reverse().forEach(child => child.kill('SIGKILL'));
  const run = promisify(execFile);
  for (let i = 0; i < 120; i++) {
    const found = await run('sinfo', ['-h', '-o', '%t'], {env}).catch(
      () => null,
    );
    if (found?.stdout.trim() === 'idle') return {env, stop};
    const dead = daemons.find(child => child.exitCode !== null);
    // The controller ends if munged does not answer yet.
    if (dead && dead === daemons[1]) {
      daemons.splice(1, 1);
      daemon('slurmctld', ['-D', '-f', conf]);
      daemons.splice(1, 0, daemons.pop()!);
    }
    await sleep(500);
  }
  stop();
  throw new Error(`Slurm did not start: see its logs in ${folder}`);
}
