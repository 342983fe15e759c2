// What bundles for browsers get in the place of entries that need Node.
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {build} from 'esbuild';
import {manifestOf} from './entries.mjs';
import {root} from './run.mjs';

const ENTRIES = {
  node: "tfjs-adversarial/node needs Node.js (files, processes); in a browser import from 'tfjs-adversarial' only.",
  onnx: "tfjs-adversarial/onnx needs Node.js: the backend 'onnx' runs ONNX Runtime's native library; in a browser use the backend 'webgpu', 'webgl' or 'wasm'.",
};

/**
 * Writes `dist/<entry>.browser.js` for each entry that needs Node. It exports
 * the same names, so that a bundler reaches its sentence, which it throws.
 */
export async function writeBrowserEntries(dist) {
  for (const [entry, message] of Object.entries(ENTRIES)) {
    const names = await exportsOf(join(dist, `${entry}.js`));
    writeFileSync(
      join(dist, `${entry}.browser.js`),
      `throw new Error(\n  ${JSON.stringify(message)},\n);\nexport let ${names.join(', ')};\n`,
    );
  }
}

/** The names that a module exports, those that it passes on included. */
async function exportsOf(file) {
  // Peers may hold native code. The backend is read: entries pass its names on.
  const peers = Object.keys(manifestOf(root).peerDependencies).filter(
    name => name !== 'tfjs-backend-onnx',
  );
  const {metafile} = await build({
    absWorkingDir: root,
    entryPoints: [file],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    external: [...peers, '@tensorflow/*', 'onnxruntime-node', 'protobufjs'],
    metafile: true,
    logLevel: 'warning',
  });
  const [{exports}] = Object.values(metafile.outputs);
  if (exports.length === 0) throw new Error(`${file} exports nothing.`);
  return exports;
}
