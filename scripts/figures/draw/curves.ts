import {quantitative} from './parts.js';
import {PALETTE, writeFigure} from './plot.js';

export interface BoundPoint {
  attack: string;
  /** In multiples of the paper's bound. */
  scale: number;
  accuracy: number;
}

/** A line for each attack: the paper's figure 5. */
export const drawBounds = (
  path: string,
  values: BoundPoint[],
  note: string,
) => {
  const domain = [...new Set(values.map(v => v.attack))];
  const attack = {field: 'attack', type: 'nominal', title: 'attack'};
  const color = {...attack, scale: {domain, range: PALETTE}};
  const x = quantitative('scale', 'bound (multiples of the paper’s)', {
    zero: true,
  });
  const y = quantitative('accuracy', 'accuracy (%)', {domain: [0, 100]});
  return writeFigure(path, {
    title: {text: 'Accuracy over the size of the bound', subtitle: note},
    width: 480,
    height: 300,
    data: {values},
    layer: [
      {
        mark: {type: 'line', strokeWidth: 2},
        encoding: {x, y, color},
      },
      {
        mark: {type: 'point', filled: true, size: 60, opacity: 1},
        encoding: {x, y, color, shape: {...attack, scale: {domain}}},
      },
    ],
  });
};

export interface GridPoint {
  c: string;
  d: string;
  error: number;
  lpips: number;
}

/** A line for each bound of C, a mark for each bound of D: the paper's figure 6. */
export const drawGrid = (path: string, values: GridPoint[], note: string) => {
  const channel = (field: 'c' | 'd', title: string, range?: string[]) => ({
    field,
    type: 'nominal',
    title,
    scale: {
      domain: [...new Set(values.map(v => v[field]))],
      ...(range && {range}),
    },
  });
  const color = channel('c', 'bound of C', PALETTE);
  const x = quantitative('lpips', 'LPIPS from the clean image (AlexNet)', {
    zero: true,
  });
  const y = quantitative('error', 'error rate (%)', {domain: [0, 100]});
  return writeFigure(path, {
    title: {
      text: 'Error rate against visible change, for bounds of C and D',
      subtitle: note,
    },
    width: 480,
    height: 340,
    data: {values: values.map((v, order) => ({...v, order}))},
    layer: [
      {
        mark: {type: 'line', strokeWidth: 1.5},
        encoding: {x, y, color, order: {field: 'order'}},
      },
      {
        mark: {type: 'point', filled: true, size: 80, opacity: 1},
        encoding: {x, y, color, shape: channel('d', 'bound of D')},
      },
    ],
  });
};
