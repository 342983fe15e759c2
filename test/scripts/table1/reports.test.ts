import {execFileSync} from 'node:child_process';
import {existsSync} from 'node:fs';
import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import test from 'ava';
import {PNG} from 'pngjs';
import {ImageSet} from '../../../src/index.js';
import {htmlReport} from '../../../scripts/table1/html.js';
import {markdownReport} from '../../../scripts/table1/markdown.js';
import {tableRow} from '../../../scripts/table1/table.js';
import type {Table} from '../../../scripts/table1/types.js';
import {encodePng} from '../../../src/node.js';
import {temporaryFolder} from '../../helpers/folder.js';
import {skipped} from '../../helpers/backends.js';

const HOSTILE = '<script>alert("x")</script>|`&';
const COLUMNS = ['None', 'D'];
const table: Table = {
  settings: {
    ...{steps: 7, optimizer: 'adam', loss: 'margin', learningRate: 0.02},
    ...{smoothnessWeight: 0.05, restarts: 1},
    ...{seed: 3, batch: 5, backend: 'cpu', part: 5, pictures: 2},
  },
  examples: 4,
  columns: COLUMNS,
  rows: [
    tableRow('D', 'd1', 'paper', COLUMNS, ['1110', '0110']),
    tableRow(HOSTILE, 'd2', 'paper', COLUMNS, ['1111', null]),
    tableRow('D', 'd1', 'reference', COLUMNS, ['1110', '0000']),
  ],
};
const pixels = Uint8Array.from(
  {length: 4 * 8 * 8 * 3},
  (_, i) => (i * 7) % 256,
);
const data = new ImageSet(
  pixels,
  Uint8Array.of(0, 1, 0, 1),
  [8, 8, 3],
  ['cat', '<dog>'],
);
/** Brighter by 10 where there is room. */
const perturbed = (i: number) =>
  encodePng({
    data: pixels.slice(i * 192, (i + 1) * 192).map(x => Math.min(255, x + 10)),
    shape: [8, 8, 3],
  }).toString('base64');
const html = htmlReport(table, data, (_, attack) =>
  attack === 'D' ? [perturbed(0), perturbed(1)] : [],
);

test('Markdown has a table for each variant, with all that is known', t => {
  const text = markdownReport(table);
  const lines = text.split('\n').filter(line => line.startsWith('|'));
  t.is(lines.length, 2 * 2 + 3);
  const cells = lines[2].split('|').map(cell => cell.trim());
  t.is(cells[1], 'D');
  t.is(cells[2], '75.0 [30.1–95.4] 84.8');
  t.is(cells[3], '50.0 [15.0–85.0] 30.6');
  t.is(cells[4], '50.0 [15.0–85.0]');
  t.false(text.includes('<script>'));
  t.regex(lines[3], /…/);
  // No unescaped bar: as many cells as the head has.
  t.is(lines[3].match(/(?<!\\)\|/g)!.length, 5);
  t.regex(text, /first 4 test images.* 7 steps.* seed 3/);
});

test('the page is made of escaped text and data alone', t => {
  t.false(html.includes('<script'));
  t.false(html.includes('<dog>'));
  t.true(html.includes('&lt;script&gt;'));
  t.deepEqual(html.match(/https?:/g), null);
  for (const [, source] of html.matchAll(/\bsrc="([^"]*)"/g)) {
    t.true(source.startsWith('data:image/png;base64,'));
    const png = PNG.sync.read(Buffer.from(source.split(',')[1], 'base64'));
    t.true(png.width > 0);
  }
  t.deepEqual(html.match(/\b(href|url|@import|srcset)\b/g), null);
  for (const [tag] of html.matchAll(/<img\b[^>]*>/g))
    t.regex(tag, /alt="[^"]+"/);
});

