import * as tf from '@tensorflow/tfjs';
import {encodePng} from '../../src/node.js';
import type {Arrow, Recoloring} from './colors.js';
import {PALETTE, pictureUrl, writeFigure} from './plot.js';
import {EPSILON, sampleChanges, type TheoremCase} from './theorem.js';

const quantitative = (field: string, title: string, scale: object = {}) => ({
  field,
  type: 'quantitative',
  title,
  scale: {zero: false, ...scale},
});

const heading = (text: string, subtitle: string) => ({text, subtitle});

/** A picture enlarged without smoothing. */
function url(image: tf.Tensor3D, zoom = 6): string {
  return tf.tidy(() => {
    const [height, width] = image.shape;
    return pictureUrl(
      encodePng(
        tf.image.resizeNearestNeighbor(image, [height * zoom, width * zoom]),
      ),
    );
  });
}

const picture = (image: tf.Tensor3D, title: string) => ({
  title: {
    text: title,
    fontSize: 13,
    fontWeight: 'normal',
    anchor: 'middle',
    offset: 6,
  },
  width: 200,
  height: 200,
  data: {values: [{url: url(image)}]},
  mark: {type: 'image', width: 192, height: 192},
  encoding: {
    url: {field: 'url', type: 'nominal'},
    x: {value: 100},
    y: {value: 100},
  },
});

function arrowPlot(arrows: Arrow[], title: string) {
  const x = quantitative('u', 'u (CIELUV)', {nice: true});
  const y = quantitative('v', 'v (CIELUV)', {nice: true});
  return {
    title: {
      text: title,
      fontSize: 13,
      fontWeight: 'normal',
      anchor: 'middle',
      offset: 6,
    },
    width: 420,
    height: 380,
    data: {values: arrows},
    layer: [
      {
        mark: {type: 'rule', color: '#555', strokeWidth: 0.8},
        encoding: {x, y, x2: {field: 'u2'}, y2: {field: 'v2'}},
      },
      {
        mark: {
          type: 'circle',
          size: 42,
          opacity: 1,
          stroke: '#333',
          strokeWidth: 0.4,
        },
        encoding: {
          x,
          y,
          color: {field: 'color', type: 'nominal', scale: null},
        },
      },
    ],
  };
}

export const drawPixels = (path: string, found: Recoloring) =>
  writeFigure(path, {
    title: heading(
      'One function moves all colours of an image',
      'C (ReColorAdv): the image before and after, and its pixels’ colours: dots before, ends of lines after',
    ),
    hconcat: [
      picture(found.images[0], 'before'),
      picture(found.images[1], 'after'),
      arrowPlot(found.pixels, 'colours of the pixels'),
    ],
  });

export const drawLattice = (path: string, {lattice, lightness}: Recoloring) =>
  writeFigure(path, {
    ...arrowPlot(lattice, ''),
    title: heading(
      'The lattice that defines the function',
      `The layer of lightness L = ${lightness.toFixed(0)} of its 16 × 32 × 32 points; lines lead to where each colour goes`,
    ),
    width: 560,
    height: 500,
  });

/** Rows of images: clean, then for each attack the image and its perturbation, enlarged. */
export function drawAttacks(
  path: string,
  rows: {title: string; images: tf.Tensor4D}[],
) {
  const size = 84;
  const columns = rows[0].images.shape[0];
  const values = rows.flatMap(({title, images}, row) =>
    (tf.unstack(images) as tf.Tensor3D[]).map((image, column) => {
      const value = {url: url(image, 3), column, row, title};
      image.dispose();
      return value;
    }),
  );
  const y = (row: number) => row * size + size / 2;
  return writeFigure(path, {
    title: heading(
      'Images under attack',
      'Each attack’s images, and ten times its change around gray',
    ),
    width: columns * size + 150,
    height: rows.length * size,
    layer: [
      {
        data: {values},
        transform: [
          {calculate: `150 + datum.column * ${size} + ${size / 2}`, as: 'x'},
          {calculate: `datum.row * ${size} + ${size / 2}`, as: 'y'},
        ],
        mark: {type: 'image', width: size - 6, height: size - 6},
        encoding: {
          url: {field: 'url', type: 'nominal'},
          x: {field: 'x', type: 'quantitative', scale: null, axis: null},
          y: {field: 'y', type: 'quantitative', scale: null, axis: null},
        },
      },
      ...rows.map(({title}, row) => ({
        data: {values: [{title}]},
        mark: {type: 'text', align: 'left', fontSize: 13},
        encoding: {
          text: {field: 'title', type: 'nominal'},
          x: {value: 0},
          y: {value: y(row)},
        },
      })),
    ],
    view: {stroke: null},
  });
}

export interface BoundPoint {
  attack: string;
  /** In multiples of the paper's bound. */
  scale: number;
  accuracy: number;
}

