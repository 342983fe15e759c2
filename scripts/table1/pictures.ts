import {PNG} from 'pngjs';
import type {ImageSet} from '../../src/index.js';
import {encodePng} from '../../src/io/png.js';
import type {Row} from './types.js';

/** Factor by which a perturbation is enlarged to be visible. */
export const ENLARGED = 5;

/** Height of a line of the strip in pixels, one of them white. */
const LINE = 7;

const SURVIVES = [26, 127, 55];
const FALLS = [244, 212, 208];

/** A picture embedded in the page. */
export function dataUri(base64: string): string {
  return `data:image/png;base64,${base64}`;
}

/** The clean image. */
export function cleanPicture(data: ImageSet, index: number): string {
  const {imageSize, images, shape} = data;
  const pixels = images.subarray(index * imageSize, (index + 1) * imageSize);
  return base64({data: pixels, shape: [...shape]});
}

/** The change of the image, enlarged, on gray. */
export function perturbationMap(
  data: ImageSet,
  index: number,
  adversarial: string,
): string {
  const {imageSize, images, shape} = data;
  const rgba = PNG.sync.read(Buffer.from(adversarial, 'base64')).data;
  const map = new Uint8ClampedArray(imageSize);
  for (let i = 0; i < imageSize; i++) {
    const pixel = Math.floor(i / shape[2]);
    const perturbed = rgba[4 * pixel + (i % shape[2])];
    map[i] = 128 + ENLARGED * (perturbed - images[index * imageSize + i]);
  }
  return base64({data: map, shape: [...shape]});
}

/** A line for each column and one for the worst case, each example one pixel wide: dark where it survives. */
export function survivalStrip({cells, worstCase}: Row): string {
  const lines = [...cells, worstCase].flatMap(cell =>
    cell ? [cell.correct] : [],
  );
  const width = lines[0].length;
  const height = lines.length * LINE;
  const pixels = new Uint8Array(width * height * 3).fill(255);
  for (let y = 0; y < height; y++) {
    const correct = lines[Math.floor(y / LINE)];
    // The last row of pixels separates a line from the next.
    if (y % LINE === LINE - 1) continue;
    for (let x = 0; x < width; x++) {
      const color = correct[x] === '1' ? SURVIVES : FALLS;
      pixels.set(color, (y * width + x) * 3);
    }
  }
  return base64({data: pixels, shape: [height, width, 3]});
}

function base64(pixels: Parameters<typeof encodePng>[0]): string {
  return encodePng(pixels).toString('base64');
}
