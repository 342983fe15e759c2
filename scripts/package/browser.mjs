// Bundles a program for browsers, and runs it with what a web worker has.
import {setTimeout as sleep} from 'node:timers/promises';
import {createContext, runInContext} from 'node:vm';
import {build} from 'esbuild';

/** The bundle of a file of the project; a module of Node in it is an error. */
export async function bundle(project, file, options = {}) {
  const {outputFiles} = await build({
    absWorkingDir: project.folder,
    entryPoints: [file],
    bundle: true,
    write: false,
    platform: 'browser',
    logLevel: 'silent',
    ...options,
  });
  return outputFiles[0].text;
}

/** Runs a bundle until it has printed what is wanted; what it printed. */
export async function runBundle(text, wanted) {
  let printed = '';
  const log = (...words) => (printed += `${words.join(' ')}\n`);
  // What a web worker has, and nothing of Node.
  const worker = {
    performance,
    setTimeout,
    clearTimeout,
    TextEncoder,
    TextDecoder,
  };
  createContext(
    Object.assign(worker, {
      self: worker,
      WorkerGlobalScope: Object,
      console: {...console, log, warn() {}},
    }),
  );
  runInContext(text, worker);
  for (let i = 0; i < 600 && !wanted.test(printed); i++) await sleep(100);
  return printed;
}
