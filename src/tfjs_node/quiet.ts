import {existsSync} from 'node:fs';
import {rm, writeFile} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {dirname, join} from 'node:path';
import type {TfjsNode} from './package.js';
import type {TensorflowBuild} from './platform.js';
import {run} from '../io/run_command.js';

/** An addon beside the binding. */
export const QUIET = 'quiet.node';

// Today's TensorFlow writes to standard error while its library is loaded,
// before it has read TF_CPP_MIN_LOG_LEVEL. This loads it with standard error
// turned away; the binding then finds it there.
export function quietSource({
  libraries: [, framework],
}: TensorflowBuild): string {
  const rpath = framework.endsWith('.dylib') ? '@rpath/' : '';
  return `
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

extern "C" void* napi_register_module_v1(void*, void*) {
  int saved = dup(2);
  int nowhere = open("/dev/null", O_WRONLY);
  if (saved >= 0 && nowhere >= 0) {
    dup2(nowhere, 2);
    dlopen("${rpath}${framework}", RTLD_LAZY);
    dup2(saved, 2);
  }
  close(saved);
  close(nowhere);
  return nullptr;
}
`;
}

/** Compiles the addon into `folder`; a build that cannot have it is only louder. */
export async function compileQuiet(
  compiler: string,
  options: string[],
  build: TensorflowBuild,
  folder: string,
): Promise<void> {
  const file = join(folder, 'quiet.cc');
  await writeFile(file, quietSource(build));
  await run(compiler, [file, ...options, '-ldl', '-o', join(folder, QUIET)]);
  await rm(file);
}

/**
 * Keeps TensorFlow from logging less than errors from here on, unless the
 * environment variable TF_CPP_MIN_LOG_LEVEL says something else. To be called
 * before the package is loaded.
 */
export function quieten({binding}: TfjsNode): void {
  const level = (process.env.TF_CPP_MIN_LOG_LEVEL ??= '2');
  if (level === '0') return;
  const addon = join(dirname(binding), QUIET);
  if (!existsSync(addon)) return;
  try {
    createRequire(import.meta.url)(addon);
  } catch {
    // Then the package itself will say why its libraries do not load.
  }
}
