import test, {type ExecutionContext} from 'ava';
import type {Page} from 'playwright-core';
import {ended, executablePath, launch, open, serve} from './browser.ts';

// The same attack on each backend; without a GPU, Chromium computes WebGL and
// WebGPU in software, some ten times slower than WASM.

const STEPS = 3;
/** In levels of 255, on average over the picture. */
const TOLERANCE = 0.2;
const NAMES = {webgl: 'WebGL', webgpu: 'WebGPU'};

/** An attack with S and D on the undefended model alone. */
async function attacked(page: Page) {
  await page.locator('#model-1').selectOption('');
  await page.getByRole('button', {name: 'Remove C'}).click();
  // Further than the steps reach together: nothing is cut off at its bound.
  await page.locator('#epsilon-0').fill('0.2');
  await page.locator('#epsilon-1').fill('32');
  await page.locator('#steps').fill(String(STEPS));
  await page.locator('#run').click();
  await ended(page, '#run');
  const pixelsOf = (label: string) =>
    page
      .getByLabel(label, {exact: true})
      .evaluate((canvas: HTMLCanvasElement) => [
        ...canvas
          .getContext('2d')!
          .getImageData(0, 0, canvas.width, canvas.height).data,
      ]);
  const clean = await pixelsOf('Clean picture');
  const pixels = await pixelsOf('Attacked picture');
  const meters = page.locator('.predictions meter');
  const probabilities = await meters.evaluateAll(all =>
    all.map(meter => (meter as HTMLMeterElement).value),
  );
  return {
    clean,
    pixels,
    probabilities,
    note: await page.locator('.note').innerText(),
  };
}

/** Whether the browser has the backend: where it has not, the page takes another. */
async function choose(page: Page, backend: keyof typeof NAMES) {
  await page.locator('#backend').selectOption(backend);
  const name = page.locator('#backend-name');
  await name.getByText(/^on /).waitFor();
  await page
    .waitForFunction(
      () => document.getElementById('backend-name')!.textContent !== 'on WASM',
      null,
      {timeout: 20_000},
    )
    .catch(() => null);
  return (await name.textContent()) === `on ${NAMES[backend]}`;
}

function meanDifference(a: number[], b: number[]): number {
  return a.reduce((sum, x, i) => sum + Math.abs(x - b[i]), 0) / a.length;
}

async function compare(t: ExecutionContext, backend: keyof typeof NAMES) {
  const {server, url} = await serve();
  const browser = await launch(
    '--enable-unsafe-swiftshader',
    '--enable-unsafe-webgpu',
    '--use-webgpu-adapter=swiftshader',
    '--enable-features=Vulkan',
  );
  try {
    const {page: onWasm} = await open(browser, url);
    const wanted = await attacked(onWasm);
    await onWasm.close();
    const {page, faults} = await open(browser, url);
    if (!(await choose(page, backend))) {
      t.log(`skipped: this browser has no ${NAMES[backend]}`);
      t.pass();
      return;
    }
    const got = await attacked(page);
    const moved = meanDifference(wanted.clean, wanted.pixels);
    t.true(moved > 3, `moved by ${moved} levels`);
    const mean = meanDifference(got.pixels, wanted.pixels);
    t.log(
      `${got.note}; off by ${mean} of ${moved} levels; ${wanted.note} on WASM`,
    );
    t.is(got.pixels.length, wanted.pixels.length);
    t.true(mean <= TOLERANCE, `${mean} levels`);
    got.probabilities.forEach((p, i) => {
      t.true(Math.abs(p - wanted.probabilities[i]) <= 0.02);
    });
    t.deepEqual(faults, []);
  } finally {
    await browser.close();
    server.close();
  }
}

if (!executablePath) {
  test('backends in Chromium', t => {
    t.log('skipped: no Chromium was found; CHROMIUM=/path/to/it names one');
    t.pass();
  });
} else {
  test.serial('WebGL attacks as WASM does', compare, 'webgl');
  test.serial('WebGPU attacks as WASM does', compare, 'webgpu');
}
