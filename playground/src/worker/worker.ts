// Everything that computes: the page itself only draws.
import type {FromWorker, ToWorker} from '../protocol';
import {runAttack} from './attack';
import {useBackend} from './backends';
import {forgetModels, info, ownModel, robustModel} from './models';
import {runTraining} from './training';

const scope = self as unknown as {
  postMessage(message: FromWorker): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
};
/** Where the page is, for the files beside it: the worker itself is in a folder. */
const base = self.name;
const tell = (message: FromWorker) => scope.postMessage(message);

/** One thing at a time: a request waits for the one before it to end. */
let last: Promise<void> = Promise.resolve();
let running = new AbortController();

scope.onmessage = ({data}) => {
  if (data.type === 'stop') {
    running.abort();
    return;
  }
  last = last.then(() => answer(data));
};

async function answer(request: Exclude<ToWorker, {type: 'stop'}>) {
  running = new AbortController();
  const {signal} = running;
  try {
    switch (request.type) {
      case 'backend':
        forgetModels();
        tell({type: 'backend', backend: await useBackend(request.backend)});
        break;
      case 'model':
        await robustModel(request.name);
        tell({type: 'model', model: info(request.name)});
        break;
      case 'ownModel':
        tell({type: 'model', model: await ownModel(request.files)});
        break;
      case 'attack':
        await runAttack(request, signal, tell);
        tell({type: 'end', stopped: false});
        break;
      case 'train':
        await runTraining(request, base, signal, tell);
        tell({type: 'end', stopped: false});
    }
  } catch (error) {
    if (signal.aborted) tell({type: 'end', stopped: true});
    else tell({type: 'error', message: (error as Error).message});
  }
}
