import {fileReason} from '../io/cache.js';
import {progressBar} from '../io/progress.js';
import {decodePicture, loadSharp, type PictureSize} from './decode_picture.js';
import {type LabeledFile, listPictures} from './image_files.js';
import {ImageSet} from './images.js';

/** Options of {@link imageFolder}. */
export interface ImageFolderOptions {
  /** Height and width that pictures are resized to: one number, or both. */
  size: number | readonly [height: number, width: number];
  /** 3: RGB (the default), 1: gray. */
  channels?: 1 | 3;
  /** `'stretch'` (the default) changes the proportions, as Keras does; `'crop'` cuts off what is too long. */
  fit?: 'stretch' | 'crop';
  /**
   * Names of all classes in the order of the model's outputs. Default: the
   * sub-folders, sorted by name, as Keras does, or the labels of a CSV file,
   * numbers by their value.
   */
  classes?: readonly string[];
  /** Read only this many, spread evenly over all files. Default all. */
  examples?: number;
  /** Progress on standard error. Default true. */
  progress?: boolean;
}

/** A file that was left out. */
export interface SkippedFile {
  /** Its path. */
  file: string;
  /** Why it could not be read. */
  reason: string;
}

/** Pictures from files, all of one size, with where each came from. */
export class ImageFolder extends ImageSet {
  /**
   * @param images as for {@link ImageSet}.
   * @param labels as for {@link ImageSet}.
   * @param shape as for {@link ImageSet}.
   * @param classNames as for {@link ImageSet}.
   */
  constructor(
    images: Uint8Array,
    labels: Uint16Array,
    shape: readonly [number, number, number],
    classNames: readonly string[],
    /** The file of each image. */
    readonly files: readonly string[],
    /** Files that could not be read. */
    readonly skipped: readonly SkippedFile[],
    /** How many of the files have no colors. */
    readonly grayFiles: number,
  ) {
    super(images, labels, shape, classNames);
  }
}

/** Files that are decoded at once. */
const AT_ONCE = 4;

/**
 * Pictures from a folder with a sub-folder for each class, or from a CSV file of
 * file,label. Any common format and size; turned as their EXIF data say, and
 * resized. Only the resized pictures are kept in memory, a byte a value.
 *
 * ```js
 * const set = await imageFolder('pictures', {size: 224});
 * await evaluateRobustness(model, set, {attacks: ['None', 'D']});
 * await model.fitDataset(imageDataset(set, {batchSize: 32}), {epochs: 1});
 * ```
 *
 * A file that is no picture, or is truncated, is left out and listed in `skipped`.
 * Needs the package sharp.
 *
 * @throws one sentence: an option out of range, no class folders, a class folder
 *     without a picture or whose name is not in `classes`, sharp not installed.
 */
export async function imageFolder(
  path: string,
  options: ImageFolderOptions,
): Promise<ImageFolder> {
  const {progress = true} = options;
  const size = sizeOf(options);
  const {files: all, classNames: found} = await listPictures(path);
  const files = spread(all, options.examples);
  const names = classNames(path, found, options.classes);
  const sharp = await loadSharp();
  const length = size.height * size.width * size.channels;
  const images = new Uint8Array(files.length * length);
  const read: LabeledFile[] = [];
  const skipped: SkippedFile[] = [];
  let gray = 0;
  const bar = progressBar(`Reading ${path}`, files.length, progress);
  try {
    for (let begin = 0; begin < files.length; begin += AT_ONCE) {
      const some = files.slice(begin, begin + AT_ONCE);
      const decoded = await Promise.all(
        some.map(({file}) =>
          decodePicture(sharp, file, size).catch((error: Error) => error),
        ),
      );
      decoded.forEach((picture, i) => {
        if (picture instanceof Error) {
          skipped.push({file: some[i].file, reason: reasonOf(picture)});
          return;
        }
        images.set(picture.data, read.length * length);
        read.push(some[i]);
        gray += Number(picture.gray);
      });
      bar.update(begin + some.length);
    }
  } finally {
    bar.stop();
  }
  checkRead(path, all, read, skipped);
  const index = new Map(names.map((name, i) => [normal(name), i]));
  return new ImageFolder(
    images.subarray(0, read.length * length),
    Uint16Array.from(read, ({className}) => index.get(normal(className))!),
    [size.height, size.width, size.channels],
    names,
    read.map(({file}) => file),
    skipped,
    gray,
  );
}

function sizeOf({
  size,
  channels = 3,
  fit = 'stretch',
  examples,
}: ImageFolderOptions): PictureSize {
  const [height, width] =
    typeof size === 'number' ? [size, size] : (size ?? []);
  const whole = (n: unknown) => Number.isSafeInteger(n) && Number(n) >= 1;
  if (!whole(height) || !whole(width) || Math.max(height, width) > 16384) {
    throw new Error(
      `imageFolder: size must be a whole number of pixels, or [height, width], but is ${JSON.stringify(size)}.`,
    );
  }
  if (channels !== 1 && channels !== 3) {
    throw new Error(
      `imageFolder: channels must be 1 or 3, but is ${channels}.`,
    );
  }
  if (fit !== 'stretch' && fit !== 'crop') {
    throw new Error(
      `imageFolder: fit must be 'stretch' or 'crop', but is '${fit}'.`,
    );
  }
  if (examples !== undefined && !whole(examples)) {
    throw new Error(
      `imageFolder: examples must be a whole number of at least 1, but is ${examples}.`,
    );
  }
  return {height, width, channels, fit};
}

/** `count` of the files, evenly spread, so that all classes are among them. */
function spread(files: LabeledFile[], count = files.length): LabeledFile[] {
  if (count >= files.length) return files;
  return Array.from(
    {length: count},
    (_, i) => files[Math.floor((i * files.length) / count)],
  );
}

function classNames(
  path: string,
  found: readonly string[],
  classes: readonly string[] | undefined,
): readonly string[] {
  if (!classes) return found;
  const known = new Set(classes.map(normal));
  const unknown = found.filter(name => !known.has(normal(name)));
  if (unknown.length > 0) {
    throw new Error(
      `${path} has the class ${unknown.join(', ')}, which is not among ${classes.join(', ')}.`,
    );
  }
  return classes;
}

/** One spelling of letters with accents, of which file systems and keyboards know two. */
function normal(name: string): string {
  return name.normalize('NFC');
}

/** The first line of what the library says. */
function reasonOf(error: Error): string {
  const [line] = fileReason(error).split('\n');
  return line === 'Unknown error'
    ? 'it is damaged'
    : line.replace(/^Input file (?=.)/, 'it ');
}

/**
 * A class that was tried whole and of which no file could be read is an error; of
 * other skipped files the caller tells.
 */
function checkRead(
  path: string,
  all: LabeledFile[],
  read: LabeledFile[],
  skipped: SkippedFile[],
): void {
  if (skipped.length === 0) return;
  const bad = new Map(skipped.map(({file, reason}) => [file, reason]));
  const left = new Set(
    all.filter(({file}) => !bad.has(file)).map(({className}) => className),
  );
  const lost = all.find(({className}) => !left.has(className));
  if (lost) {
    throw new Error(
      `${path}: no file of the class ${lost.className} could be read as a picture. The first is ${lost.file}: ${bad.get(lost.file)}.`,
    );
  }
  if (read.length === 0) {
    const [{file, reason}] = skipped;
    throw new Error(
      `${path}: none of the files chosen could be read as a picture. The first is ${file}: ${reason}.`,
    );
  }
}
