import {byId, element} from '../dom';
import {LineChart} from '../plots/line_chart';
import type {Picture} from '../protocol';
import {withCamera} from './camera';
import {ModelsMenu} from './models_menu';
import {fromSprite, type Sprite, toPicture} from './pictures';
import {ResultCard} from './result_card';
import {TermsEditor} from './terms_editor';
import {listen, send} from './worker_client';

/** Samples that are offered: the first of the test set. */
const SAMPLES = 18;
/** A ship, which both networks recognize. */
const FIRST = 1;
const COLORS = ['first', 'second'];

const status = byId('status');
const run = byId<HTMLButtonElement>('run');
const stop = byId<HTMLButtonElement>('stop');
const replay = byId<HTMLInputElement>('replay');
const steps = byId<HTMLInputElement>('steps');
const label = byId<HTMLSelectElement>('label');

/** Choose a picture, models and an attack, and watch it. */
export class AttackView {
  private readonly terms = new TermsEditor();
  private readonly menu = new ModelsMenu(() => this.refresh());
  private readonly chart = new LineChart(byId('margin'), x => x.toFixed(1));
  private source: HTMLCanvasElement | ImageBitmap;
  private cards: ResultCard[] = [];
  private running = false;
  /** What the outcomes said. */
  private said: string[] = [];

  constructor(private readonly sprite: Sprite) {
    this.source = fromSprite(sprite, FIRST);
    this.offerSamples();
    this.offerOwnPictures();
    steps.addEventListener('input', () => {
      byId('steps-value').textContent = steps.value;
    });
    replay.addEventListener('input', () => this.show(Number(replay.value)));
    byId('attack-form').addEventListener('submit', event => {
      event.preventDefault();
      this.start();
    });
    stop.addEventListener('click', () => send({type: 'stop'}));
    this.listen();
  }

  /** After a change of the backend, models have to be loaded again. */
  begin(): void {
    this.menu.request();
  }

  /** Draws again, in the colors of another theme. */
  redraw(): void {
    this.chart.redraw();
    this.show(Number(replay.value));
  }

  private offerSamples(): void {
    const samples = byId('samples');
    for (let i = 0; i < SAMPLES; i++) {
      const id = `sample-${i}`;
      const radio = element('input', {type: 'radio', name: 'sample', id});
      radio.checked = i === FIRST;
      radio.addEventListener('change', () => {
        this.setPicture(fromSprite(this.sprite, i), this.sprite.labels[i]);
      });
      const canvas = fromSprite(this.sprite, i);
      canvas.setAttribute('role', 'img');
      canvas.setAttribute('aria-label', `Sample ${i + 1}`);
      samples.append(element('label', {for: id}, radio, canvas));
    }
  }

  private offerOwnPictures(): void {
    const input = byId<HTMLInputElement>('picture-file');
    input.addEventListener('change', async () => {
      const [file] = input.files ?? [];
      if (!file) return;
      try {
        this.setPicture(await createImageBitmap(file), null);
      } catch {
        status.textContent = `${file.name} is not a picture that this browser reads.`;
      }
    });
    withCamera(
      picture => this.setPicture(picture, null),
      message => (status.textContent = message),
    );
  }

  /** @param truth Null: what the model itself predicts. */
  private setPicture(
    source: HTMLCanvasElement | ImageBitmap,
    truth: number | null,
  ): void {
    this.source = source;
    if (truth === null) {
      byId('samples')
        .querySelectorAll('input')
        .forEach(radio => (radio.checked = false));
    }
    label.value = truth === null ? '' : String(truth);
    this.refresh();
  }

  /** Shows the clean picture, and which classes there are. */
  private refresh(): void {
    if (this.running) return;
    const infos = this.menu.chosen.map(name => this.menu.info(name));
    const [first] = infos;
    if (!first || infos.includes(undefined)) return;
    const isSample = byId('samples').querySelector(':checked');
    const value = label.options.length
      ? label.value
      : isSample
        ? String(this.sprite.labels[FIRST])
        : '';
    label.replaceChildren(
      new Option('what the model says', ''),
      ...first.classes.map((name, i) => new Option(name, String(i))),
    );
    label.value = Number(value) < first.classes.length ? value : '';
    this.makeCards();
  }

  private makeCards(): Picture[] {
    const pictures: Picture[] = [];
    this.cards = this.menu.chosen.map(name => {
      const model = this.menu.info(name)!;
      const picture = toPicture(this.source, model.width, model.height);
      pictures.push(picture);
      return new ResultCard(this.menu.title(name), model, picture);
    });
    byId('cards').replaceChildren(...this.cards.map(card => card.element));
    return pictures;
  }

  private start(): void {
    if (this.running) return;
    if (this.menu.chosen.some(name => !this.menu.info(name))) {
      status.textContent = 'A model is still loading.';
      return;
    }
    const pictures = this.makeCards();
    this.said = [];
    this.setRunning(true);
    replay.max = '0';
    status.textContent = `Attacking with ${this.terms.spec} …`;
    send({
      type: 'attack',
      models: this.menu.chosen,
      pictures,
      label: label.value === '' ? null : Number(label.value),
      spec: this.terms.spec,
      steps: Number(steps.value),
    });
  }

  private listen(): void {
    listen(message => {
      if (message.type === 'error') {
        status.textContent = message.message;
        byId('model-note').textContent = '';
        this.setRunning(false);
      }
      if (!this.running) return;
      if (message.type === 'step') {
        this.cards[message.index].add(message);
        this.follow(message.step);
      } else if (message.type === 'outcome') {
        const {index} = message;
        const title = this.menu.title(this.menu.chosen[index]);
        this.said[index] = `${title}: ${this.cards[index].conclude(message)}`;
      } else if (message.type === 'end') {
        this.setRunning(false);
        status.textContent = message.stopped ? 'Stopped.' : this.said.join(' ');
      }
    });
  }

  private setRunning(running: boolean): void {
    this.running = running;
    run.disabled = running;
    stop.disabled = !running;
    replay.disabled = running;
  }

  private frame = 0;

  /** Draws the latest step, at most once a frame. */
  private follow(step: number): void {
    replay.max = String(Math.max(step, Number(replay.max)));
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      replay.value = replay.max;
      this.show(Number(replay.max));
    });
  }

  private show(step: number): void {
    byId('replay-value').textContent = String(step);
    this.cards.forEach(card => card.show(step));
    const count = Number(replay.max) + 1;
    const numbers = Array.from({length: count}, (_, i) => i);
    this.chart.show(
      this.cards.map((_, i) => ({
        name: this.menu.title(this.menu.chosen[i]),
        color: COLORS[i],
        dash: i === 1 ? [6, 4] : undefined,
      })),
      [
        numbers,
        ...this.cards.map(({margins}) => numbers.map(i => margins[i] ?? null)),
      ],
    );
  }
}
