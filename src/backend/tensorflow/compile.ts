import {createRequire} from 'node:module';
import {copyFile, mkdir, rename} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {makeOnce} from './cache.js';
import {SetupError} from './errors.js';
import {bindingDigest, type TfjsNode} from './package.js';
import type {TensorflowBuild} from './platform.js';
import type {Progress} from './progress.js';
import {run} from './run.js';

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
export async function findCompiler(): Promise<string> {
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
 * @returns the path in the cache.
 */
export async function compileBinding(
  tfjsNode: TfjsNode,
  build: TensorflowBuild,
  tensorflow: string,
  cache: string,
  progress: Progress,
): Promise<string> {
  const key = bindingKey(tfjsNode, build, await bindingDigest(tfjsNode));
  const target = join(cache, 'bindings', `${key}.node`);
  await makeOnce(target, async temporary => {
    const compiler = await findCompiler();
    progress.say(`Compiling the binding with ${compiler} …`);
    const {ok, stderr} = await run(
      compiler,
      compilerArguments(tfjsNode, build, tensorflow, temporary),
    );
    if (ok) return;
    const first = stderr.split('\n').find(line => /error/i.test(line));
    throw new SetupError(
      `${compiler} could not compile the binding of ${tfjsNode.name} ${tfjsNode.version}: ${first?.trim() ?? stderr.trim().slice(-300)}`,
      {cause: new Error(stderr)},
    );
  });
  return target;
}

function compilerArguments(
  {directory, napi}: TfjsNode,
  {libraries}: TensorflowBuild,
  tensorflow: string,
  output: string,
): string[] {
  const nodeApi = dirname(
    createRequire(import.meta.url).resolve('node-api-headers/package.json'),
  );
  const sources = ['tfjs_backend.cc', 'tfjs_binding.cc'];
  const origin = process.platform === 'darwin' ? '@loader_path' : '$ORIGIN';
  return [
    ...['-std=c++17', '-O2', '-fPIC', '-shared', '-w'],
    ...(process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : []),
    `-DNAPI_VERSION=${napi}`,
    '-DNODE_GYP_MODULE_NAME=tfjs_binding',
    `-I${join(nodeApi, 'include')}`,
    `-I${join(tensorflow, 'tensorflow', 'include')}`,
    ...sources.map(name => join(directory, 'binding', name)),
    ...libraries.map(name => join(tensorflow, 'tensorflow', name)),
    `-Wl,-rpath,${origin}/../../deps/lib`,
    ...['-o', output],
  ];
}

/** Puts a binding where the package looks for it, whole or not at all. */
export async function installBinding(
  {binding}: TfjsNode,
  compiled: string,
): Promise<void> {
  await mkdir(dirname(binding), {recursive: true});
  // A copy: Node resolves links, and the libraries' path is relative to it.
  await copyFile(compiled, `${binding}.partial`);
  await rename(`${binding}.partial`, binding);
}
