import {element} from '../dom';
import {drawColors} from '../plots/color_plot';
import {drawFlow} from '../plots/flow_plot';
import type {ModelInfo, Outcome, Picture, Step} from '../protocol';
import {paint} from './pictures';

/** Differences are shown around gray and enlarged by this. */
const MAGNIFY = 5;
/** Classes shown. */
const TOP = 3;

/** What an attack does to a picture in front of one model. */
export class ResultCard {
  readonly element: HTMLElement;
  private readonly adversarial = view('Attacked picture');
  private readonly difference = view('Difference from the clean picture');
  private readonly colors = view('Colors in the plane of u* and v*');
  private readonly flow = view('Flow');
  private readonly colorFigure = figure(this.colors, 'Colors in CIELUV');
  private readonly flowFigure = figure(this.flow, 'Flow of S');
  private readonly verdict = element('p', {class: 'verdict'}, '…');
  private readonly predictions = element('div', {class: 'predictions'});
  private steps: Step[] = [];

  constructor(
    title: string,
    private readonly model: ModelInfo,
    private readonly clean: Picture,
  ) {
    const cleanView = view('Clean picture');
    paint(cleanView, clean);
    this.colorFigure.hidden = this.flowFigure.hidden = true;
    this.element = element(
      'article',
      {class: 'card'},
      element('h2', {}, title),
      this.verdict,
      element(
        'div',
        {class: 'views'},
        figure(cleanView, 'Clean'),
        figure(this.adversarial, 'Attacked'),
        figure(this.difference, `Difference × ${MAGNIFY}`),
        this.colorFigure,
        this.flowFigure,
      ),
      this.predictions,
    );
  }

  /** The margins so far. */
  get margins(): number[] {
    return this.steps.map(({margin}) => margin);
  }

  add(step: Step): void {
    this.steps.push(step);
  }

  /** Shows what the attack had reached after some updates. */
  show(number: number): void {
    const step = this.steps[Math.min(number, this.steps.length - 1)];
    if (!step) return;
    const {height, width, pixels} = this.clean;
    paint(this.adversarial, {pixels: step.image, height, width});
    const difference = step.image.map((value, i) =>
      Math.min(1, Math.max(0, 0.5 + MAGNIFY * (value - pixels[i]))),
    );
    paint(this.difference, {pixels: difference, height, width});
    this.colorFigure.hidden = !step.colors;
    this.flowFigure.hidden = !step.flow;
    if (step.colors) {
      const stride = Math.ceil(
        (height * width * 3) / step.colors.before.length,
      );
      drawColors(this.colors, step.colors, i => this.rgb(i * stride));
    }
    if (step.flow) drawFlow(this.flow, step.flow, height, width);
  }

  conclude(outcome: Outcome): string {
    const {clean, adversarial, label, margin, sizes, milliseconds} = outcome;
    const first = this.margins.findIndex(m => m < 0);
    const name = this.model.classes[label];
    const wrong = argMax(clean) !== label;
    const says = this.model.classes[argMax(adversarial)];
    const text = wrong
      ? `Wrong without an attack: ${this.model.classes[argMax(clean)]}, not ${name}.`
      : margin < 0
        ? `Fooled at step ${Math.max(first, 0)}: ${name} is taken for ${says}.`
        : `Withstands: still ${name}.`;
    this.verdict.textContent = text;
    this.verdict.dataset.fooled = String(margin < 0);
    this.predictions.replaceChildren(
      this.bars('Clean', clean, label),
      this.bars('Attacked', adversarial, label),
      element(
        'p',
        {class: 'note'},
        `${Object.entries(sizes)
          .map(([term, size]) => `${term} moved ${size.toFixed(3)}`)
          .join(
            ', ',
          )}${Object.keys(sizes).length ? '; ' : ''}${Math.round(milliseconds)} ms`,
      ),
    );
    return text;
  }

  private rgb(pixel: number): string {
    const channel = (c: number) =>
      Math.round(this.clean.pixels[pixel * 3 + c] * 255);
    return `rgb(${channel(0)} ${channel(1)} ${channel(2)})`;
  }

  private bars(title: string, probabilities: number[], label: number) {
    const order = probabilities
      .map((_, i) => i)
      .sort((a, b) => probabilities[b] - probabilities[a]);
    const rows = order.slice(0, TOP).map(i => {
      const name = this.model.classes[i];
      const percent = Math.round(probabilities[i] * 100);
      return element(
        'li',
        {class: i === label ? 'true' : ''},
        element('span', {}, name),
        element('meter', {
          min: '0',
          max: '1',
          value: String(probabilities[i]),
          'aria-label': `${title}: ${name}`,
        }),
        element('span', {class: 'number'}, `${percent} %`),
      );
    });
    return element(
      'div',
      {},
      element('h3', {}, title),
      element('ul', {}, ...rows),
    );
  }
}

const argMax = (values: number[]) => values.indexOf(Math.max(...values));

function view(label: string): HTMLCanvasElement {
  return element('canvas', {
    role: 'img',
    'aria-label': label,
    width: '32',
    height: '32',
  });
}

function figure(canvas: HTMLCanvasElement, caption: string): HTMLElement {
  return element('figure', {}, canvas, element('figcaption', {}, caption));
}
