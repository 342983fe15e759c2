import {stat} from 'node:fs/promises';
import {join} from 'node:path';
import {type Command, InvalidArgumentError, Option} from 'commander';
import type {ImageSet} from '../index.js';
import type {Split} from '../node.js';
import type {ImageFolder} from '../node.js';
import {
  imageFolder,
  loadCifar10,
  loadFashionMnist,
  loadIdx,
  loadMnist,
} from '../node.js';
import {path} from './options.js';

/** Options that say which images, and how to read them. */
export interface ImageOptions {
  images?: string;
  size?: [number, number];
  fit: 'stretch' | 'crop';
  classes?: string[];
  examples: number;
  /** Of a data set that has two parts. Default `test`. */
  split?: Split;
}

/** `224` or `224x160`: width × height, as pictures are measured. */
function size(text: string): [height: number, width: number] {
  const match = /^(\d+)(?:[x×](\d+))?$/.exec(text.trim());
  const [width, height] = match ? [+match[1], +(match[2] ?? match[1])] : [0, 0];
  if (!(width > 0 && height > 0)) {
    throw new InvalidArgumentError('It must be like 224 or 224x160.');
  }
  return [height, width];
}

export function addImageOptions(program: Command): Command {
  return program
    .option(
      '--images <path>',
      'a folder with a sub-folder of pictures for each class, a CSV file of file,label, a folder with the files of MNIST or a data set like it, cifar10, mnist, or fashion-mnist (default: cifar10)',
      path,
    )
    .addOption(
      new Option(
        '--size <pixels>',
        'resize pictures to this, 224 or 224x160 (default: what the model takes)',
      ).argParser(size),
    )
    .addOption(
      new Option('--fit <how>', 'when the proportions differ')
        .choices(['stretch', 'crop'])
        .default('stretch'),
    )
    .option(
      '--classes <names>',
      "names of the model's classes in the order of its outputs, separated by commas (default: the sub-folders, sorted by name)",
      text => text.split(',').map(name => name.trim()),
    );
}

/** What a model takes; undefined where it takes any. */
export interface InputShape {
  height?: number;
  width?: number;
  channels?: number;
}

/**
 * The images that the options name, of the size that the model takes.
 *
 * @param notes gets a sentence for each thing that a user should know.
 */
export async function loadImages(
  options: ImageOptions,
  {height, width, channels}: InputShape,
  notes: string[],
): Promise<ImageSet> {
  const {images = 'cifar10', examples, fit, classes} = options;
  const known = await knownSet(images, options);
  if (known) {
    checkSize(images, known.shape, {height, width, channels});
    return known;
  }
  const [rows, columns] = options.size ?? [height, width];
  if (!rows || !columns) {
    throw new Error(
      'The model takes images of any size: say which one with --size, for instance --size 224.',
    );
  }
  if (channels !== undefined && channels !== 1 && channels !== 3) {
    throw new Error(
      `The model takes images of ${channels} channels, but pictures have 3 (RGB) or 1 (gray).`,
    );
  }
  const set = await imageFolder(images, {
    size: [rows, columns],
    channels: channels === 1 ? 1 : 3,
    ...{fit, classes, examples},
  });
  checkSize(images, set.shape, {height, width, channels});
  addNotes(set, channels, notes);
  return set;
}

/** A data set by name, or in MNIST's files. */
async function knownSet(
  images: string,
  {examples, split = 'test'}: ImageOptions,
): Promise<ImageSet | null> {
  if (images === 'cifar10') return loadCifar10({examples, split});
  if (images === 'mnist') return loadMnist({examples, split});
  if (images === 'fashion-mnist') {
    const folder = (await stat(images).catch(() => null)) ? images : undefined;
    return loadFashionMnist({examples, split, folder});
  }
  const file = `${split === 'train' ? 'train' : 't10k'}-images-idx3-ubyte`;
  for (const name of [file, `${file}.gz`]) {
    if (await stat(join(images, name)).catch(() => null)) {
      const all = await loadIdx(images, {split});
      return all.slice(0, Math.min(examples, all.size));
    }
  }
  return null;
}

function checkSize(
  name: string,
  shape: readonly number[],
  {height, width, channels}: InputShape,
): void {
  const wanted = [height, width, channels];
  if (wanted.every((n, i) => n === undefined || n === shape[i])) return;
  throw new Error(
    `The model takes images of the shape [${wanted.map(n => n ?? 'any').join(', ')}], but those of ${name} have the shape [${shape.join(', ')}].`,
  );
}

function addNotes(
  {size, files, skipped, grayFiles}: ImageFolder,
  channels: number | undefined,
  notes: string[],
): void {
  if (skipped.length > 0) {
    const [{file, reason}] = skipped;
    notes.push(
      `${skipped.length} of ${size + skipped.length} files could not be read and are left out; the first is ${file} (${reason}).`,
    );
  }
  if (channels !== 1 && grayFiles > 0) {
    notes.push(
      `${grayFiles} of ${files.length} pictures are gray; their three channels are equal.`,
    );
  }
  if (channels === 1 && grayFiles < files.length) {
    notes.push(
      `${files.length - grayFiles} of ${files.length} pictures have colors; the model is given their gray values.`,
    );
  }
}
