import {readdirSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {
  anchorsOf,
  blocksOf,
  documents,
  exists,
  linksOf,
  proseOf,
  read,
  root,
} from './markdown.js';

for (const document of documents) {
  test(`${document}: links lead somewhere`, t => {
    t.true(linksOf(document).length > 0);
    for (const {written, path, anchor} of linksOf(document)) {
      t.true(exists(path), `${written}: there is no ${path}`);
      if (anchor === undefined || !path.endsWith('.md')) continue;
      t.true(anchorsOf(path).includes(anchor), `${written}: no such heading`);
    }
  });
}

for (const document of documents.filter(name => name.startsWith('docs/'))) {
  test(`${document} links back to the README, which links to it`, t => {
    const paths = (from: string) => linksOf(from).map(({path}) => path);
    t.true(paths(document).includes('README.md'));
    t.true(paths('README.md').includes(document));
  });
}

for (const document of documents) {
  test(`${document}: paths in code exist`, t => {
    const inCode = proseOf(document).matchAll(
      /`((?:src|test|scripts|packages|docs)\/[\w./-]+)`/g,
    );
    const missing = [...inCode]
      .map(([, path]) => path)
      // Made by `npm run docs`.
      .filter(path => path !== 'docs/api' && !exists(path));
    t.deepEqual(missing, []);
  });
}

test('CONTRIBUTING shows the rooms of src', t => {
  const [{code}] = blocksOf('CONTRIBUTING.md');
  const [, src] = /^src\/\n([^]*?)^\S/m.exec(code)!;
  const shown = [...src.matchAll(/^ {2}(\w+)\/ /gm)].map(([, room]) => room);
  const rooms = readdirSync(join(root, 'src'), {withFileTypes: true})
    .filter(entry => entry.isDirectory())
    .map(({name}) => name);
  t.deepEqual(shown.sort(), rooms.sort());
});

test('the README is one sitting', t => {
  t.true(read('README.md').split('\n').length <= 160);
});
