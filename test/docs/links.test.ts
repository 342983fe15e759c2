import test from 'ava';
import {anchorsOf, documents, exists, linksOf, read} from './markdown.js';

for (const document of documents) {
  test(`${document}: links lead somewhere`, t => {
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

test('the README is one sitting', t => {
  t.true(read('README.md').split('\n').length <= 160);
});
