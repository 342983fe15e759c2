import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {defineConfig} from 'vite';

const root = join(import.meta.dirname, '..');
const {exports} = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

export default defineConfig({
  // Any folder of any static host.
  base: './',
  resolve: {
    // The package's public entry: a workspace cannot depend on its root by name.
    alias: {'tfjs-adversarial': join(root, exports['.'].default)},
    dedupe: ['@tensorflow/tfjs', '@tensorflow/tfjs-core'],
  },
  // The page's policy allows no data: URLs for weights.
  build: {assetsInlineLimit: 0, chunkSizeWarningLimit: 4000, target: 'es2022'},
  worker: {format: 'es'},
  server: {fs: {allow: [root]}},
});
