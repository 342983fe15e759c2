import {existsSync, readdirSync} from 'node:fs';
import {createRequire} from 'node:module';
import {dirname, join} from 'node:path';
import {normalizePath, type Plugin} from 'vite';

const ID = 'virtual:robust-models';

/** The folder of the trained models: that of the installed package. */
function installed(): string {
  const require = createRequire(import.meta.url);
  return join(
    dirname(require.resolve('tfjs-adversarial-models/package.json')),
    'models',
  );
}

/**
 * The module `virtual:robust-models`: the URLs of the trained models' files, by
 * folder and name, as `C/model.json`. A build without models is an error.
 */
export function robustModels(folder = installed()): Plugin {
  return {
    name: 'robust-models',
    resolveId: id => (id === ID ? `\0${ID}` : null),
    load(id) {
      if (id !== `\0${ID}`) return null;
      const files = filesOf(folder);
      if (files.length === 0) {
        this.error(
          `${folder} has no trained models: the page needs folders with a model.json and its weights there.`,
        );
      }
      const imports = files.map(
        (file, i) =>
          `import url${i} from ${JSON.stringify(`${normalizePath(join(folder, file))}?url`)};`,
      );
      const entries = files.map(
        (file, i) => `${JSON.stringify(file)}: url${i}`,
      );
      return `${imports.join('\n')}\nexport default {${entries.join(', ')}};`;
    },
  };
}

/** model.json and the weights of each model, as paths in the folder. */
function filesOf(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, {withFileTypes: true})
    .filter(entry => existsSync(join(folder, entry.name, 'model.json')))
    .flatMap(({name}) =>
      readdirSync(join(folder, name))
        .filter(file => file === 'model.json' || file.endsWith('.bin'))
        .map(file => `${name}/${file}`),
    );
}
