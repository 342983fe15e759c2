import {type ChildProcess, spawn, spawnSync} from 'node:child_process';
import {createServer} from 'node:net';
import {setTimeout as sleep} from 'node:timers/promises';
import {Redis} from 'ioredis';

/** Why tests of the queue cannot run here, or null. */
export const missingRedis =
  spawnSync('redis-server', ['--version']).status === 0
    ? null
    : 'there is no redis-server here';

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise(resolve => server.once('listening', resolve));
  const {port} = server.address() as {port: number};
  await new Promise(resolve => server.close(resolve));
  return port;
}

/** Starts a server with an append-only file in `folder`, and waits until it answers. */
export async function startRedis(
  folder: string,
  port: number,
  more: string[] = [],
): Promise<ChildProcess> {
  const child = spawn(
    'redis-server',
    [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder],
      ...['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''],
      ...more,
    ],
    {stdio: 'ignore'},
  );
  const password = more[more.indexOf('--requirepass') + 1];
  for (;;) {
    const redis = new Redis({
      ...{port, host: '127.0.0.1', lazyConnect: true},
      retryStrategy: () => null,
      ...(more.includes('--requirepass') && {password}),
    });
    redis.on('error', () => {});
    const answer = await redis
      .connect()
      .then(() => redis.ping())
      .catch(() => null);
    redis.disconnect();
    if (answer === 'PONG') return child;
    if (child.exitCode !== null) throw new Error('redis-server ended');
    await sleep(50);
  }
}
