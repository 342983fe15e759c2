import './style.css';
import {byId} from './dom';
import {AttackView} from './page/attack_view';
import {loadSprite} from './page/pictures';
import {makeTabs} from './page/tabs';
import {watchTheme} from './page/theme';
import {TrainView} from './page/train_view';
import {listen, send} from './page/worker_client';
import type {BackendChoice} from './protocol';

const NAMES: Record<string, string> = {
  webgpu: 'WebGPU',
  webgl: 'WebGL',
  wasm: 'WASM',
  cpu: 'plain JavaScript',
};

const [train, test] = await Promise.all(['train', 'test'].map(loadSprite));
const attackView = new AttackView(test);
const trainView = new TrainView(train, test);
const backend = byId<HTMLSelectElement>('backend');
const name = byId('backend-name');

makeTabs(document.querySelector('[role=tablist]')!);
watchTheme(() => {
  attackView.redraw();
  trainView.redraw();
});
listen(message => {
  if (message.type === 'backend') {
    name.textContent = `on ${NAMES[message.backend]}`;
    attackView.begin();
  } else if (message.type === 'error' && name.textContent === 'starting …') {
    // The browser does not have what was chosen.
    backend.value = 'auto';
    chooseBackend();
  }
});

function chooseBackend(): void {
  name.textContent = 'starting …';
  send({type: 'backend', backend: backend.value as BackendChoice});
}

backend.addEventListener('change', chooseBackend);
chooseBackend();
