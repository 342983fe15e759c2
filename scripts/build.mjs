// Builds dist: compiles src, bundles the small libraries that only Node needs
// into dist/vendor, and writes what bundles for browsers get of entries that
// need Node.
//   node scripts/build.mjs
// These libraries are devDependencies: as dependencies they would be installed
// by all users, also by those who run the package in a browser.
import {rmSync} from 'node:fs';
import {join} from 'node:path';
import {writeBrowserEntries} from './package/browser_entries.mjs';
import {manifestOf, prune} from './package/entries.mjs';
import {root, run} from './package/run.mjs';
import {vendor} from './package/vendor.mjs';

const dist = join(root, 'dist');
const {dependencies, peerDependencies} = manifestOf(root);

try {
  // Its types are needed by what follows.
  run('npm', ['run', '--silent', 'build', '-w', 'tfjs-backend-onnx']);
  rmSync(dist, {recursive: true, force: true});
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  run(process.execPath, [compiler, '-p', 'tsconfig.build.json']);
  prune(root);
  await vendor(dist, Object.keys({...dependencies, ...peerDependencies}));
  await writeBrowserEntries(dist);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
