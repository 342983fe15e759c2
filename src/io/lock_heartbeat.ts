import {Worker} from 'node:worker_threads';

/** Milliseconds between two heartbeats. */
const INTERVAL = 5_000;

/**
 * Opens each lock file that it is sent and writes the same bytes to it again
 * and again, which sets its time by the clock of its file system. A file that
 * another process has put in its place is never touched.
 */
const BEAT = `
const fs = require('node:fs');
const {parentPort, workerData} = require('node:worker_threads');
const open = new Map();
parentPort.on('message', ({file, text, stop}) => {
  try {
    if (open.has(file)) fs.closeSync(open.get(file).fd);
    open.delete(file);
    if (stop) return;
    const fd = fs.openSync(file, 'r+');
    if (fs.readFileSync(fd, 'utf8') === text) open.set(file, {fd, text});
    else fs.closeSync(fd);
  } catch {}
});
setInterval(() => {
  for (const {fd, text} of open.values()) {
    try {
      fs.writeSync(fd, text, 0);
    } catch {}
  }
}, workerData);
`;

let worker: Worker | undefined;

/**
 * Renews the time of a lock file every few seconds. In a thread of its own: an
 * attack may block this one for minutes.
 */
export function startHeartbeat(file: string, text: string): void {
  if (!worker) {
    const started = new Worker(BEAT, {
      eval: true,
      workerData: INTERVAL,
      // Flags of this process, such as --import, are not for the worker.
      execArgv: [],
    });
    // Neither keeps the process alive nor ends it.
    started.unref();
    started.on('error', () => (worker = undefined));
    worker = started;
  }
  worker.postMessage({file, text});
}

export function stopHeartbeat(file: string): void {
  worker?.postMessage({file, stop: true});
}
