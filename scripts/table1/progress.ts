import {MultiBar, Presets} from 'cli-progress';
import {formatTime} from '../../src/io/progress.js';
import type {PartPlace} from './part_store.js';

/**
 * A bar for all cells together and one for the present cell.
 *
 * @param work number of examples to attack, of a shard fewer than all.
 */
export function tableProgress(
  cells: number,
  examples: number,
  work = cells * examples,
) {
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
  const total = bars.create(work, 0, {what: 'examples', rate: ''});
  const cell = bars.create(examples, 0, {what: '', rate: ''});
  let present = '';
  let finished = 0;
  let computed = 0;
  return {
    update(count: number, {row, variant, attack}: PartPlace, fresh: boolean) {
      const what = `${row} / ${attack} (${variant})`;
      if (what !== present) {
        present = what;
        cell.start(examples, 0, {what, rate: ''});
      }
      cell.increment(count, {what});
      finished += count;
      if (fresh) {
        computed += count;
        const seconds = (performance.now() - started) / 1000;
        const perHour = (computed / examples / seconds) * 3600;
        const rate = `${(computed / seconds).toFixed(1)} a second, ${perHour.toFixed(1)} cells an hour  `;
        total.increment(count, {
          what: `cell ${Math.min(cells, Math.ceil(finished / examples))} of ${cells}, examples`,
          rate,
        });
      } else {
        // Known before: not part of the work that is left.
        total.setTotal(total.getTotal() - count);
      }
    },
    stop: () => bars.stop(),
  };
}
