import js from '@eslint/js';
import {createTypeScriptImportResolver} from 'eslint-import-resolver-typescript';
import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/**
 * The rooms of `src`, and for each the rooms that it may import from, itself
 * apart. `index.ts`, `node.ts` and `onnx.ts` may import from all of them.
 */
const ROOMS = {
  ops: [],
  io: [],
  tfjs: [],
  color: ['ops'],
  data: ['io', 'ops'],
  models: ['io', 'ops', 'tfjs'],
  pictures: ['io', 'models', 'ops'],
  tensorboard: ['io'],
  attacks: ['color', 'data', 'models', 'ops', 'tfjs'],
  defenses: ['attacks', 'models', 'ops'],
  evaluation: ['attacks', 'data', 'io', 'models', 'ops'],
  training: [
    'attacks',
    'data',
    'defenses',
    'models',
    'ops',
    'pictures',
    'tensorboard',
    'tfjs',
  ],
  callbacks: ['models', 'tensorboard', 'tfjs', 'training'],
  tfjs_node: ['io', 'tfjs'],
  cli: [
    'attacks',
    'data',
    'evaluation',
    'io',
    'models',
    'ops',
    'pictures',
    'tfjs_node',
    'training',
    'index.ts',
    'node.ts',
    'onnx.ts',
  ],
};

/** A room may import from itself and from the rooms in its list. */
const rooms = Object.entries(ROOMS).map(([room, allowed]) => ({
  target: `./src/${room}`,
  from: './src',
  except: [room, ...allowed].map(name => `./${name}`),
  message: `src/${room} may import from ${[...allowed, 'packages'].join(', ')} only: see ROOMS in eslint.config.js.`,
}));

/** Scripts use what users can import, the plumbing of io and the parts of the command line. */
const scripts = {
  target: './scripts',
  from: './src',
  except: ['./index.ts', './node.ts', './onnx.ts', './io', './cli'],
  message:
    'Scripts use the public names (src/index.ts, src/node.ts, src/onnx.ts), src/io and src/cli only.',
};

/**
 * The rooms of `packages/tfjs-backend-onnx/src`, in the same form. A call goes
 * through trace, record, kernels, graph, passes and runtime; the files at the top
 * (backend, options, register …) may import from all of them.
 */
const BACKEND_ROOMS = {
  graph: [],
  passes: ['graph'],
  kernels: ['graph'],
  trace: ['graph', 'kernels'],
  tfjs: ['trace'],
  fallback: ['graph', 'kernels', 'tfjs', 'trace'],
  runtime: ['graph', 'passes', 'trace'],
  record: ['fallback', 'graph', 'runtime', 'tfjs', 'trace'],
};

const BACKEND = './packages/tfjs-backend-onnx';

const backendRooms = Object.entries(BACKEND_ROOMS).map(([room, allowed]) => ({
  target: `${BACKEND}/src/${room}`,
  from: `${BACKEND}/src`,
  except: [room, ...allowed].map(name => `./${name}`),
  message: `${room} of the onnx backend may import from ${allowed.join(', ') || 'no other room'} only: see BACKEND_ROOMS in eslint.config.js.`,
}));

/** The backend knows nothing of attacks; src reaches it by its package name. */
const backend = [
  {
    target: BACKEND,
    from: ['./src', './scripts', './test'],
    message: 'The backend is a package of its own.',
  },
  {
    target: `${BACKEND}/src`,
    from: [`${BACKEND}/bench`, `${BACKEND}/scripts`, `${BACKEND}/test`],
    message: "The backend's sources do not import its tests and tools.",
  },
  {
    target: './src',
    from: ['./scripts', './test', './packages'],
    except: ['./tfjs-backend-onnx/src/index.ts'],
    message: "Import 'tfjs-backend-onnx', not its files.",
  },
];

export default tseslint.config(
  {ignores: ['**/dist/', 'docs/api/', 'runs/', '**/node_modules/']},
  js.configs.recommended,
  ...tseslint.configs.recommended,
  {
    plugins: {'import-x': importX},
    settings: {
      'import-x/resolver-next': [
        createTypeScriptImportResolver({
          conditionNames: ['@tfjs-adversarial/source', 'import', 'default'],
        }),
      ],
    },
    rules: {
      eqeqeq: ['error', 'smart'],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      'no-restricted-globals': 'off',
      'import-x/no-restricted-paths': [
        'error',
        {zones: [...rooms, scripts, ...backend, ...backendRooms]},
      ],
      'import-x/no-cycle': 'error',
    },
  },
  {
    files: ['**/*.mjs', '**/*.cjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        require: 'readonly',
        URL: 'readonly',
        performance: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        TextEncoder: 'readonly',
        TextDecoder: 'readonly',
      },
    },
  },
);
