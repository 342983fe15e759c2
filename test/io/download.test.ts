import {createHash, randomBytes} from 'node:crypto';
import {existsSync, readFileSync, statSync, writeFileSync} from 'node:fs';
import {
  createServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type {AddressInfo} from 'node:net';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {download} from '../../src/io/download.js';
import {temporaryFolder} from '../helpers/folder.js';

const content = randomBytes(300_000);
const sum = (data: Uint8Array) =>
  createHash('sha256').update(data).digest('hex');

/** A server for one test; gives its address and the ranges asked for. */
async function serve(
  t: ExecutionContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
) {
  const ranges: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    ranges.push(request.headers.range);
    answer(request, response);
  });
  await new Promise<void>(ready => server.listen(0, '127.0.0.1', ready));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const {port} = server.address() as AddressInfo;
  const file = join(temporaryFolder(t), 'file');
  return {url: `http://127.0.0.1:${port}/file`, ranges, file};
}

/** Answers as a server that knows ranges; breaks off after `most` bytes. */
function send(
  request: IncomingMessage,
  response: ServerResponse,
  most = Infinity,
): void {
  const start = Number(
    /bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0,
  );
  if (start > 0) {
    response.writeHead(206, {
      'content-range': `bytes ${start}-${content.length - 1}/${content.length}`,
      'content-length': content.length - start,
    });
  } else {
    response.writeHead(200, {'content-length': content.length});
  }
  const rest = content.subarray(start);
  if (rest.length <= most) response.end(rest);
  else response.write(rest.subarray(0, most), () => response.destroy());
}

const maxBytes = 1e6;

test('a file arrives whole, with progress', async t => {
  const {url, file} = await serve(t, send);
  const told: [number, number][] = [];
  await download(url, file, {
    maxBytes,
    onProgress: (...progress) => told.push(progress),
  });
  t.is(sum(readFileSync(file)), sum(content));
  t.deepEqual(told.at(-1), [content.length, content.length]);
  t.false(existsSync(`${file}.part`));
});

test('broken connections are taken up where they broke', async t => {
  const {url, file, ranges} = await serve(t, (request, response) =>
    send(request, response, 100_000),
  );
  await download(url, file, {maxBytes});
  t.is(sum(readFileSync(file)), sum(content));
  t.true(ranges.length >= 3);
  t.regex(ranges[1]!, /^bytes=\d+-$/);
});

test('a later run goes on from what is there', async t => {
  let most = 120_000;
  const {url, file, ranges} = await serve(t, (request, response) =>
    send(request, response, most),
  );
  await t.throwsAsync(download(url, file, {maxBytes, retries: 0}), {
    message: /broke off after \d+ of 300000 bytes; run it again/,
  });
  t.false(existsSync(file));
  const {size} = statSync(`${file}.part`);
  t.true(size > 0);
  most = Infinity;
  await download(url, file, {maxBytes});
  t.deepEqual(ranges, [undefined, `bytes=${size}-`]);
  t.is(sum(readFileSync(file)), sum(content));
});

test('a server without ranges sends all of it again', async t => {
  const {url, file} = await serve(t, (_request, response) =>
    response.end(content),
  );
  writeFileSync(`${file}.part`, 'something else');
  await download(url, file, {maxBytes});
  t.is(sum(readFileSync(file)), sum(content));
});

test('a complete part is a complete file', async t => {
  const {url, file} = await serve(t, (_request, response) =>
    response
      .writeHead(416, {'content-range': `bytes */${content.length}`})
      .end(),
  );
  writeFileSync(`${file}.part`, content);
  await download(url, file, {maxBytes});
  t.is(sum(readFileSync(file)), sum(content));
});

test('a part longer than the file is begun anew', async t => {
  const {url, file} = await serve(t, (request, response) =>
    request.headers.range
      ? response
          .writeHead(416, {'content-range': `bytes */${content.length}`})
          .end()
      : send(request, response),
  );
  writeFileSync(`${file}.part`, Buffer.concat([content, content]));
  await download(url, file, {maxBytes});
  t.is(sum(readFileSync(file)), sum(content));
});

test('too much is refused, told or not', async t => {
  const told = await serve(t, send);
  await t.throwsAsync(download(told.url, told.file, {maxBytes: 1000}), {
    message: /larger than the 1000 bytes/,
  });
  const untold = await serve(t, (_request, response) => response.end(content));
  await t.throwsAsync(download(untold.url, untold.file, {maxBytes: 1000}), {
    message: /larger than the 1000 bytes/,
  });
  t.false(existsSync(untold.file));
});

test('other answers and silence are told in a sentence', async t => {
  const {url, file} = await serve(t, (_request, response) =>
    response.writeHead(404).end(),
  );
  await t.throwsAsync(download(url, file, {maxBytes}), {
    message: /could not be downloaded: the server answered 404 Not Found\./,
  });
  const silent = await serve(t, () => {});
  await t.throwsAsync(
    download(silent.url, silent.file, {maxBytes, timeout: 0.2}),
    {message: /could not be reached: the server does not answer\./},
  );
  const stalls = await serve(t, (_request, response) => {
    response.writeHead(200, {'content-length': 10}).write('12345');
  });
  await t.throwsAsync(
    download(stalls.url, stalls.file, {maxBytes, timeout: 0.2, retries: 0}),
    {message: /broke off after 5 of 10 bytes/},
  );
  await t.throwsAsync(download('http://127.0.0.1:9/file', file, {maxBytes}), {
    message: /could not be reached/,
  });
});

test('a folder that is not there is told', async t => {
  const {url, file} = await serve(t, send);
  await t.throwsAsync(download(url, `${file}/none/file`, {maxBytes}), {
    message: /could not be written/,
  });
});
