import {byId, element} from '../dom';

interface Term {
  name: string;
  epsilon: number;
}

/** Bounds: the default, the largest and what they count. */
const BOUNDS: Record<string, {value: number; max: number; step: number}> = {
  C: {value: 0.06, max: 0.2, step: 0.005},
  'C-RGB': {value: 0.06, max: 0.2, step: 0.005},
  S: {value: 0.05, max: 0.2, step: 0.005},
  D: {value: 8, max: 32, step: 1},
};
/** D counts in 255ths. */
const show = ({name, epsilon}: Term) =>
  name === 'D' ? `${epsilon}/255` : epsilon.toFixed(3);

/** The list of an attack's terms, which are applied from top to bottom. */
export class TermsEditor {
  private terms: Term[] = ['C', 'S', 'D'].map(newTerm);
  private readonly list = byId('terms');

  constructor() {
    byId('add').addEventListener('click', event => {
      const {term} = (event.target as HTMLElement).dataset;
      if (term) this.change([...this.terms, newTerm(term)]);
    });
    this.change(this.terms);
  }

  get spec(): string {
    return (
      this.terms.map(term => `${term.name}(${show(term)})`).join('+') || 'None'
    );
  }

  private change(terms: Term[]): void {
    this.terms = terms;
    this.list.replaceChildren(...terms.map((term, i) => this.row(term, i)));
    this.showSpec();
  }

  private showSpec(): void {
    byId('spec').textContent = this.spec;
  }

  private row(term: Term, i: number): HTMLElement {
    const {max, step} = BOUNDS[term.name];
    const id = `epsilon-${i}`;
    const slider = element('input', {
      id,
      type: 'range',
      min: String(step),
      max: String(max),
      step: String(step),
      value: String(term.epsilon),
    });
    const value = element('output', {for: id}, show(term));
    slider.addEventListener('input', () => {
      term.epsilon = Number(slider.value);
      value.textContent = show(term);
      this.showSpec();
    });
    const up = this.button('↑', `Move ${term.name} up`, () => {
      const terms = [...this.terms];
      terms.splice(i - 1, 0, ...terms.splice(i, 1));
      this.change(terms);
    });
    up.disabled = i === 0;
    const remove = this.button('×', `Remove ${term.name}`, () =>
      this.change(this.terms.filter(other => other !== term)),
    );
    const label = element('label', {for: id}, `${term.name}, ε`);
    return element('li', {class: 'slider'}, label, slider, value, up, remove);
  }

  private button(text: string, label: string, act: () => void) {
    const button = element(
      'button',
      {type: 'button', class: 'small', 'aria-label': label},
      text,
    );
    button.addEventListener('click', () => {
      act();
      // The button that was used is gone.
      byId('add').querySelector('button')!.focus();
    });
    return button;
  }
}

function newTerm(name: string): Term {
  return {name, epsilon: BOUNDS[name].value};
}
