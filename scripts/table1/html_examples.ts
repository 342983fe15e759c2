import type {ImageSet} from '../../src/index.js';
import {escapeHtml} from '../../src/cli/html_escape.js';
import {
  cleanPicture,
  dataUri,
  ENLARGED,
  perturbationMap,
  survivalStrip,
} from './pictures.js';
import type {Cell, Row} from './types.js';

/** For one row: which examples survive which attack, and pictures of the first ones. */
export function examplesSection(
  row: Row,
  data: ImageSet,
  pictures: (attack: string) => string[],
): string {
  const done = row.cells.filter(cell => cell !== null);
  if (done.length === 0) return '';
  const lines = [
    ...done.map(cell => ({name: cell.attack, correct: cell.correct})),
    ...(row.worstCase
      ? [{name: 'worst case', correct: row.worstCase.correct}]
      : []),
  ];
  const names = lines.map(line => line.name).join(', ');
  return `<section>
<h3>${escapeHtml(row.name)}, variant ${escapeHtml(row.variant)}</h3>
<p>Each example is a column, from left to right; the lines are, from top to bottom: ${escapeHtml(names)}. Dark green where the example survives.</p>
<img class="strip" style="height:${lines.length * 14}px" alt="Which examples survive; the list below says the same" src="${dataUri(survivalStrip(row))}">
<details><summary>Survivors by number</summary><ul>
${lines.map(line => `<li>${escapeHtml(line.name)}: ${survivors(line.correct)}</li>`).join('\n')}
</ul></details>
${pictureTable(done, data, pictures)}
</section>`;
}

function survivors(correct: string): string {
  const found = Array.from(correct).flatMap((c, i) => (c === '1' ? [i] : []));
  return found.length > 0 ? found.join(', ') : 'none';
}

function pictureTable(
  cells: Cell[],
  data: ImageSet,
  pictures: (attack: string) => string[],
): string {
  const columns = cells.map(cell => ({...cell, shown: pictures(cell.attack)}));
  const count = Math.max(...columns.map(({shown}) => shown.length));
  if (count === 0) return '';
  const head = columns
    .map(({attack}) => `<th scope="col">${escapeHtml(attack)}</th>`)
    .join('');
  const rows = Array.from({length: count}, (_, i) => {
    const label = `${i}: ${data.classNames[data.labels[i]]}`;
    const clean = image(cleanPicture(data, i), `Example ${label}, as it is`);
    const found = columns.map(({attack, correct, shown}) => {
      if (!shown[i]) return '<td></td>';
      const survives = correct[i] === '1';
      const map = perturbationMap(data, i, shown[i]);
      return `<td>${image(shown[i], `Example ${i} under ${attack}`)}${image(map, `What ${attack} changed in example ${i}`)}<span class="${survives ? 'survives' : 'falls'}">${survives ? 'survives' : 'falls'}</span></td>`;
    });
    return `<tr><th scope="row">${clean}${escapeHtml(label)}</th>${found.join('')}</tr>`;
  });
  return `<details><summary>Pictures of the first ${count} examples</summary>
<div class="scroll" role="region" aria-label="Pictures" tabindex="0">
<table class="pictures">
<caption>Perturbed images; below each, the change × ${ENLARGED} on gray</caption>
<thead><tr><th scope="col">example</th>${head}</tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>
</div></details>`;
}

function image(base64: string, alt: string): string {
  return `<img width="64" height="64" loading="lazy" alt="${escapeHtml(alt)}" src="${dataUri(base64)}">`;
}
