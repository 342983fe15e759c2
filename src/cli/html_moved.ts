import type {RobustnessReport} from '../index.js';
import {escapeHtml} from './html_escape.js';
import type {HtmlReportArgs} from './html_report.js';
import type {Spread} from './page_records.js';

type Result = RobustnessReport['results'][number];

/** A term of a spec with its bounds: `C(0.06, smooth=0.04)`. */
interface Term {
  /** As results name it: a term that is there twice is told apart by its place. */
  key: string;
  name: string;
  epsilon: number;
  smooth?: number;
}

/** For each term of each attack: its bounds, and how far it moved the pictures that fell. */
export function movedSection(args: HtmlReportArgs): string {
  const {report, records, data} = args;
  const sections = records.flatMap(({attack, moved, change}) => {
    const result = report.results.find(result => result.attack === attack)!;
    const terms = termsOf(result.bounds);
    if (terms.length === 0) return [];
    const rows = terms.map((term, i) => {
      const head =
        i === 0
          ? `<th scope="rowgroup" rowspan="${terms.length + 1}">${escapeHtml(attack)}</th>`
          : '';
      return `<tr>${head}${termCells(term, moved.get(term.key), result, data.shape)}</tr>`;
    });
    const all = `<tr><th scope="row">the picture</th><td>–</td>${spreadCells(change, x => `${in255(x)} of 255`)}<td>–</td><td>–</td></tr>`;
    return [`<tbody>${rows.join('\n')}\n${all}</tbody>`];
  });
  if (sections.length === 0) return '';
  const label = 'How far each term moved the pictures that fell';
  return `<h2>${label}</h2>
<p>D in 255ths of a channel, C as a share of a channel's range, S in pixels. “The picture”: the channel that changed the most. The smoothness is the largest difference of two neighbors, over all pictures attacked.</p>
<div class="scroll" role="region" aria-label="${label}" tabindex="0">
<table class="moved">
<thead><tr><th scope="col">attack</th><th scope="col">term</th><th scope="col">bound</th><th scope="col">mean</th><th scope="col">largest</th><th scope="col">bound on neighbors</th><th scope="col">neighbors reached</th></tr></thead>
${sections.join('\n')}
</table>
</div>`;
}

function termCells(
  {key, name, epsilon, smooth}: Term,
  moved: Spread | undefined,
  {neighborDifferences}: Result,
  shape: readonly number[],
): string {
  const unit = unitOf(name, shape);
  const reached = neighborDifferences?.[key];
  const cell = (x: number | undefined) =>
    `<td>${x === undefined || x === Infinity ? '–' : unit(x)}</td>`;
  return `<th scope="row">${escapeHtml(name)}</th>${cell(epsilon)}${spreadCells(moved, unit)}${cell(smooth)}${cell(reached)}`;
}

function spreadCells(
  spread: Spread | undefined,
  unit: (x: number) => string,
): string {
  return spread && spread.count > 0
    ? `<td>${unit(spread.mean)}</td><td>${unit(spread.largest)}</td>`
    : '<td>–</td><td>–</td>';
}

/** How a term's size is said. */
function unitOf(
  term: string,
  [height, width]: readonly number[],
): (x: number) => string {
  if (term === 'D') return x => `${in255(x)} of 255`;
  if (term !== 'S') return x => rounded(x);
  // S has the range −1 … 1 from the first pixel of a side to the last.
  const pixels = (Math.max(height, width) - 1) / 2;
  return x => `${rounded(x)} (${rounded(x * pixels)} px)`;
}

const in255 = (x: number) => (255 * x).toFixed(1);

const rounded = (x: number) => String(Number(x.toPrecision(2)));

/** The terms of a threat model's full name. */
function termsOf(bounds: string): Term[] {
  const seen = new Set<string>();
  return bounds.split('+').flatMap((text, i) => {
    const match =
      /^(?:strong\()?([A-Za-z-]+)\(([^(),]+)(?:, *smooth=([^()]+))?\)/.exec(
        text.trim(),
      );
    if (!match) return [];
    const [, name, epsilon, smooth] = match;
    const key = seen.has(name) ? `${name}#${i + 1}` : name;
    seen.add(name);
    return [
      {
        ...{key, name, epsilon: numberOf(epsilon)},
        ...(smooth && {smooth: numberOf(smooth)}),
      },
    ];
  });
}

/** `8/255` or `0.06` */
function numberOf(text: string): number {
  const [over, under = '1'] = text.split('/');
  return Number(over) / Number(under);
}
