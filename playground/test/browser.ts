import {createReadStream, existsSync, statSync} from 'node:fs';
import {createServer, type Server} from 'node:http';
import type {AddressInfo} from 'node:net';
import {extname, join, normalize} from 'node:path';
import {type Browser, chromium, type Page} from 'playwright-core';

const DIST = join(import.meta.dirname, '..', 'dist');

const PLACES = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];
/** Where Chromium is, or undefined. */
export const executablePath = PLACES.find(place => place && existsSync(place));

const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

/** Serves the built page in a folder, as a static host does. */
export function serve(dist = DIST): Promise<{server: Server; url: string}> {
  const server = createServer((request, response) => {
    const {pathname} = new URL(request.url!, 'http://localhost');
    const inside = normalize(decodeURIComponent(pathname)).replace(
      '/page/',
      '',
    );
    const file = join(dist, inside || 'index.html');
    if (
      !pathname.startsWith('/page/') ||
      !existsSync(file) ||
      !statSync(file).isFile()
    ) {
      response.writeHead(404).end();
      return;
    }
    const type = TYPES[extname(file)] ?? 'application/octet-stream';
    response.writeHead(200, {'content-type': type});
    createReadStream(file).pipe(response);
  });
  return new Promise(resolve =>
    server.listen(0, '127.0.0.1', () => {
      const {port} = server.address() as AddressInfo;
      resolve({server, url: `http://127.0.0.1:${port}/page/`});
    }),
  );
}

export function launch(...args: string[]): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      ...args,
    ],
  });
}

/** The page, once it has models; and what it complains of on the console, or asks other hosts for. */
export async function open(
  browser: Browser,
  url: string,
  viewport = {width: 1440, height: 1000},
): Promise<{page: Page; faults: string[]}> {
  const context = await browser.newContext({
    viewport,
    permissions: ['camera'],
  });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('console', message => {
    if (message.type() === 'error') faults.push(message.text());
  });
  page.on('pageerror', error => faults.push(error.message));
  page.on('request', request => {
    const own = new URL(url).host;
    if (
      !/^(data|blob):/.test(request.url()) &&
      new URL(request.url()).host !== own
    ) {
      faults.push(`a request to ${request.url()}`);
    }
  });
  await page.goto(url);
  await page.locator('#cards .card').nth(1).waitFor({timeout: 60_000});
  return {page, faults};
}

/** Waits until what runs has ended. */
export const ended = (page: Page, run: string) =>
  page.locator(`${run}:enabled`).waitFor({timeout: 120_000});
