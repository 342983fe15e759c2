import * as tf from '@tensorflow/tfjs';
import test from 'ava';
import {drawPicture} from '../../src/pictures/draw_picture.js';
import {rowsPicture} from '../../src/pictures/picture.js';

await tf.setBackend('cpu');

/** What a canvas is told. */
function fakeCanvas() {
  const calls: unknown[][] = [];
  const context = {
    ...{font: '', textAlign: '', fillStyle: ''},
    putImageData: (data: {width: number; height: number}) =>
      calls.push(['image', data.width, data.height]),
    measureText: (text: string) => ({width: 6 * text.length}),
    fillText: (text: string, x: number, y: number) =>
      calls.push([
        text,
        x,
        y,
        context.font,
        context.textAlign,
        context.fillStyle,
      ]),
  };
  const canvas = {width: 0, height: 0, getContext: () => context};
  return {canvas: canvas as unknown as HTMLCanvasElement, calls};
}

test('a canvas has the size, the pixels and, on top, the texts', async t => {
  class ImageData {
    constructor(
      readonly data: Uint8ClampedArray,
      readonly width: number,
      readonly height: number,
    ) {}
  }
  Object.assign(globalThis, {ImageData});
  const images = tf.ones<tf.Rank.R4>([1, 4, 4, 3]);
  const picture = rowsPicture(
    [{images, captions: [{text: 'automobile → airplane'}]}],
    {zoom: 20},
  );
  const [height, width] = picture.pixels.shape;
  const {canvas, calls} = fakeCanvas();
  const before = tf.memory().numTensors;
  await drawPicture(picture, canvas);
  t.is(tf.memory().numTensors, before);
  t.deepEqual([canvas.width, canvas.height], [width, height]);
  t.deepEqual(calls[0], ['image', width, height]);
  const [{x, y}] = picture.texts;
  t.deepEqual(calls[1], [
    ...[
      'automobile →…',
      x,
      y,
      '11px system-ui, sans-serif',
      'center',
      '#000000',
    ],
  ]);
  await t.throwsAsync(drawPicture(picture, {} as never), {
    message: /needs a canvas/,
  });
  tf.dispose([images, picture.pixels]);
});
