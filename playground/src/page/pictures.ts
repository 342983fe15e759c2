import type {Labeled, Picture} from '../protocol';

/** A sprite of labeled images, which came with the page. */
export interface Sprite {
  image: HTMLImageElement;
  columns: number;
  size: number;
  labels: number[];
}

export async function loadSprite(name: string): Promise<Sprite> {
  const image = new Image();
  image.src = `./${name}.png`;
  const [answer] = await Promise.all([fetch(`./${name}.json`), image.decode()]);
  return {image, ...(await answer.json())};
}

/** One image of a sprite, as a canvas. */
export function fromSprite(sprite: Sprite, i: number): HTMLCanvasElement {
  const {image, columns, size} = sprite;
  const x = (i % columns) * size;
  const y = Math.floor(i / columns) * size;
  return drawn(size, size, context =>
    context.drawImage(image, x, y, size, size, 0, 0, size, size),
  );
}

/** All images of a sprite, as bytes. */
export function labeled(sprite: Sprite): Labeled {
  const {size, labels} = sprite;
  const images = new Uint8Array(labels.length * size * size * 3);
  for (let i = 0; i < labels.length; i++) {
    const {data} = contextOf(fromSprite(sprite, i)).getImageData(
      0,
      0,
      size,
      size,
    );
    rgb(data).forEach((value, j) => (images[i * size * size * 3 + j] = value));
  }
  return {images, labels: Uint8Array.from(labels), size};
}

/** The middle of a picture, in the size that a model needs. */
export function toPicture(
  source: HTMLCanvasElement | ImageBitmap | HTMLVideoElement,
  width: number,
  height: number,
): Picture {
  const video = source instanceof HTMLVideoElement;
  const w = video ? source.videoWidth : source.width;
  const h = video ? source.videoHeight : source.height;
  const scale = Math.min(w / width, h / height);
  const [sw, sh] = [width * scale, height * scale];
  const canvas = drawn(width, height, context => {
    context.imageSmoothingQuality = 'high';
    context.drawImage(
      source,
      (w - sw) / 2,
      (h - sh) / 2,
      sw,
      sh,
      0,
      0,
      width,
      height,
    );
  });
  const {data} = contextOf(canvas).getImageData(0, 0, width, height);
  const pixels = Float32Array.from(rgb(data), value => value / 255);
  return {pixels, height, width};
}

/** Shows values in [0, 1] on a canvas. */
export function paint(
  canvas: HTMLCanvasElement,
  {pixels, height, width}: Picture,
): void {
  canvas.width = width;
  canvas.height = height;
  const data = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) {
      data.data[i * 4 + c] = Math.round(pixels[i * 3 + c] * 255);
    }
    data.data[i * 4 + 3] = 255;
  }
  canvas.getContext('2d')!.putImageData(data, 0, 0);
}

function drawn(
  width: number,
  height: number,
  draw: (context: CanvasRenderingContext2D) => void,
): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  Object.assign(canvas, {width, height});
  draw(contextOf(canvas));
  return canvas;
}

const contextOf = (canvas: HTMLCanvasElement) =>
  canvas.getContext('2d', {willReadFrequently: true})!;

/** Without alpha. */
const rgb = (rgba: Uint8ClampedArray) => rgba.filter((_, i) => i % 4 !== 3);
