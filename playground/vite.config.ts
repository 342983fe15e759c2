import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {defineConfig} from 'vite';
import {robustModels} from './models_plugin.ts';

const root = join(import.meta.dirname, '..');
const {name, exports} = manifest();
const plugins = () => [robustModels(process.env.MODELS)];

export default defineConfig({
  // Any folder of any static host.
  base: './',
  resolve: {
    // In a clone, the package's public entry: a workspace cannot depend on its
    // root by name. Elsewhere, the installed package.
    alias:
      name === 'tfjs-adversarial'
        ? {'tfjs-adversarial': join(root, exports['.'].default)}
        : {},
    dedupe: ['@tensorflow/tfjs', '@tensorflow/tfjs-core'],
  },
  // The page's policy allows no data: URLs for weights.
  build: {assetsInlineLimit: 0, chunkSizeWarningLimit: 4000, target: 'es2022'},
  // The first for the development server, the second for a build.
  plugins: plugins(),
  worker: {format: 'es', plugins},
  server: {fs: {allow: [root]}},
});

/** The package.json of the folder around this one. */
function manifest() {
  try {
    return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  } catch {
    return {};
  }
}
