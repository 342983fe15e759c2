import {byId} from '../dom';

const dark = matchMedia('(prefers-color-scheme: dark)');

/** Dark or light as the system has it, until the button says otherwise. */
export function watchTheme(changed: () => void): void {
  byId('theme').addEventListener('click', () => {
    const {dataset} = document.documentElement;
    const now = dataset.theme ?? (dark.matches ? 'dark' : 'light');
    dataset.theme = now === 'dark' ? 'light' : 'dark';
    changed();
  });
  dark.addEventListener('change', changed);
}
