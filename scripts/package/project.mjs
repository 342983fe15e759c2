// An empty project of a user, and what is done in it.
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {root, run} from './run.mjs';

/** The version of a package that is installed in this repository. */
export function versionOf(name) {
  const file = join(root, 'node_modules', name, 'package.json');
  return JSON.parse(readFileSync(file, 'utf8')).version;
}

export class Project {
  folder = mkdtempSync(join(tmpdir(), 'tfjs-adversarial-package-'));

  constructor() {
    this.write('package.json', '{"private": true}');
  }

  /** Writes a file of the project. */
  write(name, text) {
    writeFileSync(join(this.folder, name), text);
  }

  /** Runs a command in the project; its standard output. */
  run(command, ...args) {
    return run(command, args, this.folder).stdout;
  }

  /** Writes a program and runs it with Node; its standard output. */
  node(name, program) {
    this.write(name, program);
    return this.run('node', name);
  }

  /** npm install. */
  install(...args) {
    const quiet = ['--no-fund', '--no-audit', '--prefer-offline'];
    this.run('npm', 'install', ...quiet, ...args);
  }

  /** The packages that are installed, as paths from the project. */
  installed() {
    const lock = join(this.folder, 'node_modules', '.package-lock.json');
    return Object.keys(JSON.parse(readFileSync(lock, 'utf8')).packages);
  }

  /** Compiles files of the project, as strictly as TypeScript can. */
  typescript(files) {
    this.write(
      'tsconfig.json',
      JSON.stringify({
        compilerOptions: {
          module: 'NodeNext',
          target: 'ES2022',
          strict: true,
          skipLibCheck: true,
          noEmit: true,
          types: [],
        },
        files,
      }),
    );
    const compiler = join(root, 'node_modules/typescript/bin/tsc');
    this.run('node', compiler, '-p', this.folder);
  }

  remove() {
    rmSync(this.folder, {recursive: true, force: true});
  }
}
