import type * as tf from '@tensorflow/tfjs';
import type {Arrow, Recoloring} from '../colors.js';
import {panelTitle, pngUrl, quantitative} from './parts.js';
import {writeFigure} from './plot.js';

/** Side of a picture: five times its 32 pixels. */
const SIDE = 160;

const picture = (image: tf.Tensor3D, title: string) => ({
  title: panelTitle(title),
  width: SIDE,
  height: SIDE,
  view: {stroke: null},
  data: {values: [{url: pngUrl(image)}]},
  mark: {type: 'image', width: SIDE, height: SIDE},
  encoding: {
    url: {field: 'url', type: 'nominal'},
    x: {value: SIDE / 2},
    y: {value: SIDE / 2},
  },
});

/** Dots of the colors, and lines to where they go. */
function arrowPlot(arrows: Arrow[], size: number) {
  const x = quantitative('u', 'u (CIELUV)', {nice: true});
  const y = quantitative('v', 'v (CIELUV)', {nice: true});
  const color = {field: 'color', type: 'nominal', scale: null, legend: null};
  const thin = {stroke: '#333', strokeWidth: 0.4, opacity: 1};
  return {
    data: {values: arrows},
    layer: [
      {
        mark: {type: 'rule', color: '#333', strokeWidth: 1},
        encoding: {x, y, x2: {field: 'u2'}, y2: {field: 'v2'}},
      },
      {mark: {type: 'circle', size, ...thin}, encoding: {x, y, color}},
    ],
  };
}

/** The image before and after, and its pixels' colors: the paper's figure 2. */
export const drawPixels = (path: string, found: Recoloring) =>
  writeFigure(
    path,
    {
      title: {
        text: 'One function moves all colors of an image',
        subtitle:
          'C (ReColorAdv): dots are the colors of the image’s pixels, lines lead to where they go',
      },
      hconcat: [
        {
          vconcat: [
            picture(found.images[0], 'before'),
            picture(found.images[1], 'after'),
          ],
        },
        {...arrowPlot(found.pixels, 36), width: 440, height: 356},
      ],
      spacing: 30,
    },
    {pixelated: true},
  );

/** A layer of the lattice: the paper's figure 3. */
export const drawLattice = (path: string, {lattice, lightness}: Recoloring) =>
  writeFigure(path, {
    ...arrowPlot(lattice, 60),
    title: {
      text: 'The lattice that defines the function',
      subtitle: `C (ReColorAdv): the layer of lightness L = ${lightness.toFixed(0)} of its 16 × 32 × 32 points; lines lead to where they go`,
    },
    width: 560,
    height: 500,
  });
