import {themeColor} from '../dom';
import {prepare} from './canvas';

const SIZE = 240;
/** Arrows side by side at most. */
const ARROWS = 16;

/**
 * The flow of S: for some pixels an arrow to where they are read from, to scale
 * with the picture.
 *
 * @param flow (x, y) of each pixel, in pixels.
 */
export function drawFlow(
  canvas: HTMLCanvasElement,
  flow: Float32Array,
  height: number,
  width: number,
): void {
  const context = prepare(canvas, SIZE);
  const scale = SIZE / Math.max(height, width);
  const stride = Math.ceil(Math.max(height, width) / ARROWS);
  context.strokeStyle = context.fillStyle = themeColor('accent');
  context.lineWidth = 1.5;
  for (let row = Math.floor(stride / 2); row < height; row += stride) {
    for (
      let column = Math.floor(stride / 2);
      column < width;
      column += stride
    ) {
      const at = (row * width + column) * 2;
      const x = (column + 0.5) * scale;
      const y = (row + 0.5) * scale;
      drawArrow(context, x, y, flow[at] * scale, flow[at + 1] * scale);
    }
  }
}

function drawArrow(
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  dx: number,
  dy: number,
): void {
  const length = Math.hypot(dx, dy);
  if (length < 0.5) {
    context.fillRect(x - 0.75, y - 0.75, 1.5, 1.5);
    return;
  }
  const head = Math.min(4, length / 2) / length;
  const [tx, ty] = [x + dx, y + dy];
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(tx, ty);
  context.lineTo(tx - head * (dx + dy * 0.7), ty - head * (dy - dx * 0.7));
  context.moveTo(tx, ty);
  context.lineTo(tx - head * (dx - dy * 0.7), ty - head * (dy + dx * 0.7));
  context.stroke();
}
