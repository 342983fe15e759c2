import {existsSync, readdirSync, readFileSync} from 'node:fs';
import {join, posix} from 'node:path';
import {fileURLToPath} from 'node:url';

/** The root of the repository. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** The documents that these tests read, as paths from the root. */
export const documents: string[] = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs'))
    .filter(name => name.endsWith('.md'))
    .map(name => `docs/${name}`),
];

/** A fenced code block. */
export interface Block {
  /** `docs/attacks.md:12`, the place of its first line. */
  place: string;
  /** What follows the opening fence: `ts`, `js`, `sh`. */
  language: string;
  code: string;
}

/** The text of a document. */
export function read(document: string): string {
  return readFileSync(join(root, document), 'utf8');
}

/** The fenced code blocks of a document, in order. */
export function blocksOf(document: string): Block[] {
  const text = read(document);
  return [...text.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].map(
    ({index, 1: language, 2: code}) => {
      const line = text.slice(0, index).split('\n').length + 1;
      return {place: `${document}:${line}`, language, code};
    },
  );
}

/** The text without its fenced code blocks. */
export function proseOf(document: string): string {
  return read(document).replace(/^```\w*\n[^]*?^```$/gm, '');
}

/** A document's headings as GitHub makes anchors of them. */
export function anchorsOf(document: string): string[] {
  return [...proseOf(document).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** A relative link, as written and as a path from the root with its anchor. */
export interface Link {
  written: string;
  path: string;
  anchor: string | undefined;
}

/** The links of a document to other files of the repository and to its own headings. */
export function linksOf(document: string): Link[] {
  return [...proseOf(document).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, written]) => written)
    .filter(written => !/^[a-z]+:/.test(written))
    .map(written => {
      const [path, anchor] = written.split('#');
      const target = path
        ? posix.join(posix.dirname(document), path)
        : document;
      return {written, path: target, anchor};
    });
}

/** Whether the repository has this file or folder. */
export function exists(path: string): boolean {
  return existsSync(join(root, path));
}
