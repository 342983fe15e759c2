import {Resvg} from '@resvg/resvg-js';
import * as vega from 'vega';
import {compile, type TopLevelSpec} from 'vega-lite';
import {writeWhole} from '../../src/data/cache.js';

/** Okabe and Ito's colours, told apart by colour-blind people too. */
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
  axis: {labelFontSize: 12, titleFontSize: 13, titleFontWeight: 'normal'},
  legend: {labelFontSize: 12, titleFontSize: 13, titleFontWeight: 'normal'},
  header: {labelFontSize: 13, titleFontSize: 13},
  title: {fontSize: 16, subtitleFontSize: 12, anchor: 'start', offset: 14},
} as const;

/** Draws a Vega-Lite chart as `<path>.svg` and `<path>.png`, the latter at twice the size. */
export async function writeFigure(
  path: string,
  spec: object,
): Promise<string[]> {
  const whole = {padding: 12, ...spec, config: CONFIG} as TopLevelSpec;
  const view = new vega.View(vega.parse(compile(whole).spec), {
    renderer: 'none',
    logLevel: vega.Error,
  });
  const svg = await view.toSVG();
  view.finalize();
  const png = new Resvg(svg, {
    fitTo: {mode: 'zoom', value: 2},
    font: {loadSystemFonts: true, defaultFontFamily: 'DejaVu Sans'},
  }).render();
  await writeWhole(`${path}.svg`, svg);
  await writeWhole(`${path}.png`, png.asPng());
  return [`${path}.svg`, `${path}.png`];
}

/** A picture as a data URL, to stand inside a figure. */
export const pictureUrl = (png: Buffer) =>
  `data:image/png;base64,${png.toString('base64')}`;
