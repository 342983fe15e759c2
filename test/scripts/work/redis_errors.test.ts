import {execFileSync} from 'node:child_process';
import {mkdir} from 'node:fs/promises';
import {join} from 'node:path';
import test from 'ava';
import {Redis} from 'ioredis';
import {skipped} from '../../helpers/backends.js';
import {temporaryFolder} from '../../helpers/folder.js';
import {freePort, missingRedis, startRedis} from '../../helpers/redis.js';
import {runScript} from '../../helpers/scripts.js';

/** The one sentence of a worker that cannot begin. */
async function refused(url: string, env: Record<string, string> = {}) {
  const args = [`--queue=${url}`, '--backend=cpu'];
  const {code, err, out} = await runScript('worker', args, env).ended;
  return {code, lines: err.trimEnd().split('\n'), out};
}

if (missingRedis === null) {
  test('a queue that cannot be used ends a worker with one sentence and exit code 2', async t => {
    t.timeout(200_000);
    const folder = temporaryFolder(t);
    const port = await freePort();
    const at = `127.0.0.1:${port}`;
    const cases: Array<[string, RegExp]> = [
      ['http://h', /^Error: The address of a queue is redis:\/\/HOST:PORT/],
      [`redis://${at}`, /^Error: Redis at .* nothing listens/],
    ];
    const check = async () => {
      for (const [url, message] of cases.splice(0)) {
        const {code, lines} = await refused(url);
        t.is(code, 2, url);
        t.is(lines.length, 1, lines.join('\n'));
        t.regex(lines[0], message);
      }
    };
    await check();
    const server = await startRedis(folder, port, ['--requirepass', 'right']);
    t.teardown(() => server.kill('SIGKILL'));
    const redis = new Redis({port, host: '127.0.0.1', password: 'right'});
    t.teardown(() => redis.disconnect());
    await redis.set('tfjs-adversarial:version', '9.9.9 (units of format 1)');
    cases.push(
      [`redis://:wrong@${at}`, /refuses the user name or password\.$/],
      [`redis://${at}`, /asks for a password/],
      [`redis://:right@${at}`, /the queue is of version 9\.9\.9/],
    );
    await check();
  });

  test('a producer without memory in Redis says so and writes no report', async t => {
    t.timeout(200_000);
    const folder = temporaryFolder(t);
    await mkdir(join(folder, 'redis'));
    const port = await freePort();
    const server = await startRedis(join(folder, 'redis'), port, [
      ...['--maxmemory-policy', 'noeviction'],
    ]);
    const redis = new Redis({port, host: '127.0.0.1'});
    t.teardown(() => {
      redis.disconnect();
      server.kill('SIGKILL');
    });
    await redis.config('SET', 'maxmemory', '1');
    const {tinyModel} = await import('../../helpers/tiny_model.js');
    const model = await tinyModel(join(folder, 'model'), 1);
    const json = join(folder, 'result.json');
    const {code, err} = await runScript('evaluate', [
      ...[`--model=${model}`, '--backend=cpu', '--examples=2', '--steps=1'],
      ...['--attacks=None', `--queue=redis://127.0.0.1:${port}`],
      `--json=${json}`,
    ]).ended;
    t.is(code, 2, err);
    t.regex(err, /Error: Redis at .* has no memory left: raise its maxmemory/);
    t.is(err.split('Error:').length, 2, err);
    const {existsSync} = await import('node:fs');
    t.false(existsSync(json));
  });

  test('rediss:// is TLS with a password, and a certificate that is trusted', async t => {
    t.timeout(200_000);
    const folder = temporaryFolder(t);
    const [key, cert] = ['key.pem', 'cert.pem'].map(n => join(folder, n));
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2'],
        ...['-keyout', key, '-out', cert, '-subj', '/CN=localhost'],
        ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
      ],
      {stdio: 'ignore'},
    );
    const [port, tlsPort] = [await freePort(), await freePort()];
    const server = await startRedis(folder, port, [
      ...['--requirepass', 'p@ss', '--tls-port', String(tlsPort)],
      ...['--tls-cert-file', cert, '--tls-key-file', key],
      ...['--tls-ca-cert-file', cert, '--tls-auth-clients', 'no'],
    ]);
    t.teardown(() => server.kill('SIGKILL'));
    const url = `rediss://:p%40ss@127.0.0.1:${tlsPort}`;
    const trusted = {NODE_EXTRA_CA_CERTS: cert};
    const worker = runScript('worker', [`--queue=${url}`, '--backend=cpu'], {
      ...trusted,
    });
    t.teardown(() => worker.child.kill('SIGKILL'));
    while (!/takes work/.test(worker.said.err)) {
      if (worker.child.exitCode !== null) break;
      await new Promise(resolve => setTimeout(resolve, 50));
    }
    t.regex(worker.said.err, /takes work for the backend cpu/);
    const untrusted = await refused(url);
    t.is(untrusted.code, 2);
    t.regex(untrusted.lines.join(), /certificate|valid TLS/);
    t.is(untrusted.lines.length, 1, untrusted.lines.join('\n'));
    const wrong = await refused(url.replace('p%40ss', 'other'), trusted);
    t.is(wrong.code, 2);
    t.regex(wrong.lines.join(), /refuses the user name or password/);
  });
} else {
  skipped(test, 'errors of a queue', missingRedis);
}
