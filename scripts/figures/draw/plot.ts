import {PNG} from 'pngjs';
import {Resvg} from '@resvg/resvg-js';
import * as vega from 'vega';
import {compile, type TopLevelSpec} from 'vega-lite';
import {writeWhole} from '../../../src/io/cache.js';

/** Okabe and Ito's colors, told apart by color-blind people too. */
export const PALETTE = [
  '#0072b2',
  '#d55e00',
  '#009e73',
  '#cc79a7',
  '#e69f00',
  '#000000',
];

const FONT = 'DejaVu Sans, Liberation Sans, Arial, sans-serif';

/** Fonts and sizes of all figures. */
const CONFIG = {
  font: FONT,
  background: 'white',
  axis: {
    labelFontSize: 12,
    titleFontSize: 13,
    titleFontWeight: 'normal',
    labelFlush: false,
    tickCount: 8,
  },
  legend: {
    labelFontSize: 12,
    titleFontSize: 13,
    titleFontWeight: 'normal',
    titleLimit: 0,
  },
  header: {labelFontSize: 13, titleFontSize: 13},
  // A sentence for each of thousands of dots is most of a file and of no help.
  mark: {aria: false},
  title: {fontSize: 16, subtitleFontSize: 12, anchor: 'start', offset: 14},
} as const;

// Without a canvas Vega takes letters to be wider than they are, and leaves room.
(
  vega as unknown as {
    textMetrics: {
      width(
        item: {fontSize?: number; fontWeight?: string},
        text: string,
      ): number;
    };
  }
).textMetrics.width = ({fontSize = 11, fontWeight}, text) => {
  const all = `${text ?? ''}`;
  const wide = all.replace(/[a-z ]/g, '').length;
  const sum = 0.54 * (all.length - wide) + 0.68 * wide;
  return (fontWeight === 'bold' ? 1.15 : 1) * fontSize * sum;
};

export interface FigureOptions {
  /** Pixels of the PNG for one of the SVG. Default 2. */
  scale?: number;
  /** Whether enlarged pictures show their pixels as squares. Default false. */
  pixelated?: boolean;
}

/** Draws a Vega-Lite chart as `<path>.svg` and `<path>.png`. */
export async function writeFigure(
  path: string,
  spec: object,
  {scale = 2, pixelated = false}: FigureOptions = {},
): Promise<string[]> {
  const whole = {padding: 12, ...spec, config: CONFIG} as TopLevelSpec;
  const view = new vega.View(vega.parse(compile(whole).spec), {
    renderer: 'none',
    logLevel: vega.Error,
  });
  const svg = hundredths(await view.toSVG());
  view.finalize();
  // What browsers call pixelated, resvg calls optimizeSpeed.
  const rendered = (how: string) =>
    pixelated
      ? svg.replaceAll('<image ', `<image style="image-rendering:${how}" `)
      : svg;
  const image = new Resvg(rendered('optimizeSpeed'), {
    fitTo: {mode: 'zoom', value: scale},
    font: {loadSystemFonts: true, defaultFontFamily: 'DejaVu Sans'},
  }).render();
  await writeWhole(`${path}.svg`, rendered('pixelated'));
  await writeWhole(`${path}.png`, opaquePng(image));
  return [`${path}.svg`, `${path}.png`];
}

/** Places to hundredths of a pixel, which are given to a dozen digits. */
const hundredths = (svg: string) =>
  svg.replace(/(?<= (?:transform|d)=")[^"]*/g, numbers =>
    numbers.replace(/(\.\d\d)\d+/g, '$1'),
  );

/** Without alpha, and packed as well as PNG can. */
function opaquePng({
  width,
  height,
  pixels,
}: {
  width: number;
  height: number;
  pixels: Buffer;
}): Buffer {
  const png = new PNG({width, height});
  png.data = pixels;
  return PNG.sync.write(png, {colorType: 2, deflateLevel: 9});
}
