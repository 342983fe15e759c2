import {SingleBar} from 'cli-progress';
import {formatTime} from '../io/progress.js';
import type {Display, ProgressReport} from './report.js';

type Stream = NodeJS.WritableStream & {isTTY?: boolean};

/** A bar in a terminal, and a line where a task ends; elsewhere a line per 10 % too. */
export function standardErrorDisplay(stream: Stream): Display {
  return stream.isTTY ? bars(stream) : lines(stream);
}

/** A bar whose timer does not keep a program alive that ends without stopping it. */
class Bar extends SingleBar {
  override start(total: number, value: number, payload: object) {
    super.start(total, value, payload);
    this.letGo();
  }

  // The library calls it from its timer too, which it then sets anew.
  override render() {
    super.render();
    this.letGo();
  }

  private letGo() {
    (this as unknown as {timer: NodeJS.Timeout | null}).timer?.unref();
  }
}

function bars(stream: Stream): Display {
  let bar: Bar | null = null;
  const stop = () => {
    bar?.stop();
    bar = null;
    process.off('exit', stop);
  };
  return {
    show(report) {
      if (report.finished) {
        stop();
        stream.write(`${summaryOf(report)}\n`);
        return;
      }
      const {done, total} = report;
      const payload = {text: textOf(report), task: report.task};
      if (bar) {
        if (total) bar.setTotal(total);
        bar.update(done, payload);
        return;
      }
      bar = new Bar({
        format: total ? '{task} {bar} {text}' : '{task} {text}',
        stream,
        barsize: 20,
        barCompleteChar: '█',
        barIncompleteChar: '░',
        clearOnComplete: true,
        // With a listener, the first Ctrl-C would not end the program.
        gracefulExit: false,
      });
      bar.start(total ?? 0, done, payload);
      // The bar turns line wrapping off.
      process.once('exit', stop);
    },
    stop,
  };
}

function lines(stream: Stream): Display {
  let tenths = 0;
  return {
    show(report) {
      const {task, done, total, finished} = report;
      if (done === 0) tenths = 0;
      if (finished) {
        stream.write(`${summaryOf(report)}\n`);
      } else if (total && done < total) {
        const reached = Math.floor((10 * done) / total);
        if (reached > tenths) stream.write(`${task}: ${textOf(report)}\n`);
        tenths = reached;
      }
    },
    stop() {},
  };
}

/** `34 %, 21 misclassified, 3m left`. */
function textOf({done, total, unit, secondsLeft, values = {}}: ProgressReport) {
  const counts = Object.entries(values).map(([name, n]) => `${n} ${name}`);
  if (!total) return [`${done} ${unit}`, ...counts].join(', ');
  const percent = `${Math.floor((100 * done) / total)} %`;
  return [percent, ...counts, `${formatTime(secondsLeft ?? '')} left`].join(
    ', ',
  );
}

/** `epoch 2/5: loss 1.234, adv_acc 0.31, 43s`. */
function summaryOf({task, done, unit, seconds, values}: ProgressReport) {
  const results = Object.entries(values ?? {}).map(([name, value]) =>
    Number.isInteger(value) && unit === 'examples'
      ? `${value} of ${done} ${name}`
      : `${name} ${Number(value.toPrecision(4))}`,
  );
  if (results.length === 0) results.push(`${done} ${unit}`);
  return `${task}: ${[...results, formatTime(seconds)].join(', ')}`;
}
