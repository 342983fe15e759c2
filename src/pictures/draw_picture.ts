import * as tf from '@tensorflow/tfjs';
import {fitText} from './fit_text.js';
import type {Picture} from './picture.js';

const FONT = 'system-ui, sans-serif';

/**
 * Draws a picture with its texts on a canvas, which takes the picture's size.
 *
 * @param picture Its tensor is not disposed.
 * @throws Error if this is no canvas that can be drawn on in two dimensions.
 */
export async function drawPicture(
  {pixels, texts}: Picture,
  canvas: HTMLCanvasElement | OffscreenCanvas,
): Promise<void> {
  const context = canvas?.getContext?.('2d') as CanvasRenderingContext2D | null;
  if (!context) {
    throw new Error(
      'drawPicture needs a canvas that can be drawn on in two dimensions.',
    );
  }
  const [height, width] = pixels.shape;
  // Given the canvas, toPixels would warn of its slowness.
  const bytes = await tf.browser.toPixels(pixels);
  const data = new ImageData(Uint8ClampedArray.from(bytes), width, height);
  canvas.width = width;
  canvas.height = height;
  context.putImageData(data, 0, 0);
  for (const {text, x, y, size, align, maxWidth, color} of texts) {
    context.font = `${size}px ${FONT}`;
    context.textAlign = align;
    context.fillStyle = color;
    const measure = (text: string) => context.measureText(text).width;
    context.fillText(fitText(text, maxWidth, measure), x, y);
  }
}
