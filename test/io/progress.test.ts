import test from 'ava';
import {SingleBar} from 'cli-progress';
import {formatTime} from '../../src/io/progress.js';

test('time left is told once it is known', t => {
  let shown = '';
  const bar = new SingleBar({
    format: '{eta_formatted} left',
    noTTYOutput: true,
    notTTYSchedule: 0,
    formatTime,
    stream: {
      isTTY: false,
      write: (text: string) => ((shown += text), true),
    } as unknown as NodeJS.WritableStream,
  });
  bar.start(10, 0);
  bar.render();
  t.regex(shown, /– left/);
  t.notRegex(shown, /0s/);
  bar.update(10);
  bar.stop();
  t.regex(shown, /0s left\s*$/);
});

test('time as people say it', t => {
  t.deepEqual(
    ['0', 'NULL', 'INF', NaN, 0, 59.4, 90, 3599, 7260].map(formatTime),
    ['–', '–', '–', '–', '0s', '59s', '2m', '1h00m', '2h01m'],
  );
});
