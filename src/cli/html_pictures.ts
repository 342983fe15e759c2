import {bytesToUnit} from '../data/images.js';
import {encodePng} from '../io/png.js';
import {magnification} from '../pictures/difference.js';
import type {AttackRecord, Classified} from './example_records.js';
import {toBytes} from './example_records.js';
import {escapeHtml} from './html_escape.js';
import type {HtmlReportArgs} from './html_report.js';

/** Pictures of each attack. */
const PICTURES = 12;

/** For each attack, the examples that fell first: as they were, as they are, and what has changed. */
export function picturesSection(args: HtmlReportArgs): string {
  const sections = args.records
    .filter(({attack}) => attack !== 'None')
    .map(record => attackSection(record, args));
  return sections.length ? `<h2>Pictures</h2>${sections.join('\n')}` : '';
}

function attackSection(
  {attack, order, margins, images}: AttackRecord,
  {data, records, predicted}: HtmlReportArgs,
): string {
  const clean = records.find(record => record.attack === 'None');
  // Those that were right before come first in what is of interest.
  const fallen = order.filter(
    i => !(margins[i] >= 0) && !(clean && !(clean.margins[i] >= 0)),
  );
  const shown = fallen.slice(0, PICTURES);
  const title = `${attack}: ${fallen.length} of ${data.size} fell`;
  if (shown.length === 0) return `<h3>${escapeHtml(title)}</h3>`;
  const size = data.imageSize;
  const rows = shown.map(i => {
    const original = bytesToUnit(data.slice(i, i + 1).images);
    const perturbed = images.slice(i * size, (i + 1) * size);
    const {largest, mean} = changeOf(original, perturbed);
    const change = shownChange(original, perturbed);
    const name = `${i}: ${data.classNames[data.labels[i]]}`;
    const now = nameOf(predicted.get(attack)!, data.classNames, i);
    const picture = (values: Float32Array, alt: string) =>
      image(values, data.shape, alt);
    return `<tr><th scope="row">${escapeHtml(name)}</th><td>${picture(original, `Example ${name}, as it is`)}</td><td>${picture(perturbed, `Example ${i} under ${attack}`)}<span class="falls">${escapeHtml(now)}</span></td><td>${picture(change.values, `What ${attack} changed in example ${i}`)}<span>× ${change.magnify}</span></td><td>${largest}</td><td>${mean}</td></tr>`;
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

function nameOf(
  {predicted}: Classified,
  classNames: readonly string[],
  i: number,
): string {
  return classNames[predicted[i]];
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
