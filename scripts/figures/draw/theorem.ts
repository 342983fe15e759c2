import {EPSILON, sampleChanges, type TheoremCase} from '../theorem.js';
import {panelTitle, quantitative} from './parts.js';
import {PALETTE, writeFigure} from './plot.js';

const THREATS = ['C+D', 'D', 'C'] as const;
const COLORS = ['#b0b0b0', PALETTE[1], PALETTE[0]];
/** Random changes shown of each threat model. */
const EXAMPLES = 250;
/** Ends of the axes, in multiples of ε. */
const END = 2.2;

/** The changes of two pixels that each threat model allows, and the classifiers of theorem 1. */
export const drawTheorem = (path: string, cases: TheoremCase[]) =>
  writeFigure(path, {
    title: {
      text: 'C and D each allow what the other does not, and together more',
      subtitle: [
        `Theorem 1 on images of two pixels; axes: change of each pixel in multiples of ε = ${EPSILON}, the bound of C (each color) and D (Euclidean norm);`,
        'dots: changes that are allowed; diamonds: attacks that fooled a linear classifier, whose boundary is dashed',
      ],
    },
    hconcat: cases.map(panel),
    spacing: 24,
  });

function panel(found: TheoremCase) {
  const {pixels, attacks} = found;
  const axis = (field: string, title: string) => ({
    ...quantitative(field, title, {domain: [-END, END]}),
    axis: {values: [-2, -1, 0, 1, 2]},
  });
  const place = {x: axis('x', 'first pixel'), y: axis('y', 'second pixel')};
  const fooling = attacks.filter(({success}) => success);
  const values = THREATS.flatMap(threat =>
    sampleChanges(threat, pixels, EXAMPLES, 1).map(([x, y]) => ({
      x: rounded(x),
      y: rounded(y),
      threat,
    })),
  );
  return {
    title: panelTitle([
      `gray values ${pixels.join(' and ')}`,
      `beyond the line: only ${fooling.map(x => x.threat).join(' and ')}`,
    ]),
    width: 250,
    height: 250,
    layer: [
      {
        data: {values},
        mark: {type: 'circle', size: 12, opacity: 0.9},
        encoding: {
          ...place,
          color: {
            field: 'threat',
            type: 'nominal',
            title: 'allowed by',
            scale: {domain: THREATS, range: COLORS},
            legend: {symbolSize: 90, symbolOpacity: 1},
          },
        },
      },
      {
        data: {values: [boundary(found)]},
        mark: {type: 'rule', color: 'black', strokeDash: [5, 3]},
        encoding: {...place, x2: {field: 'x2'}, y2: {field: 'y2'}},
      },
      {
        data: {values: fooling.map(({change: [x, y]}) => ({x, y}))},
        mark: {
          type: 'point',
          ...{
            shape: 'diamond',
            filled: true,
            size: 110,
            opacity: 1,
            color: 'black',
          },
        },
        encoding: place,
      },
    ],
  };
}

const rounded = (x: number) => Math.round(100 * x) / 100;

/** The piece of the line direction · change = threshold that is within the axes. */
function boundary({direction: [a, b], threshold}: TheoremCase) {
  const inside = Array.from({length: 2401}, (_, i) => i / 400 - 3)
    .map(t => ({x: threshold * a - t * b, y: threshold * b + t * a}))
    .filter(({x, y}) => Math.max(Math.abs(x), Math.abs(y)) <= END);
  const [start, end] = [inside[0], inside[inside.length - 1]];
  return {...start, x2: end.x, y2: end.y};
}
