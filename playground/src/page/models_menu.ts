import {byId, element} from '../dom';
import type {ModelInfo} from '../protocol';
import {listen, send} from './worker_client';

/** The repository's models, by folder. */
const NAMES: Record<string, string> = {
  Undefended: 'Undefended',
  'C+S+D': 'Robust to C+S+D',
  C: 'Robust to C',
  D: 'Robust to D',
};
const OWN = 'own';

/** The two menus of models, and the place to drop one's own. */
export class ModelsMenu {
  private readonly menus = [0, 1].map(i =>
    byId<HTMLSelectElement>(`model-${i}`),
  );
  private readonly known = new Map<string, ModelInfo>();
  private files: {name: string; data: ArrayBuffer}[] = [];

  /** @param changed Called when other models are chosen, or one has been loaded. */
  constructor(private readonly changed: () => void) {
    const options = Object.entries(NAMES);
    for (const [i, menu] of this.menus.entries()) {
      menu.append(...options.map(([value, text]) => new Option(text, value)));
      if (i === 1) menu.append(new Option('none', ''));
      menu.value = i === 0 ? 'Undefended' : 'C+S+D';
      menu.addEventListener('change', () => this.request());
    }
    listen(message => {
      if (message.type !== 'model') return;
      const {model} = message;
      this.known.set(model.name, model);
      if (model.name === OWN) this.offerOwn(model);
      this.changed();
    });
    this.acceptFiles();
  }

  get chosen(): string[] {
    return this.menus.map(({value}) => value).filter(value => value !== '');
  }

  title(name: string): string {
    return NAMES[name] ?? 'Own model';
  }

  info(name: string): ModelInfo | undefined {
    return this.known.get(name);
  }

  /** Has the chosen models loaded: they belong to a backend, which may be new. */
  request(): void {
    for (const name of this.chosen) {
      if (name === OWN) send({type: 'ownModel', files: this.files});
      else send({type: 'model', name});
    }
    this.changed();
  }

  private acceptFiles(): void {
    const input = byId<HTMLInputElement>('model-files');
    const drop = byId('drop');
    input.addEventListener('change', () => void this.load(input.files));
    drop.addEventListener('dragover', event => {
      event.preventDefault();
      drop.classList.add('over');
    });
    drop.addEventListener('dragleave', () => drop.classList.remove('over'));
    drop.addEventListener('drop', event => {
      event.preventDefault();
      drop.classList.remove('over');
      void this.load(event.dataTransfer?.files ?? null);
    });
  }

  private async load(list: FileList | null): Promise<void> {
    if (!list?.length) return;
    const note = byId('model-note');
    try {
      this.files = await Promise.all(
        [...list].map(async file => ({
          name: file.name,
          data: await file.arrayBuffer(),
        })),
      );
    } catch {
      // A folder, for instance.
      note.textContent =
        'These could not be read: drop model.json and its weight files, not their folder.';
      return;
    }
    note.textContent = 'Loading …';
    send({type: 'ownModel', files: this.files});
  }

  private offerOwn({height, width, classes}: ModelInfo): void {
    byId('model-note').replaceChildren(
      element(
        'span',
        {},
        `Own model: ${height} × ${width}, ${classes.length} classes.`,
      ),
    );
    const [first] = this.menus;
    if ([...first.options].some(({value}) => value === OWN)) return;
    this.menus.forEach(menu => menu.append(new Option('Own model', OWN)));
    first.value = OWN;
  }
}
