import {MultiBar, Presets} from 'cli-progress';
import {formatTime} from '../../src/io/progress.js';

/** More workers than this have no line of their own. */
const MAX_LINES = 16;

/** A bar for all the work, and a line for each worker that says what it is at. */
export function workProgress(count: number, name = 'examples') {
  const bars = new MultiBar(
    {
      format: '{what} {bar} {value}/{total}  {rate}{eta_formatted} left',
      stream: process.stderr,
      noTTYOutput: true,
      notTTYSchedule: 30_000,
      hideCursor: true,
      barsize: 20,
      etaBuffer: 200,
      formatTime,
    },
    Presets.shades_grey,
  );
  const started = performance.now();
  const total = bars.create(count, 0, {what: name, rate: ''});
  const lines = new Map<
    string,
    {bar: ReturnType<MultiBar['create']>; what: string}
  >();
  let computed = 0;
  let workers: number | undefined;
  return {
    workers(count: number) {
      if (count === 0 && workers !== 0) {
        bars.log('No worker takes this work yet: start npm run worker.\n');
      }
      workers = count;
    },
    update(count: number, worker: string, what: string, size: number) {
      computed += count;
      const seconds = (performance.now() - started) / 1000;
      const shown = workers === undefined ? '' : `, ${workers} workers`;
      total.increment(count, {
        what: `${name}${shown}`,
        rate: `${(computed / seconds).toFixed(1)} a second  `,
      });
      let line = lines.get(worker);
      if (!line) {
        if (lines.size >= MAX_LINES) return;
        line = {bar: bars.create(size, 0, {what: '', rate: ''}), what: ''};
        lines.set(worker, line);
      }
      const text = `${worker}: ${what}`;
      if (line.what !== text) {
        line.what = text;
        line.bar.start(size, 0, {what: text, rate: ''});
      }
      line.bar.increment(count, {what: text, rate: ''});
    },
    stop: () => bars.stop(),
  };
}
