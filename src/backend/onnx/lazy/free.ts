import {MessageChannel, type MessagePort} from 'node:worker_threads';
import type {Value} from './value.js';

/** Less than this is not worth a message. */
const SMALL = 1024;

let nowhere: MessagePort | undefined;

/**
 * Gives the memory of a value that nobody can read any more back at once. V8
 * sees only the small objects that stand for it, lets megabytes pile up behind
 * them and then collects the whole heap for their sake.
 *
 * JavaScript has no word for this, but what is transferred is no longer here,
 * and with a message to a closed port it is no longer anywhere.
 */
export function free(value: Value): void {
  const {data} = value;
  value.data = value.feed = undefined;
  if (!value.sole || !ArrayBuffer.isView(data)) return;
  value.sole = false;
  const {buffer} = data;
  if (buffer.byteLength < SMALL) return;
  nowhere ??= closedPort();
  nowhere.postMessage(null, [buffer as ArrayBuffer]);
}

function closedPort(): MessagePort {
  const {port1} = new MessageChannel();
  port1.close();
  return port1;
}
