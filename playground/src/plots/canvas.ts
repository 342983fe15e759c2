/** A canvas of `size` CSS pixels, sharp on the screen at hand, and cleared. */
export function prepare(
  canvas: HTMLCanvasElement,
  size: number,
): CanvasRenderingContext2D {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = size * ratio;
  canvas.height = size * ratio;
  const context = canvas.getContext('2d')!;
  context.scale(ratio, ratio);
  context.clearRect(0, 0, size, size);
  return context;
}
