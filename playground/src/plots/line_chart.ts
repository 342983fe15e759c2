import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import {themeColor} from '../dom';

export interface Line {
  name: string;
  /** A color of the theme. */
  color: string;
  dash?: number[];
}

/** A chart of lines over whole numbers, as wide as its place, in the theme's colors. */
export class LineChart {
  private chart: uPlot | null = null;
  private lines: Line[] = [];
  private data: uPlot.AlignedData = [[]];

  constructor(
    private readonly place: HTMLElement,
    private readonly format: (value: number) => string,
    private readonly range?: [number, number],
  ) {
    new ResizeObserver(() => this.resize()).observe(place);
  }

  /** @param data Rows of numbers: x, and each line's. */
  show(lines: Line[], data: (number | null)[][]): void {
    this.data = data as uPlot.AlignedData;
    const same = JSON.stringify(lines) === JSON.stringify(this.lines);
    this.lines = lines;
    if (this.chart && same) this.chart.setData(this.data);
    else this.redraw();
  }

  /** Takes the theme's colors again. */
  redraw(): void {
    this.chart?.destroy();
    const axis = {
      stroke: themeColor('muted'),
      grid: {stroke: themeColor('line'), width: 1},
      ticks: {show: false},
    };
    this.chart = new uPlot(
      {
        width: this.place.clientWidth || 300,
        height: 220,
        scales: {
          x: {time: false},
          ...(this.range && {y: {range: this.range}}),
        },
        axes: [
          {...axis, incrs: [1, 2, 5, 10, 20, 50]},
          {...axis, values: (_, ticks) => ticks.map(this.format), size: 48},
        ],
        series: [
          {label: 'step'},
          ...this.lines.map(({name, color, dash}) => ({
            label: name,
            stroke: themeColor(color),
            width: 2,
            dash,
            value: (_: uPlot, value: number | null) =>
              value === null ? '–' : this.format(value),
          })),
        ],
      },
      this.data,
      this.place,
    );
  }

  private resize(): void {
    const width = this.place.clientWidth;
    if (width > 0) this.chart?.setSize({width, height: 220});
  }
}
