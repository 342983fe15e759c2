import {byId, element} from '../dom';
import {LineChart} from '../plots/line_chart';
import {labeled, type Sprite} from './pictures';
import {listen, send} from './worker_client';

const LINES = [
  {name: 'clean', color: 'second', dash: [6, 4]},
  {name: 'under attack', color: 'first'},
];
const percent = (share: number) => `${Math.round(share * 100)} %`;

const run = byId<HTMLButtonElement>('train-run');
const stop = byId<HTMLButtonElement>('train-stop');
const status = byId('train-status');
const epochs = byId<HTMLInputElement>('epochs');
const progress = byId<HTMLProgressElement>('train-progress');

/** Fine-tune a small network, and see its robust accuracy grow. */
export class TrainView {
  private readonly chart = new LineChart(byId('accuracy'), percent, [0, 1]);
  private rows: [number, number, number][] = [];
  private running = false;

  constructor(
    private readonly train: Sprite,
    private readonly test: Sprite,
  ) {
    epochs.addEventListener('input', () => {
      byId('epochs-value').textContent = epochs.value;
    });
    byId('train-form').addEventListener('submit', event => {
      event.preventDefault();
      this.start();
    });
    stop.addEventListener('click', () => send({type: 'stop'}));
    this.listen();
  }

  redraw(): void {
    this.chart.redraw();
  }

  private start(): void {
    if (this.running) return;
    this.rows = [];
    this.draw();
    this.setRunning(true);
    status.textContent = 'Measuring the network before training …';
    send({
      type: 'train',
      spec: byId<HTMLSelectElement>('train-attack').value,
      epochs: Number(epochs.value),
      train: labeled(this.train),
      test: labeled(this.test),
    });
  }

  private listen(): void {
    listen(message => {
      if (!this.running) return;
      if (message.type === 'batch') {
        const {epoch, done, of} = message;
        progress.value = done / of;
        // Said once an epoch, not at each batch.
        if (done === 1) {
          status.textContent = `Training, epoch ${epoch} of ${epochs.value} …`;
        }
      } else if (message.type === 'epoch') {
        this.rows.push([message.epoch, message.clean, message.robust]);
        this.draw();
      } else if (message.type === 'error') {
        status.textContent = message.message;
        this.setRunning(false);
      } else if (message.type === 'end') {
        this.setRunning(false);
        status.textContent = message.stopped ? 'Stopped.' : this.summary();
      }
    });
  }

  private summary(): string {
    const [, , before] = this.rows[0];
    const [, clean, after] = this.rows[this.rows.length - 1];
    return `Accuracy under attack went from ${percent(before)} to ${percent(after)}; clean accuracy is ${percent(clean)}.`;
  }

  private setRunning(running: boolean): void {
    this.running = running;
    run.disabled = running;
    stop.disabled = !running;
    if (!running) progress.value = 0;
  }

  private draw(): void {
    const column = (i: number) => this.rows.map(row => row[i]);
    this.chart.show(LINES, [column(0), column(1), column(2)]);
    byId('epochs-table')
      .querySelector('tbody')!
      .replaceChildren(
        ...this.rows.map(([epoch, clean, robust]) =>
          element(
            'tr',
            {},
            element('th', {scope: 'row'}, epoch === 0 ? 'before' : `${epoch}`),
            element('td', {}, percent(clean)),
            element('td', {}, percent(robust)),
          ),
        ),
      );
  }
}
