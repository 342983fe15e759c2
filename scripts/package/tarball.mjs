// What a packed package holds, checked before it is installed.
import {readFileSync} from 'node:fs';
import {join, relative} from 'node:path';
import ts from 'typescript';
import {entriesOf, manifestOf} from './entries.mjs';
import {filesOf, importsOf, isPackage, packageOf, reached} from './imports.mjs';
import {run} from './run.mjs';

const WANTED = ['README.md', 'LICENSE', 'CHANGELOG.md', 'package.json'];

/** A package of this repository, after its build. */
export class Tarball {
  /** @param folder where its package.json is. */
  constructor(folder) {
    this.folder = folder;
    this.manifest = manifestOf(folder);
    this.files = filesOf(join(folder, 'dist')).map(file => this.path(file));
  }

  path(file) {
    return relative(this.folder, file).replaceAll('\\', '/');
  }

  absolute(path) {
    return join(this.folder, path);
  }

  /** Packs it; the tarball's path. Fails unless it holds what it should. */
  pack(destination) {
    const args = ['pack', '--json', `--pack-destination=${destination}`];
    const {stdout} = run('npm', args, this.folder);
    const [{filename, files}] = JSON.parse(stdout.slice(stdout.search(/^\[/m)));
    const paths = files.map(({path}) => path);
    const entries = entriesOf(this.manifest).map(path =>
      path.replace('./', ''),
    );
    const lacks = [...WANTED, ...entries].filter(p => !paths.includes(p));
    if (lacks.length > 0) throw new Error(`it lacks ${lacks.join(', ')}`);
    const others = paths.filter(
      path =>
        !WANTED.includes(path) &&
        !/^dist\/(?!.*test).*\.(js|d\.ts)$/.test(path) &&
        !/^dist\/vendor\/(LICENSES|.*\.(h|ttf))$/.test(path),
    );
    if (others.length > 0) throw new Error(`it holds ${others.join(', ')}`);
    return join(destination, filename);
  }

  /** All that npm would do to publish it. */
  publishDryRun() {
    const {stderr} = run('npm', ['publish', '--dry-run'], this.folder);
    const corrected = /^npm warn publish (.*(correct|invalid|removed).*)$/m;
    const match = corrected.exec(stderr);
    if (match) throw new Error(match[1]);
  }

  /** Files that no entry reaches by imports. */
  unreached() {
    const entries = entriesOf(this.manifest).filter(path =>
      /\.(js|d\.ts)$/.test(path),
    );
    const found = reached(entries.map(path => this.absolute(path)));
    return this.files.filter(
      path => /\.(js|d\.ts)$/.test(path) && !found.has(this.absolute(path)),
    );
  }

  /** Imports of packages that an installation does not bring, by file. */
  undeclared() {
    const {name, dependencies, peerDependencies} = this.manifest;
    const known = Object.keys({...dependencies, ...peerDependencies});
    return this.files
      .filter(path => /\.(js|d\.ts)$/.test(path))
      .flatMap(path =>
        importsOf(this.absolute(path))
          .map(({specifier}) => specifier)
          .filter(isPackage)
          .filter(found => ![name, ...known].includes(packageOf(found)))
          .map(found => `${found} in ${path}`),
      );
  }

  /** Modules that do something when they are imported, but may be left out. */
  forgottenSideEffects() {
    const {sideEffects} = this.manifest;
    if (sideEffects === true) return [];
    const missing = sideEffects.filter(
      pattern => !this.files.some(path => matches(path, pattern)),
    );
    if (missing.length > 0) {
      throw new Error(`sideEffects names no file by ${missing.join(', ')}`);
    }
    return this.files.filter(
      path =>
        path.endsWith('.js') &&
        !sideEffects.some(pattern => matches(path, pattern)) &&
        actsOnImport(this.absolute(path)),
    );
  }
}

/** Whether a pattern of `sideEffects` stands for a file. */
function matches(path, pattern) {
  const parts = pattern.replace(/^\.\//, '').split('*');
  const source = parts.map(part => part.replace(/[.+]/g, '\\$&')).join('[^/]*');
  return new RegExp(`^${source}$`).test(path);
}

/** Whether a module has a statement that neither declares nor imports. */
function actsOnImport(file) {
  const text = readFileSync(file, 'utf8');
  const {statements} = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
  return statements.some(
    statement =>
      !ts.isDeclarationStatement(statement) &&
      !ts.isVariableStatement(statement) &&
      !ts.isEmptyStatement(statement),
  );
}
