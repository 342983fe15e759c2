import {bytesToUnit} from '../data/images.js';
import {encodePng} from '../io/png.js';
import {magnification} from '../pictures/difference.js';
import type {ImageSet} from '../index.js';
import {toBytes} from './example_records.js';
import {escapeHtml} from './html_escape.js';
import type {HtmlReportArgs} from './html_report.js';
import type {PageRecord} from './page_records.js';

/** For each attack, the examples that fell first: as they were, as they are, and what has changed. */
export function picturesSection(args: HtmlReportArgs): string {
  const sections = args.records
    .filter(({attack}) => attack !== 'None')
    .map(record => attackSection(record, args.data));
  return sections.length ? `<h2>Pictures</h2>${sections.join('\n')}` : '';
}

function attackSection(
  {attack, fallen, shown, predicted}: PageRecord,
  data: ImageSet,
): string {
  const title = `${attack}: ${fallen} of ${data.size} fell`;
  if (shown.length === 0) return `<h3>${escapeHtml(title)}</h3>`;
  const rows = shown.map(({index, image: perturbed}) => {
    const original = bytesToUnit(data.slice(index, index + 1).images);
    const {largest, mean} = changeOf(original, perturbed);
    const change = shownChange(original, perturbed);
    const name = `${index}: ${data.classNames[data.labels[index]]}`;
    const now = data.classNames[predicted[index]];
    const picture = (values: Float32Array, alt: string) =>
      image(values, data.shape, alt);
    return `<tr><th scope="row">${escapeHtml(name)}</th><td>${picture(original, `Example ${name}, as it is`)}</td><td>${picture(perturbed, `Example ${index} under ${attack}`)}<span class="falls">${escapeHtml(now)}</span></td><td>${picture(change.values, `What ${attack} changed in example ${index}`)}<span>× ${change.magnify}</span></td><td>${largest}</td><td>${mean}</td></tr>`;
  });
  return `<h3>${escapeHtml(title)}</h3>
<div class="scroll" role="region" aria-label="Pictures, ${escapeHtml(attack)}" tabindex="0">
<table class="pictures">
<caption>The first to fall: picture, under attack with what the model says, change, enlarged, on gray</caption>
<thead><tr><th scope="col">example</th><th scope="col">clean</th><th scope="col">under attack</th><th scope="col">change</th><th scope="col">largest change of a channel, of 255</th><th scope="col">mean</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>
</div>`;
}

/** In 255ths. */
function changeOf(a: Float32Array, b: Float32Array) {
  let largest = 0;
  let sum = 0;
  a.forEach((x, i) => {
    const change = Math.abs(b[i] - x);
    largest = Math.max(largest, change);
    sum += change;
  });
  return {
    largest: (255 * largest).toFixed(1),
    mean: ((255 * sum) / a.length).toFixed(1),
  };
}

/** The change, enlarged as far as none is cut off, on middle gray. */
export function shownChange(
  a: Float32Array,
  b: Float32Array,
): {values: Float32Array; magnify: number} {
  const largest = a.reduce((max, x, i) => Math.max(max, Math.abs(b[i] - x)), 0);
  const magnify = magnification(largest);
  return {values: a.map((x, i) => 0.5 + magnify * (b[i] - x)), magnify};
}

function image(
  values: Float32Array,
  shape: readonly [number, number, number],
  alt: string,
): string {
  const png = encodePng({data: toBytes(values), shape: [...shape]});
  return `<img width="64" height="64" loading="lazy" alt="${escapeHtml(alt)}" src="data:image/png;base64,${png.toString('base64')}">`;
}
