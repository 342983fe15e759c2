import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import ts from 'typescript';
import {documents, read, root} from './markdown.js';

// A table of options that follows `<!-- options: InterfaceName -->` has a row for
// each of the interface's own properties, and no row for anything else.

const SOURCES = ['src', 'packages/tfjs-backend-onnx/src'];

/** The own properties of every exported interface. */
const interfaces = new Map<string, string[]>();
for (const folder of SOURCES) {
  const names = readdirSync(join(root, folder), {recursive: true}) as string[];
  for (const name of names.filter(name => name.endsWith('.ts'))) {
    const text = readFileSync(join(root, folder, name), 'utf8');
    const file = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true);
    for (const statement of file.statements) {
      if (!ts.isInterfaceDeclaration(statement)) continue;
      interfaces.set(
        statement.name.text,
        statement.members
          // Former names are not documented.
          .filter(member => !ts.getJSDocDeprecatedTag(member))
          .flatMap(({name}) =>
            name && ts.isIdentifier(name) ? name.text : [],
          ),
      );
    }
  }
}

/** The names in code at the beginning of each row. */
function rowsAfter(text: string): string[] {
  const [table] = /^\|[^]*?(?=\n\n|$(?![^]))/m.exec(text) ?? [''];
  return table
    .split('\n')
    .slice(2)
    .flatMap(row => {
      const [, first] = row.split('|');
      return /^\s*`[^`]+`(, `[^`]+`)*\s*$/.test(first)
        ? [...first.matchAll(/`([^`]+)`/g)].map(([, name]) => name)
        : [];
    });
}

const tables = documents.flatMap(document =>
  [...read(document).matchAll(/^<!-- options: (\w+) -->$/gm)].map(
    ({index, 0: comment, 1: name}) => ({
      document,
      name,
      rows: rowsAfter(read(document).slice(index + comment.length)),
    }),
  ),
);

test('there are tables', t => {
  t.true(tables.length >= 4);
});

for (const {document, name, rows} of tables) {
  test(`${document}: the table of ${name} is complete`, t => {
    const properties = interfaces.get(name);
    t.truthy(properties, `there is no interface ${name}`);
    t.deepEqual([...rows].sort(), [...properties!].sort());
  });
}
