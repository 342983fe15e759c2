import type Sharp from 'sharp';
import {decodeBmp, isBmp} from './decode_bmp.js';

/** How pictures become images of one size. */
export interface PictureSize {
  height: number;
  width: number;
  /** 3: RGB, 1: gray. */
  channels: 1 | 3;
  /** `stretch` changes the proportions, as Keras does; `crop` cuts off what is too long. */
  fit: 'stretch' | 'crop';
}

/** A decoded picture. */
export interface Picture {
  /** Bytes, row by row: [height, width, channels]. */
  data: Uint8Array;
  /** Whether the file had no colors. */
  gray: boolean;
}

/** @throws one sentence if the library that decodes pictures is not installed. */
export async function loadSharp(): Promise<typeof Sharp> {
  try {
    return (await import('sharp')).default;
  } catch (error) {
    throw new Error(
      'Reading pictures needs the package sharp: npm install --ignore-scripts sharp',
      {cause: error},
    );
  }
}

/**
 * Decodes a picture file: turned as its EXIF data say, transparency on white, in
 * sRGB or gray, resized. JPEG, PNG, WebP, GIF (its first frame), AVIF, TIFF, SVG, BMP.
 *
 * @throws Error with sharp's words for a file that is no picture or is truncated.
 */
export async function decodePicture(
  sharp: typeof Sharp,
  file: string,
  {height, width, channels, fit}: PictureSize,
): Promise<Picture> {
  const picture = await open(sharp, file);
  const {channels: stored = 3, hasAlpha} = await picture.metadata();
  const gray = stored - Number(hasAlpha ?? false) === 1;
  const data = await picture
    .rotate()
    .flatten({background: 'white'})
    .resize(width, height, {
      fit: fit === 'crop' ? 'cover' : 'fill',
      kernel: 'linear',
    })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .raw()
    .toBuffer();
  return {data, gray};
}

async function open(
  sharp: typeof Sharp,
  file: string,
): Promise<ReturnType<typeof Sharp>> {
  if (!(await isBmp(file))) return sharp(file, {failOn: 'truncated'});
  const {data, width, height} = await decodeBmp(file);
  return sharp(data, {raw: {width, height, channels: 3}});
}
