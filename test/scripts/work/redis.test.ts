import {createHash} from 'node:crypto';
import {gzipSync} from 'node:zlib';
import test from 'ava';
import {join} from 'node:path';
import {modelDigest} from '../../../scripts/models.js';
import {
  packModel,
  unpackModel,
} from '../../../scripts/work/queue/model_bundle.js';
import {
  connect,
  parseRedisUrl,
  redisError,
} from '../../../scripts/work/queue/redis.js';
import {
  checkVersion,
  claimVersion,
} from '../../../scripts/work/queue/version.js';
import {skipped} from '../../helpers/backends.js';
import {temporaryFolder} from '../../helpers/folder.js';
import {freePort, missingRedis, startRedis} from '../../helpers/redis.js';
import {tinyModel} from '../../helpers/tiny_model.js';

test('an address is one of Redis', t => {
  t.deepEqual(parseRedisUrl('rediss://u:p%40ss@h.example:6380/2'), {
    ...{host: 'h.example', port: 6380, db: 2, username: 'u'},
    ...{password: 'p@ss', tls: {}},
  });
  t.deepEqual(parseRedisUrl('redis://[::1]'), {host: '::1', port: 6379, db: 0});
  for (const text of ['', 'localhost', 'http://s:secret@h', 'redis://h/x']) {
    const {message} = t.throws(() => parseRedisUrl(text))!;
    t.regex(message, /redis:\/\/HOST:PORT/);
    t.notRegex(message, /secret/);
  }
});

test('a model travels whole, and nothing else does', async t => {
  const folder = temporaryFolder(t);
  const path = await tinyModel(join(folder, 'model'), 1);
  const digest = await modelDigest(path);
  const files = await unpackModel(await packModel(path), digest);
  t.is(files[0].name, 'model.json');
  const other = 'a'.repeat(64);
  await t.throwsAsync(unpackModel(await packModel(path), other), {
    message: /SHA-256 is another/,
  });
  const hostile = (list: Array<{name: string; text: string}>) => {
    const hash = createHash('sha256');
    for (const {text} of list) hash.update(text);
    const bundle = list.map(({name, text}) => ({
      name,
      base64: Buffer.from(text).toString('base64'),
    }));
    return unpackModel(gzipSync(JSON.stringify(bundle)), hash.digest('hex'));
  };
  const json = (path: string) =>
    JSON.stringify({weightsManifest: [{paths: [path]}]});
  for (const name of ['../x', '/etc/x', '..', '.x', 'a/b', 'a\\b', 'a\0', '']) {
    await t.throwsAsync(hostile([{name, text: 'x'}]), {message: /damaged/});
    await t.throwsAsync(
      hostile([
        {name: 'model.json', text: json(name)},
        {name: 'w', text: 'x'},
      ]),
      {message: /names other files/},
      name,
    );
  }
  await t.throwsAsync(hostile([{name: 'script.js', text: 'x'}]), {
    message: /no model/,
  });
  await t.throwsAsync(unpackModel(Buffer.from('x'), digest), {
    message: /not compressed/,
  });
});

if (missingRedis === null) {
  test('without a server, with a wrong password or without memory there is one sentence', async t => {
    const folder = temporaryFolder(t);
    const port = await freePort();
    const address = {host: '127.0.0.1', port, db: 0};
    await t.throwsAsync(connect(address), {message: /nothing listens/});
    const more = ['--requirepass', 'right', '--maxmemory', '1mb'];
    const server = await startRedis(folder, port, more);
    t.teardown(() => server.kill('SIGKILL'));
    await t.throwsAsync(connect(address), {message: /asks for a password/});
    await t.throwsAsync(connect({...address, password: 'wrong'}), {
      message: /refuses the user name or password/,
    });
    const redis = await connect({...address, password: 'right'});
    await redis.config('SET', 'maxmemory', '1');
    const full = await t.throwsAsync(redis.set('x', 'y'));
    t.regex(redisError(full, address).message, /no memory left/);
    await redis.config('SET', 'maxmemory', '0');
    await redis.set('tfjs-adversarial:version', '9.9.9');
    await t.throwsAsync(checkVersion(redis), {message: /of version 9.9.9/});
    await t.throwsAsync(claimVersion(redis, true), {message: /9\.9\.9/});
    await claimVersion(redis, false);
    await t.notThrowsAsync(checkVersion(redis));
    redis.disconnect();
  });
} else {
  skipped(test, 'errors of Redis', missingRedis);
}
