import {open, rename, rm, stat, type FileHandle} from 'node:fs/promises';
import {setTimeout as sleep} from 'node:timers/promises';
import {fileError} from './cache.js';

export interface DownloadOptions {
  /** More bytes than this are refused. */
  maxBytes: number;
  /** Called with the bytes there and, once known, the bytes in all. */
  onProgress?: (received: number, total: number) => void;
  /** Seconds without a byte until the connection counts as dead. Default 30. */
  timeout?: number;
  /** How often to go on after an interruption. Default 3. */
  retries?: number;
}

/** An interruption: going on from where it stopped may help. */
class Interrupted extends Error {}

/**
 * Downloads a file. What has arrived is kept beside it as `<file>.part`, and
 * the next call goes on from there where the server allows it (HTTP Range).
 *
 * @throws one sentence: no network, an answer other than the file, a
 *     connection that keeps breaking, no space.
 */
export async function download(
  url: string,
  file: string,
  options: DownloadOptions,
): Promise<void> {
  const part = `${file}.part`;
  for (let attempt = 0; ; attempt++) {
    try {
      await receive(url, part, options);
      break;
    } catch (error) {
      const retries = options.retries ?? 3;
      if (!(error instanceof Interrupted) || attempt >= retries) throw error;
      await sleep(1000 * attempt);
    }
  }
  await rename(part, file).catch(error => {
    throw fileError(error, file, 'written');
  });
}

async function receive(
  url: string,
  part: string,
  {maxBytes, onProgress, timeout = 30}: DownloadOptions,
): Promise<void> {
  const there = await stat(part).then(
    ({size}) => size,
    () => 0,
  );
  const abort = new AbortController();
  const alarm = setTimeout(() => abort.abort(), timeout * 1000);
  let handle: FileHandle | undefined;
  try {
    const response = await request(url, there, abort.signal);
    const range = contentRange(response);
    if (response.status === 416 && range.total === there) return;
    if (response.status === 416) {
      await rm(part, {force: true});
      throw new Interrupted(`${url} has changed since it was begun.`);
    }
    if (!response.ok || !response.body) {
      throw new Error(
        `${url} could not be downloaded: the server answered ${response.status} ${response.statusText}.`,
      );
    }
    // A server that ignores Range sends everything again.
    const goesOn = response.status === 206 && range.start === there;
    let received = goesOn ? there : 0;
    const length = Number(response.headers.get('content-length') ?? NaN);
    const total = range.total ?? received + length;
    handle = await open(part, goesOn ? 'a' : 'w').catch(error => {
      throw fileError(error, part, 'written');
    });
    const reader = response.body.getReader();
    for (;;) {
      const {value, done} = await reader.read().catch((error: unknown) => {
        throw interrupted(url, received, total, error);
      });
      if (done) break;
      received += value.length;
      if (received > maxBytes || total > maxBytes) {
        throw new Error(
          `${url} is larger than the ${maxBytes} bytes that were expected.`,
        );
      }
      await handle.write(value).catch(error => {
        throw fileError(error, part, 'written');
      });
      alarm.refresh();
      onProgress?.(received, total);
    }
    if (Number.isFinite(total) && received !== total) {
      throw interrupted(url, received, total);
    }
  } finally {
    clearTimeout(alarm);
    abort.abort();
    await handle?.close();
  }
}

async function request(
  url: string,
  start: number,
  signal: AbortSignal,
): Promise<Response> {
  try {
    return await fetch(url, {
      signal,
      headers: {
        'accept-encoding': 'identity',
        ...(start > 0 && {range: `bytes=${start}-`}),
      },
    });
  } catch (error) {
    const reason = signal.aborted
      ? 'the server does not answer'
      : ((error as Error).cause as Error | undefined)?.message ||
        (error as Error).message;
    throw new Error(`${url} could not be reached: ${reason}.`, {cause: error});
  }
}

function contentRange(response: Response): {start?: number; total?: number} {
  const header = response.headers.get('content-range') ?? '';
  const match = /^bytes (?:(\d+)-\d+|\*)\/(\d+)$/.exec(header);
  if (!match) return {};
  return {
    start: match[1] === undefined ? undefined : Number(match[1]),
    total: Number(match[2]),
  };
}

function interrupted(
  url: string,
  received: number,
  total: number,
  cause?: unknown,
): Error {
  return new Interrupted(
    `The download of ${url} broke off after ${received} of ${total} bytes; run it again to go on from there.`,
    {cause},
  );
}
