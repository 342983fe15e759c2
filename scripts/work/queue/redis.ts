import type {Redis} from 'ioredis';

/** All keys in Redis begin with it. */
export const PREFIX = 'tfjs-adversarial';

/** Bytes of a model, or of anything else, that go through Redis. More needs a shared folder. */
export const MAX_BYTES = 64 * 2 ** 20;

/** A week after its last use, in seconds. */
export const KEPT = 7 * 24 * 3600;

/** Where the producer and the workers find what the other side has put there. */
export interface Exchange {
  redis: Redis;
  /** A folder that the producer and all workers see, used instead of Redis. */
  weights?: string;
}

/** How to reach a Redis server. */
export interface RedisAddress {
  host: string;
  port: number;
  db: number;
  username?: string;
  password?: string;
  tls?: object;
}

/**
 * Parses `redis://[[user]:password@]host[:port][/db]`, or `rediss://` for TLS.
 *
 * @throws Error with one sentence, without the password, if it is something else.
 */
export function parseRedisUrl(text: string): RedisAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const secure = url?.protocol === 'rediss:';
  const [, db] = /^\/?(\d{0,4})$/.exec(url?.pathname ?? '') ?? [];
  if (
    !url ||
    (!secure && url.protocol !== 'redis:') ||
    !url.hostname ||
    db === undefined
  ) {
    throw new Error(
      'The address of a queue is redis://HOST:PORT, or rediss://USER:PASSWORD@HOST:PORT with TLS and a password.',
    );
  }
  const {username, password} = url;
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || 6379),
    db: Number(db || 0),
    ...(username && {username: decodeURIComponent(username)}),
    ...(password && {password: decodeURIComponent(password)}),
    ...(secure && {tls: {}}),
  };
}

/** BullMQ asks for commands that wait until the connection is back. */
export const connectionOf = (address: RedisAddress) => ({
  ...address,
  maxRetriesPerRequest: null,
});

/** BullMQ and ioredis, loaded only where a queue is used. */
export async function loadBullMq() {
  try {
    const [bullmq, {Redis}] = await Promise.all([
      import('bullmq'),
      import('ioredis'),
    ]);
    return {...bullmq, Redis};
  } catch (error) {
    throw new Error(
      'A queue needs the packages bullmq and ioredis: npm install bullmq ioredis.',
      {cause: error},
    );
  }
}

/**
 * Connects, and checks that the server answers.
 *
 * @throws Error with one sentence if it does not.
 */
export async function connect(address: RedisAddress): Promise<Redis> {
  const {Redis} = await loadBullMq();
  let connected = false;
  const redis = new Redis({
    ...connectionOf(address),
    lazyConnect: true,
    connectTimeout: 10_000,
    // A server that was there may come back; one that never was is an error.
    retryStrategy: times => (connected ? Math.min(200 * times, 5_000) : null),
  });
  let reason: unknown;
  redis.on('error', error => (reason = error));
  try {
    await redis.connect();
    await redis.ping();
    connected = true;
    return redis;
  } catch (error) {
    redis.disconnect();
    throw redisError(reason ?? error, address);
  }
}

/** What Redis complains of, in one sentence that a user can act on. */
export function redisError(error: unknown, {host, port}: RedisAddress): Error {
  const {code, message} = error as NodeJS.ErrnoException;
  const what = `Redis at ${host}:${port}`;
  const text = `${code ?? ''} ${message}`;
  const reasons: Array<[RegExp, string]> = [
    [
      /WRONGPASS|invalid password|AUTH.*without any password/,
      'refuses the user name or password',
    ],
    [/NOAUTH/, 'asks for a password: write redis://:PASSWORD@HOST:PORT'],
    [/NOPERM/, 'does not allow this user what a queue needs'],
    [/OOM/, 'has no memory left: raise its maxmemory'],
    [/MISCONF|READONLY/, 'takes no writes now'],
    [/DB index/, 'has no database of this number'],
    [/ECONNREFUSED/, 'is not there: nothing listens on this port'],
    [/ENOTFOUND|EAI_AGAIN/, 'is not there: the host is unknown'],
    [/ETIMEDOUT|EHOSTUNREACH|ENETUNREACH/, 'cannot be reached'],
    [/CERT|SSL|TLS|EPROTO/i, 'has no valid TLS: redis:// connects without it'],
  ];
  const reason = reasons.find(([pattern]) => pattern.test(text))?.[1];
  return new Error(`${what} ${reason ?? `answers: ${message}`}.`, {
    cause: error,
  });
}
