import {realpathSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {createServer} from 'vite';

test('the development server resolves all that the page and its worker import', async t => {
  const server = await createServer({
    // Among compiled tests it is a link.
    root: realpathSync(join(import.meta.dirname, '../../playground')),
    server: {middlewareMode: true, hmr: false, watch: null},
    logLevel: 'silent',
  });
  try {
    // Workers are modules of the same server; import analysis fails on what is not found.
    for (const path of ['/src/main.ts', '/src/worker/models.ts']) {
      t.truthy((await server.transformRequest(path))?.code, path);
    }
    const models = await server.transformRequest('virtual:robust-models');
    t.regex(models!.code, /"C\+S\+D\/model\.json": url\d/);
  } finally {
    await server.close();
  }
});
