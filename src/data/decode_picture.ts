import {stat} from 'node:fs/promises';
import type Sharp from 'sharp';
import {cmykToRgb, rgbToGray} from './color_bytes.js';
import {decodeBmp, isBmp} from './decode_bmp.js';
import {type Box, type Pixels, resizeBilinear} from './resize_bilinear.js';

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
 * Decodes a picture file: turned as its EXIF data say, transparency on white, resized
 * by the triangle filter. JPEG, PNG, WebP, GIF (its first frame), AVIF, TIFF, SVG, BMP.
 *
 * The pixels are those that Pillow reads: models are trained on them, mostly. So color
 * profiles are ignored, and gray values are those of BT.601.
 *
 * @throws Error with sharp's words for a file that is no picture or is truncated.
 */
export async function decodePicture(
  sharp: typeof Sharp,
  file: string,
  {height, width, channels, fit}: PictureSize,
): Promise<Picture> {
  const {pixels, gray} = await decodeRgb(sharp, file);
  const picture =
    channels === 1
      ? {...pixels, data: rgbToGray(pixels.data), channels: 1}
      : pixels;
  const box = fit === 'crop' ? middle(picture, height / width) : undefined;
  return {data: resizeBilinear(picture, height, width, box), gray};
}

/** The RGB pixels of a file, of its own size. */
async function decodeRgb(
  sharp: typeof Sharp,
  file: string,
): Promise<{pixels: Pixels; gray: boolean}> {
  const picture = await open(sharp, file);
  const {channels: stored = 3, hasAlpha, space} = await picture.metadata();
  const gray = stored - Number(hasAlpha ?? false) === 1;
  const cmyk = space === 'cmyk';
  const upright = picture.rotate();
  const {data, info} = await (
    cmyk
      ? upright.pipelineColourspace('cmyk').toColourspace('cmyk')
      : upright.flatten({background: 'white'}).toColourspace('srgb')
  )
    .raw()
    .toBuffer({resolveWithObject: true});
  const rgb = cmyk ? cmykToRgb(data) : data;
  const {height, width} = info;
  return {pixels: {data: rgb, height, width, channels: 3}, gray};
}

/** The largest part in the middle that has these proportions. */
function middle(
  {height, width}: {height: number; width: number},
  heightByWidth: number,
): Box {
  const box = {
    height: Math.min(height, width * heightByWidth),
    width: Math.min(width, height / heightByWidth),
  };
  return {
    ...box,
    top: (height - box.height) / 2,
    left: (width - box.width) / 2,
  };
}

async function open(
  sharp: typeof Sharp,
  file: string,
): Promise<ReturnType<typeof Sharp>> {
  // To open a pipe would wait for ever.
  const found = await stat(file);
  if (found.isDirectory()) throw new Error('it is a folder');
  if (!found.isFile()) throw new Error('it is no regular file');
  if (!(await isBmp(file))) {
    return sharp(file, {failOn: 'truncated', ignoreIcc: true});
  }
  const {data, width, height} = await decodeBmp(file);
  return sharp(data, {raw: {width, height, channels: 3}});
}
