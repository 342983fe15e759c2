import {existsSync} from 'node:fs';
import {copyFile, mkdir, rename} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {basename, dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {makeOnce} from './cache.js';
import {SetupError} from './errors.js';
import {bindingDigest, type TfjsNode} from './package.js';
import type {TensorflowBuild} from './platform.js';
import type {Progress} from './progress.js';
import {QUIET, compileQuiet, quietSource} from './quiet.js';
import {run} from '../io/run_command.js';

/** The name under which a compiled binding is cached. */
export function bindingKey(
  {name, version, napi}: Pick<TfjsNode, 'name' | 'version' | 'napi'>,
  build: TensorflowBuild,
  digest: string,
): string {
  return [
    `${name.split('/').at(-1)}-${version}`,
    `${build.project}-${build.version}`,
    build.platforms[0],
    `napi${napi}`,
    digest,
  ].join('_');
}

/** @throws SetupError if there is no C++ compiler. */
async function findCompiler(): Promise<string> {
  for (const compiler of [process.env.CXX, 'c++', 'g++', 'clang++']) {
    if (!compiler) continue;
    if ((await run(compiler, ['--version'])).ok) return compiler;
  }
  throw new SetupError(
    `A C++ compiler is missing (c++, g++ and clang++ were looked for): install one (${
      process.platform === 'darwin'
        ? 'xcode-select --install'
        : 'on Debian or Ubuntu: apt install g++'
    }), or name it in the environment variable CXX.`,
  );
}

/**
 * The package's binding, compiled against the libraries of `tensorflow`.
 *
 * The compiler is called directly, since two source files against a stable C
 * interface (Node-API) need no build system: node-gyp would also want make,
 * Python and the headers of this very Node.
 *
 * @returns the folder in the cache.
 */
export async function compileBinding(
  tfjsNode: TfjsNode,
  build: TensorflowBuild,
  tensorflow: string,
  cache: string,
  progress: Progress,
): Promise<string> {
  const digest = await bindingDigest(tfjsNode, quietSource(build));
  const key = bindingKey(tfjsNode, build, digest);
  const target = join(cache, 'bindings', key);
  await makeOnce(target, async temporary => {
    const compiler = await findCompiler();
    progress.say(`Compiling the binding with ${compiler} …`);
    await mkdir(temporary);
    const options = compilerOptions(tfjsNode, tensorflow);
    const libraries = build.libraries.map(name =>
      join(tensorflow, 'tensorflow', name),
    );
    const sources = ['tfjs_backend.cc', 'tfjs_binding.cc'].map(name =>
      join(tfjsNode.directory, 'binding', name),
    );
    const output = join(temporary, basename(tfjsNode.binding));
    const {ok, stderr} = await run(compiler, [
      ...sources,
      ...options,
      ...libraries,
      ...['-o', output],
    ]);
    if (!ok) throw compilerError(compiler, tfjsNode, stderr);
    await compileQuiet(compiler, options, build, temporary);
  });
  return target;
}

function compilerError(
  compiler: string,
  {name, version}: TfjsNode,
  stderr: string,
): SetupError {
  const line = stderr.split('\n').find(line => /error/i.test(line)) ?? '';
  return new SetupError(
    `${compiler} could not compile the binding of ${name} ${version}: ${line.trim() || stderr.trim().slice(-300) || 'it gave no reason'}`,
    {cause: new Error(stderr)},
  );
}

function compilerOptions({napi}: TfjsNode, tensorflow: string): string[] {
  const macos = process.platform === 'darwin';
  return [
    ...['-std=c++17', '-O2', '-fPIC', '-shared', '-w'],
    // Node itself has the rest of the symbols.
    ...(macos ? ['-undefined', 'dynamic_lookup'] : []),
    `-DNAPI_VERSION=${napi}`,
    '-DNODE_GYP_MODULE_NAME=tfjs_binding',
    `-I${nodeApiHeaders()}`,
    `-I${join(tensorflow, 'tensorflow', 'include')}`,
    `-Wl,-rpath,${macos ? '@loader_path' : '$ORIGIN'}/../../deps/lib`,
  ];
}

/** The folder of Node-API's headers, which the build copies into the package. */
function nodeApiHeaders(): string {
  const folder = new URL('../vendor/node-api-headers/include', import.meta.url);
  if (existsSync(folder)) return fileURLToPath(folder);
  const manifest = 'node-api-headers/package.json';
  const installed = createRequire(import.meta.url).resolve(manifest);
  return join(dirname(installed), 'include');
}

/** Puts what was compiled where the package looks for it; the binding last. */
export async function installBinding(
  {binding}: TfjsNode,
  compiled: string,
): Promise<void> {
  await mkdir(dirname(binding), {recursive: true});
  for (const name of [QUIET, basename(binding)]) {
    const source = join(compiled, name);
    const target = join(dirname(binding), name);
    if (!existsSync(source)) continue;
    // Copies: Node resolves links, and the libraries' path is relative to it.
    await copyFile(source, `${target}.partial`);
    await rename(`${target}.partial`, target);
  }
}
