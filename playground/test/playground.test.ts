import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {ended, executablePath, launch, open, serve} from './browser.ts';

// The built page in headless Chromium: `npm test -w playground` builds it first.

const models = join(
  ...[import.meta.dirname, '..', '..', 'packages', 'tfjs-adversarial-models'],
  ...['models', 'D'],
);

if (!executablePath) {
  test('the page in Chromium', t => {
    t.log('skipped: no Chromium was found; CHROMIUM=/path/to/it names one');
    t.pass();
  });
} else {
  const {server, url} = await serve();
  const browser = await launch();
  test.after.always(async () => {
    await browser.close();
    server.close();
  });

  test.serial('an attack on two models, with every control', async t => {
    const {page, faults} = await open(browser, url);
    t.is(await page.locator('#backend-name').textContent(), 'on WASM');
    await page.locator('#sample-1').check();
    t.is(await page.locator('#label option:checked').textContent(), 'ship');
    // C+S+D becomes S+D+D+C-RGB.
    await page.getByRole('button', {name: 'Remove C'}).click();
    await page.getByRole('button', {name: '+ D', exact: true}).click();
    await page.getByRole('button', {name: '+ C-RGB'}).click();
    await page.locator('#epsilon-0').fill('0.1');
    t.is(
      await page.locator('#spec').textContent(),
      'S(0.100)+D(8/255)+D(8/255)+C-RGB(0.060)',
    );
    await page.getByRole('button', {name: 'Move C-RGB up'}).click();
    t.regex((await page.locator('#spec').textContent())!, /C-RGB.*\+D/);
    await page.locator('#steps').fill('5');
    await page.locator('#run').click();
    await ended(page, '#run');
    t.regex(
      (await page.locator('#status').textContent())!,
      /Undefended: Fooled at step \d+: ship is taken for .*Robust to C\+S\+D: /,
    );
    t.is(await page.locator('.predictions h3').count(), 4);
    t.is(await page.locator('.views figure:visible').count(), 10);
    t.true(await page.locator('#margin canvas').isVisible());
    await page.locator('#replay').fill('0');
    t.is(await page.locator('#replay-value').textContent(), '0');
    await page.locator('#model-1').selectOption('');
    t.is(await page.locator('#cards .card').count(), 1);
    await page.locator('#label').selectOption('');
    await page.locator('#steps').fill('100');
    await page.locator('#run').click();
    await page.locator('#stop').click();
    await ended(page, '#run');
    t.is(await page.locator('#status').textContent(), 'Stopped.');
    t.deepEqual(faults, []);
    await page.close();
  });

  test.serial('own pictures, the camera and an own model', async t => {
    const {page, faults} = await open(browser, url);
    const picture = join(import.meta.dirname, '..', 'public', 'test.png');
    await page.locator('#picture-file').setInputFiles(picture);
    await page
      .locator('#label')
      .getByText('what the model says')
      .and(page.locator(':checked'))
      .waitFor({state: 'attached'});
    await page.locator('#camera').click();
    await page.locator('#shutter').click();
    await page.locator('#video').waitFor({state: 'hidden'});
    await page.locator('#model-files').setInputFiles({
      name: 'notes.json',
      mimeType: 'application/json',
      buffer: Buffer.from('{}'),
    });
    await page.getByText('not of TensorFlow.js').waitFor();
    const files = ['model.json', 'weights.f16.bin'];
    await page.locator('#model-files').setInputFiles(
      files.map(name => ({
        name,
        mimeType: 'application/octet-stream',
        buffer: readFileSync(join(models, name)),
      })),
    );
    await page.getByText('Own model: 32 × 32, 10 classes.').waitFor();
    t.is(await page.locator('#model-0').inputValue(), 'own');
    await page.locator('#steps').fill('3');
    await page.locator('#run').click();
    await ended(page, '#run');
    t.regex((await page.locator('#status').textContent())!, /^Own model: /);
    t.deepEqual(faults, []);
    await page.close();
  });

  test.serial('an own model by drag and drop', async t => {
    const {page, faults} = await open(browser, url);
    const over = () =>
      page.locator('#drop').evaluate(drop => drop.classList.contains('over'));
    // What lies under the pointer: the file input, which fills the place.
    const drop = async (names: string[]) => {
      const files = names.map(name => ({
        name,
        data: readFileSync(join(models, name)).toString('base64'),
      }));
      const dataTransfer = await page.evaluateHandle(given => {
        const transfer = new DataTransfer();
        for (const {name, data} of given) {
          const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0));
          transfer.items.add(new File([bytes], name));
        }
        return transfer;
      }, files);
      await page.dispatchEvent('#model-files', 'dragover', {dataTransfer});
      t.true(await over());
      await page.dispatchEvent('#model-files', 'drop', {dataTransfer});
      t.false(await over());
    };
    await drop(['model.json']);
    await page
      .getByText('model.json refers to weights.f16.bin, which was not chosen.')
      .waitFor();
    await drop(['model.json', 'weights.f16.bin']);
    await page.getByText('Own model: 32 × 32, 10 classes.').waitFor();
    t.is(await page.locator('#model-0').inputValue(), 'own');
    t.is(await page.locator('#cards h2').first().textContent(), 'Own model');
    t.deepEqual(faults, []);
    await page.close();
  });

  test.serial('menus show the names of models whole', async t => {
    for (const width of [375, 1440]) {
      const {page} = await open(browser, url, {width, height: 800});
      const [has, needs] = await page.locator('#model-1').evaluate(menu => {
        const longest = menu.cloneNode(true) as HTMLSelectElement;
        longest.style.width = 'auto';
        longest.style.position = 'absolute';
        menu.after(longest);
        const {width} = longest.getBoundingClientRect();
        longest.remove();
        return [menu.getBoundingClientRect().width, width];
      });
      t.true(has >= needs, `${has} of ${needs} pixels`);
      await page.close();
    }
  });

  test.serial('training raises robust accuracy', async t => {
    const {page, faults} = await open(browser, url);
    await page.locator('#tab-attack').focus();
    await page.keyboard.press('ArrowRight');
    await page.locator('#train-attack').selectOption('D');
    await page.locator('#epochs').fill('3');
    await page.locator('#train-run').click();
    await ended(page, '#train-run');
    const shares = await page.locator('#epochs-table td').allTextContents();
    const robust = shares.filter((_, i) => i % 2 === 1).map(parseFloat);
    t.is(robust.length, 4);
    t.true(robust[3] >= robust[0] + 5, robust.join(', '));
    await page.locator('#train-run').click();
    await page.locator('#train-stop').click();
    await ended(page, '#train-run');
    t.is(await page.locator('#train-status').textContent(), 'Stopped.');
    t.deepEqual(faults, []);
    await page.close();
  });

  test.serial('backends, themes and narrow screens', async t => {
    const narrow = {width: 375, height: 800};
    const {page, faults} = await open(browser, url, narrow);
    const wide = await page.evaluate(
      () => document.documentElement.scrollWidth,
    );
    t.true(wide <= narrow.width, `${wide} pixels wide`);
    const tops = await page
      .locator('.settings > *')
      .evaluateAll(all => all.map(one => one.getBoundingClientRect().bottom));
    t.true(Math.max(...tops) - Math.min(...tops) < 30, 'settings in one row');
    await page.locator('#steps').fill('1');
    await page.locator('#run').click();
    await ended(page, '#run');
    const cut = await page
      .locator('.predictions li span')
      .evaluateAll(all =>
        all
          .filter(one => one.scrollWidth > one.clientWidth + 1)
          .map(one => one.textContent),
      );
    t.deepEqual(cut, []);
    const color = () =>
      page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const before = await color();
    await page.locator('#theme').click();
    t.not(await color(), before);
    for (const [value, name] of [
      ['cpu', 'on plain JavaScript'],
      ['wasm', 'on WASM'],
    ]) {
      await page.locator('#backend').selectOption(value);
      await page.getByText(name).waitFor();
    }
    t.deepEqual(faults, []);
    await page.close();
  });
}
