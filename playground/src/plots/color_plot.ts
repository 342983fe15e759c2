import {themeColor} from '../dom';
import type {Step} from '../protocol';
import {prepare} from './canvas';

const SIZE = 240;
/** What is shown at least of the plane, so that gray pictures are not blown up. */
const LEAST = 40;
const MARGIN = 14;

/**
 * The colors of a picture in the plane of u* and v*, each with a line from where
 * C found it to where it put it.
 *
 * @param picture RGB of the same colors.
 */
export function drawColors(
  canvas: HTMLCanvasElement,
  {before, after}: NonNullable<Step['colors']>,
  colorOf: (i: number) => string,
): void {
  const context = prepare(canvas, SIZE);
  let reach = LEAST;
  for (let i = 0; i < before.length; i += 3) {
    for (const values of [before, after]) {
      reach = Math.max(reach, Math.abs(values[i + 1]), Math.abs(values[i + 2]));
    }
  }
  const scale = (SIZE / 2 - MARGIN) / reach;
  const x = (u: number) => SIZE / 2 + u * scale;
  const y = (v: number) => SIZE / 2 - v * scale;
  drawAxes(context);
  for (let i = 0; i < before.length; i += 3) {
    context.strokeStyle = context.fillStyle = colorOf(i / 3);
    context.lineWidth = 1.5;
    context.beginPath();
    context.moveTo(x(before[i + 1]), y(before[i + 2]));
    context.lineTo(x(after[i + 1]), y(after[i + 2]));
    context.stroke();
    context.beginPath();
    context.arc(x(after[i + 1]), y(after[i + 2]), 2, 0, 2 * Math.PI);
    context.fill();
  }
  context.fillStyle = themeColor('muted');
  context.font = '11px system-ui, sans-serif';
  context.fillText(`±${Math.round(reach)}`, 4, SIZE - 5);
}

function drawAxes(context: CanvasRenderingContext2D): void {
  context.strokeStyle = themeColor('line');
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(0, SIZE / 2);
  context.lineTo(SIZE, SIZE / 2);
  context.moveTo(SIZE / 2, 0);
  context.lineTo(SIZE / 2, SIZE);
  context.stroke();
  context.fillStyle = themeColor('muted');
  context.font = 'italic 12px system-ui, sans-serif';
  context.fillText('u*', SIZE - 16, SIZE / 2 - 5);
  context.fillText('v*', SIZE / 2 + 5, 12);
}
