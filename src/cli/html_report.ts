import type {ImageSet, RobustnessReport} from '../index.js';
import {escapeHtml} from './html_escape.js';
import {movedSection} from './html_moved.js';
import {STYLE} from './html_style.js';
import {picturesSection} from './html_pictures.js';
import type {PageRecord} from './page_records.js';
import {wilsonInterval} from './wilson_interval.js';

/** What the page of an evaluation shows. */
export interface HtmlReportArgs {
  model: string;
  images?: string;
  data: ImageSet;
  report: RobustnessReport;
  /** What a user should know of the images and the model's input. */
  notes: string[];
  /** How attacks searched. */
  search: string;
  /** One for each finished attack. */
  records: PageRecord[];
}

/** An evaluation as one page: no script, no other file, no address. Readable on a phone, in dark mode and by a screen reader. */
export function htmlReport(args: HtmlReportArgs): string {
  const {model, images = 'CIFAR-10', data, report, notes, search} = args;
  const title = `Robustness of ${model}`;
  const about = [
    `${data.size} images of ${images}, ${data.classNames.length} classes. ${search}. A robust accuracy is an upper bound: stronger searches give lower numbers, and strong(…) is the one to report.`,
    ...notes,
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${STYLE}
.warnings { border-left: .3rem solid var(--falls); padding-left: .8rem; }
.confusion td { min-width: 2rem; }
.confusion td.right { font-weight: 700; }
.confusion td.many { background: hsl(0 var(--shade)); }
</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
${about.map(line => `<p>${escapeHtml(line)}</p>`).join('\n')}
${warningsSection(report)}
${accuracyTable(report)}
${classTable(report, data)}
${movedSection(args)}
${args.records.map(record => confusionTable(record, args)).join('\n')}
${picturesSection(args)}
</main>
</body>
</html>
`;
}

function warningsSection({warnings}: RobustnessReport): string {
  if (warnings.length === 0) return '';
  const lines = warnings.map(
    ({code, message, attack}) =>
      `<li>${attack ? `<b>${escapeHtml(attack)}</b>: ` : ''}${escapeHtml(message)} <code>${escapeHtml(code)}</code></li>`,
  );
  return `<section class="warnings"><h2>Reasons not to trust these numbers</h2><ul>${lines.join('')}</ul></section>`;
}

const percent = (share: number) => (100 * share).toFixed(1);

const ones = (correct: string) => correct.split('1').length - 1;

/** A cell whose color says the accuracy too. */
function accuracyCell(right: number, of: number): string {
  if (of === 0) return '<td class="missing">–</td>';
  const [low, high] = wilsonInterval(right, of).map(percent);
  return `<td style="--accuracy:${Math.round((120 * right) / of)}"><b>${percent(right / of)}</b><span>${low}–${high}</span></td>`;
}

function table(label: string, className: string, rows: string): string {
  return `<div class="scroll" role="region" aria-label="${escapeHtml(label)}" tabindex="0">
<table class="${className}">
<caption>${escapeHtml(label)}</caption>
${rows}
</table>
</div>`;
}

function headOf(names: readonly string[]): string {
  const cells = names.map(name => `<th scope="col">${escapeHtml(name)}</th>`);
  return `<thead><tr>${cells.join('')}</tr></thead>`;
}

function accuracyTable({
  results,
  worstCase,
  examples,
}: RobustnessReport): string {
  const rows = results.map(({attack, correct, complete, seconds}) =>
    complete
      ? `<tr><th scope="row">${escapeHtml(attack)}</th>${accuracyCell(ones(correct), examples)}<td>${seconds.toFixed(1)}</td></tr>`
      : `<tr><th scope="row">${escapeHtml(attack)}</th><td class="missing">not finished</td><td></td></tr>`,
  );
  if (results.length > 1 && Number.isFinite(worstCase)) {
    const right = Math.round(worstCase * examples);
    rows.push(
      `<tr><th scope="row">worst case</th>${accuracyCell(right, examples)}<td></td></tr>`,
    );
  }
  return table(
    'Accuracy in % (below: the 95 % interval)',
    'results',
    `${headOf(['attack', 'accuracy', 'seconds'])}<tbody>${rows.join('\n')}</tbody>`,
  );
}

function classTable({results}: RobustnessReport, data: ImageSet): string {
  const done = results.filter(({complete}) => complete);
  const rows = data.classNames.map((name, c) => {
    const places = [...data.labels.keys()].filter(i => data.labels[i] === c);
    const cells = done.map(({correct}) =>
      accuracyCell(
        places.filter(i => correct[i] === '1').length,
        places.length,
      ),
    );
    return `<tr><th scope="row">${escapeHtml(name)}</th>${cells.join('')}</tr>`;
  });
  const head = ['class', ...done.map(({attack}) => attack)];
  return table(
    'Accuracy in % by class',
    'results',
    `${headOf(head)}<tbody>${rows.join('\n')}</tbody>`,
  );
}

/** More classes than this make no table that anybody can read. */
const MOST_CLASSES = 30;

function confusionTable(
  {attack, predicted}: PageRecord,
  {data: {classNames, labels}}: HtmlReportArgs,
): string {
  if (classNames.length > MOST_CLASSES) return '';
  const counts = classNames.map(() => classNames.map(() => 0));
  predicted.forEach((c, i) => counts[labels[i]][c]++);
  const rows = classNames.map((name, c) => {
    const total = counts[c].reduce((a, b) => a + b, 0);
    const cells = counts[c].map((n, k) => {
      const kind = k === c ? 'right' : n > total / 4 ? 'many' : '';
      return `<td class="${kind}">${n || ''}</td>`;
    });
    return `<tr><th scope="row">${escapeHtml(name)}</th>${cells.join('')}</tr>`;
  });
  return `<details><summary>Confusions under ${escapeHtml(attack)}</summary>${table(
    `${attack}: rows are true classes, columns what the model says`,
    'confusion',
    `${headOf(['', ...classNames])}<tbody>${rows.join('\n')}</tbody>`,
  )}</details>`;
}
