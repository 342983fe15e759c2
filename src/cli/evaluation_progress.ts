import {MultiBar, Presets} from 'cli-progress';
import type {EvaluationProgress} from '../index.js';
import {formatTime} from '../io/progress.js';

/** How far an attack is. */
export type AttackProgress = Pick<
  EvaluationProgress,
  'attack' | 'done' | 'correct'
>;

/** A bar for each attack on standard error; lines now and then where that is no terminal. */
export function progressBars(attacks: string[], examples: number) {
  const bars = new MultiBar(
    {
      format:
        '{attack} {bar} {value}/{total}, {fooled} misclassified, {eta_formatted} left',
      stream: process.stderr,
      noTTYOutput: true,
      notTTYSchedule: 10_000,
      hideCursor: true,
      barsize: 16,
      formatTime,
    },
    Presets.shades_grey,
  );
  const width = Math.max(...attacks.map(name => name.length));
  const made = new Map<string, ReturnType<MultiBar['create']>>();
  return {
    update: (now: AttackProgress) => {
      const fooled = now.done - now.correct;
      const shown = {attack: now.attack.padEnd(width), fooled};
      let bar = made.get(now.attack);
      if (!bar) {
        bar = bars.create(examples, 0, shown);
        made.set(now.attack, bar);
      }
      bar.update(now.done, shown);
    },
    stop: () => bars.stop(),
  };
}