test('the page has the table with real headers, shaded by accuracy', t => {
  const rows = [...html.matchAll(/<tr><th scope="row">.*<\/tr>/g)].map(
    m => m[0],
  );
  const results = rows.filter(row => row.includes('--accuracy'));
  t.is(results.length, 3);
  t.regex(results[0], /--accuracy:90"><b>75.0<\/b><span>30.1–95.4<\/span>/);
  t.regex(results[0], /paper 84.8<\/span>/);
  t.regex(results[1], /not finished/);
  t.is(html.match(/<th scope="col">D<\/th>/g)!.length, 2 + 3 - 1);
});

test('a perturbation map shows the difference, enlarged, on gray', t => {
  const maps = [
    ...html.matchAll(
      /What D changed in example (\d)" src="data:image\/png;base64,([^"]*)"/g,
    ),
  ];
  t.is(maps.length, 4, 'of two examples in two rows');
  const {data: rgba} = PNG.sync.read(Buffer.from(maps[0][2], 'base64'));
  for (let pixel = 0; pixel < 64; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      const before = pixels[3 * pixel + channel];
      const change = Math.min(255, before + 10) - before;
      t.is(rgba[4 * pixel + channel], 128 + 5 * change);
    }
  }
});

const CHROMIUM = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find(existsSync);

if (CHROMIUM) {
  test('a browser opens the page and loads all pictures', async t => {
    const folder = temporaryFolder(t);
    const file = join(folder, 'page.html');
    // The page itself forbids scripts, so this copy does without that line.
    const probe = `<script>addEventListener('load', () => {
      const of = s => [...document.querySelectorAll(s)];
      document.title = JSON.stringify({
        broken: of('img').filter(i => i.loading !== 'lazy' && !i.naturalWidth).length,
        images: of('img').length, tables: of('table').length,
        headers: of('th[scope]').length,
        text: of('.results th[scope=row]').map(e => e.textContent),
        wide: document.documentElement.scrollWidth > innerWidth});
    });</script></head>`;
    const csp = /<meta http-equiv="Content-Security-Policy"[^>]*>/;
    t.regex(html, csp);
    await writeFile(file, html.replace(csp, '').replace('</head>', probe));
    const dom = execFileSync(
      CHROMIUM,
      [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--window-size=500,800',
        `--user-data-dir=${join(folder, 'profile')}`,
        '--virtual-time-budget=5000',
        '--dump-dom',
        pathToFileURL(file).href,
      ],
      {encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 120_000},
    );
    const title = /<title>(.*?)<\/title>/s.exec(dom)![1];
    const found = JSON.parse(
      title.replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&'),
    );
    t.is(found.broken, 0);
    t.is(found.images, html.match(/<img/g)!.length);
    t.is(found.tables, 2 + 2);
    t.deepEqual(found.text, ['D', HOSTILE, 'D']);
    t.true(found.headers > 10);
    t.false(found.wide, 'a phone would have to scroll the whole page sideways');
  });
} else {
  skipped(test, 'a browser opens the page', 'there is no Chromium here');
}

test('both reports show warnings, escaped, and what a single search leaves out', t => {
  const [row, ...rest] = table.rows;
  const warned: Table = {
    ...table,
    rows: [
      {
        ...row,
        warnings: [
          {code: 'ties', message: 'Look at <b>this</b>.'},
          // Each column finds what is wrong with the model.
          {code: 'ties', message: 'Look at <b>this</b>.'},
          {code: 'not-converged', attack: 'D', message: 'D: take more steps.'},
        ],
      },
      ...rest,
    ],
  };
  const page = htmlReport(warned, data, () => []);
  t.regex(page, /<h2>Warnings<\/h2>/);
  t.is(page.split('Look at &lt;b&gt;this&lt;/b&gt;. [ties]').length, 2);
  t.regex(
    page,
    /<li>D \(paper\): D: take more steps\. \[not-converged\]<\/li>/,
  );
  t.notRegex(page, /<b>this/);
  const text = markdownReport(warned);
  t.regex(text, /## Warnings\n\n- D .*ties.*\n- D .*take more steps/);
  for (const report of [page, text]) {
    t.regex(report, /A single search, .* leaves out what strong\(SPEC\) finds/);
  }
  t.notRegex(html, /<h2>Warnings/);
  t.notRegex(markdownReport(table), /## Warnings/);
  const strong = {...table, columns: ['None', 'strong(D)']};
  t.notRegex(markdownReport(strong), /A single search/);
});
