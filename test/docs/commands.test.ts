import {execFile} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {promisify} from 'node:util';
import test from 'ava';
import {blocksOf, documents, exists, proseOf, root} from './markdown.js';
import {nodeArguments} from '../helpers/node_arguments.js';

// Commands in shell blocks, and those in the prose that begin with `npm run`,
// name scripts, files and options that there are.

const {scripts, bin} = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
) as {scripts: Record<string, string>; bin: Record<string, string>};

/** Commands of other programs, which are not looked at. */
const FOREIGN = /^(pip|tensorboard|cd|git) /;

interface Command {
  document: string;
  text: string;
}

const inBlocks = documents.flatMap(document =>
  blocksOf(document)
    .filter(({language}) => ['sh', 'bash'].includes(language))
    .flatMap(({code}) => code.replaceAll('\\\n', ' ').split(/\n|&&/))
    .map(line => ({document, text: line.replace(/\s#.*/, '').trim()}))
    .filter(({text}) => text && !text.startsWith('#')),
);
const inProse = documents.flatMap(document =>
  [...proseOf(document).matchAll(/`(npm run [^`]+)`/g)].map(([, text]) => ({
    document,
    text,
  })),
);

/** Without what stands in quotes, and without values. */
const words = (text: string) =>
  text.replace(/'[^']*'|"[^"]*"/g, 'QUOTED').split(/\s+/);

/** `npm run name`, split off its options. */
const npmRun = ({text}: Command) => {
  const [, name, rest = ''] = /^npm run (\S+)(?: -- (.*))?$/.exec(text) ?? [];
  return name === undefined ? undefined : {name, rest};
};

const used = [...inBlocks, ...inProse].filter(c => npmRun(c));

/** The script of this repository behind `npm run name`; null for other programs. */
function scriptOf(name: string): string | null {
  const [, file] = /^node scripts\/run\.mjs (\S+)$/.exec(scripts[name]) ?? [];
  return file && file !== 'test' ? join('scripts', `${file}.ts`) : null;
}

const withOptions = new Map<string, Set<string>>();
for (const command of used) {
  const {name, rest} = npmRun(command)!;
  const options = withOptions.get(name) ?? new Set();
  for (const word of words(rest)) {
    if (word.startsWith('--')) options.add(word.split('=')[0]);
  }
  withOptions.set(name, options);
}

test('documents have commands', t => {
  t.true(inBlocks.length >= 10);
});

for (const [name, options] of withOptions) {
  test(`npm run ${name} exists and has ${[...options].join(', ') || 'no options'}`, async t => {
    t.true(Object.hasOwn(scripts, name), `there is no script ${name}`);
    if (options.size === 0) return;
    const script = scriptOf(name);
    t.truthy(script, `npm run ${name} takes no options`);
    const {stdout} = await promisify(execFile)(
      process.execPath,
      [...nodeArguments(script!.replace(/\.ts$/, '')), '--help'],
      {cwd: root},
    );
    const listed = new Set(stdout.match(/--[a-z][a-z0-9-]*/g));
    for (const option of options) {
      t.true(listed.has(option), `${name} --help does not list ${option}`);
    }
  });
}

for (const command of inBlocks.filter(c => !npmRun(c))) {
  const {document, text} = command;
  test(`${document}: ${text}`, t => {
    const [program, first = '', ...rest] = words(
      text.replace(/^(\w+=\S+ )+/, ''),
    );
    if (program === 'npm') {
      t.true(['ci', 'install', 'pack', 'test'].includes(first), first);
    } else if (program === 'npx' && first !== 'ava') {
      t.true(Object.hasOwn(bin, first), `there is no command ${first}`);
    } else if (['node', 'bash', 'npx'].includes(program)) {
      const file = [first, ...rest].find(
        word => /\/.*\w$/.test(word) && !word.startsWith('--'),
      );
      t.true(exists(file ?? '?'), `there is no ${file}`);
    } else {
      t.regex(text, FOREIGN);
    }
  });
}