export const drawBounds = (
  path: string,
  values: BoundPoint[],
  note: string,
) => {
  const attacks = [...new Set(values.map(v => v.attack))];
  const color = {
    field: 'attack',
    type: 'nominal',
    title: 'attack',
    scale: {domain: attacks, range: PALETTE},
  };
  return writeFigure(path, {
    title: heading('Accuracy over the size of the bound', note),
    width: 520,
    height: 320,
    data: {values},
    mark: {type: 'line', point: {size: 60}, strokeWidth: 2},
    encoding: {
      x: quantitative('scale', 'bound (multiples of the paper’s)', {
        zero: true,
      }),
      y: quantitative('accuracy', 'accuracy (%)', {domain: [0, 100]}),
      color,
      shape: {...color, scale: {domain: attacks}},
      strokeDash: {...color, scale: {domain: attacks}},
    },
  });
};

export interface GridPoint {
  c: string;
  d: string;
  error: number;
  lpips: number;
}

export const drawGrid = (path: string, values: GridPoint[], note: string) => {
  const domain = [...new Set(values.map(v => v.c))];
  const by = {
    field: 'c',
    type: 'nominal',
    title: 'bound of C',
    scale: {domain, range: PALETTE},
  };
  const x = quantitative(
    'lpips',
    'LPIPS from the clean image (AlexNet, mean)',
    {zero: true},
  );
  const y = quantitative('error', 'error rate (%)', {domain: [0, 100]});
  return writeFigure(path, {
    title: heading(
      'Error rate against visible change, for bounds of C and D',
      note,
    ),
    width: 560,
    height: 360,
    data: {values},
    layer: [
      {
        mark: {type: 'line', point: {size: 70}, strokeWidth: 2},
        encoding: {
          x,
          y,
          color: by,
          shape: {...by, scale: {domain}},
          order: {field: 'lpips'},
        },
      },
      {
        mark: {type: 'text', dy: -10, fontSize: 10},
        encoding: {x, y, text: {field: 'd', type: 'nominal'}},
      },
    ],
  });
};

const EXAMPLES = 1000;

/** The changes of two pixels that each threat model allows, and the classifiers of theorem 1. */
export function drawTheorem(path: string, cases: TheoremCase[]) {
  const threats = ['C+D', 'D', 'C'] as const;
  const range = ['#b0b0b0', PALETTE[1], PALETTE[0]];
  const axis = (field: string, pixel: string) =>
    quantitative(field, `change of the ${pixel} pixel (multiples of ε)`, {
      domain: [-2.2, 2.2],
    });
  const panel = (index: number) => {
    const {pixels, direction, threshold, attacks} = cases[index];
    const [a, b] = direction;
    const values = threats.flatMap(threat =>
      sampleChanges(threat, pixels, EXAMPLES, 1).map(([x, y]) => ({
        x,
        y,
        threat,
      })),
    );
    // The line direction · change = threshold, and along it.
    const line = Array.from({length: 241}, (_, i) => i / 40 - 3)
      .map(t => ({t, x: threshold * a - t * b, y: threshold * b + t * a}))
      .filter(({x, y}) => Math.max(Math.abs(x), Math.abs(y)) <= 2.2);
    const fooled = attacks.filter(({success}) => success).map(x => x.threat);
    return {
      title: {
        text: [
          `gray values ${pixels.join(' and ')}`,
          `beyond the line: only ${fooled.join(' and ')}`,
        ],
        fontSize: 13,
        fontWeight: 'normal',
        anchor: 'middle',
      },
      width: 300,
      height: 300,
      layer: [
        {
          data: {values},
          mark: {type: 'circle', size: 10, opacity: 0.8, clip: true},
          encoding: {
            x: axis('x', 'first'),
            y: axis('y', 'second'),
            color: {
              field: 'threat',
              type: 'nominal',
              title: 'allowed by',
              scale: {domain: threats, range},
              legend: {symbolSize: 90, symbolOpacity: 1},
            },
          },
        },
        {
          data: {values: line},
          mark: {type: 'line', color: 'black', strokeDash: [5, 3]},
          encoding: {
            x: axis('x', 'first'),
            y: axis('y', 'second'),
            order: {field: 't'},
          },
        },
        {
          data: {
            values: attacks
              .filter(({success}) => success)
              .map(({change: [x, y], threat}) => ({x, y, threat})),
          },
          mark: {
            type: 'point',
            shape: 'diamond',
            filled: true,
            size: 110,
            color: 'black',
          },
          encoding: {x: axis('x', 'first'), y: axis('y', 'second')},
        },
      ],
    };
  };
  return writeFigure(path, {
    title: heading(
      'Theorem 1: functional and additive threat models allow what the other does not, and together more',
      `Changes of an image of two pixels with one bound ε = ${EPSILON} for C (each colour) and D (Euclidean norm); diamonds: attacks that fooled a linear classifier (dashed)`,
    ),
    hconcat: [panel(0), panel(1), panel(2)],
  });
}
