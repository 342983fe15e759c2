import type {FromWorker, ToWorker} from '../protocol';

type Listener = (message: FromWorker) => void;

const worker = new Worker(new URL('../worker/worker.ts', import.meta.url), {
  type: 'module',
  // Where the files beside the page are.
  name: new URL('.', location.href).href,
});
const listeners = new Set<Listener>();

worker.onmessage = ({data}: MessageEvent<FromWorker>) =>
  listeners.forEach(listener => listener(data));
worker.onerror = event =>
  listeners.forEach(listener =>
    listener({type: 'error', message: event.message || 'The worker failed.'}),
  );

export const send = (message: ToWorker) => worker.postMessage(message);
export const listen = (listener: Listener) => void listeners.add(listener);
