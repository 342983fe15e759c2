import {mkdirSync, mkdtempSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import type {ExecutionContext} from 'ava';
import {packageRoot} from './package_root.js';

/** A folder inside this package, where programs find its dependencies; removed after the test. */
export function temporaryFolder(t: ExecutionContext): string {
  const cache = join(packageRoot, 'node_modules', '.cache');
  mkdirSync(cache, {recursive: true});
  const folder = mkdtempSync(join(cache, 'test-'));
  t.teardown(() => rmSync(folder, {recursive: true, force: true}));
  return folder;
}
