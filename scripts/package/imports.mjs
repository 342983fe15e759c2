// What a compiled module imports, read from its syntax tree.
import {readdirSync, readFileSync} from 'node:fs';
import {isBuiltin} from 'node:module';
import {dirname, join, resolve} from 'node:path';
import ts from 'typescript';

/**
 * The modules that a module names in `import`, `export … from` and `import()`.
 *
 * @returns one entry for each place: the specifier, where it stands between its
 *     quotes, and the names that are used of the module; null for all of them.
 */
export function importsOf(file) {
  const text = readFileSync(file, 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found = [];
  const add = (literal, names) =>
    found.push({
      specifier: literal.text,
      begin: literal.getStart(source) + 1,
      end: literal.getEnd() - 1,
      names,
    });
  const visit = node => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, namesOfImport(node.importClause));
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier) {
      add(node.moduleSpecifier, namesOfExport(node.exportClause));
    } else if (
      ts.isCallExpression(node) &&
      node.expression.kind === ts.SyntaxKind.ImportKeyword &&
      ts.isStringLiteralLike(node.arguments[0])
    ) {
      add(node.arguments[0], null);
    } else if (
      ts.isImportTypeNode(node) &&
      ts.isLiteralTypeNode(node.argument)
    ) {
      add(node.argument.literal, null);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const original = ({name, propertyName}) => (propertyName ?? name).text;

function namesOfImport(clause) {
  if (!clause) return [];
  const names = clause.name ? ['default'] : [];
  const {namedBindings: named} = clause;
  if (!named) return names;
  if (ts.isNamespaceImport(named)) return null;
  return [...names, ...named.elements.map(original)];
}

function namesOfExport(clause) {
  return clause && ts.isNamedExports(clause)
    ? clause.elements.map(original)
    : null;
}

/** `tar` of `tar/x`, `@tensorflow/tfjs` of `@tensorflow/tfjs/y`. */
export const packageOf = specifier =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

/** Whether it names a package: no path, no module of Node. */
export const isPackage = specifier =>
  !/^[./]/.test(specifier) && !isBuiltin(specifier);

/** The files of a folder and of its folders, by their paths from there. */
export const filesOf = folder =>
  readdirSync(folder, {recursive: true, withFileTypes: true})
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name));

/**
 * The files that the entries reach by relative imports, themselves included:
 * from modules other modules, from declarations other declarations.
 */
export function reached(entries) {
  const seen = new Set();
  const visit = file => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const {specifier} of importsOf(file)) {
      if (!specifier.startsWith('.')) continue;
      const target = resolve(dirname(file), specifier);
      visit(file.endsWith('.d.ts') ? target.replace(/\.js$/, '.d.ts') : target);
    }
  };
  entries.forEach(visit);
  return seen;
}
