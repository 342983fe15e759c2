import type {ImageSet} from '../../src/index.js';
import {examplesSection} from './html_examples.js';
import {escapeHtml} from '../../src/cli/html_escape.js';
import {STYLE} from '../../src/cli/html_style.js';
import {interval, legend, percent, warningLines} from './markdown.js';
import type {Cell, Row, Table} from './types.js';

/** Pictures of perturbed images of a cell, PNGs in base64, from the first example on. */
export type CellPictures = (row: Row, attack: string) => string[];

/**
 * The report as one self-contained page: no script, no other file, no address.
 * It is readable on a phone, in dark mode and by a screen reader.
 */
export function htmlReport(
  table: Table,
  data: ImageSet,
  pictures: CellPictures,
): string {
  const variants = [...new Set(table.rows.map(row => row.variant))];
  const tables = variants
    .map(variant => resultTable(table, variant))
    .join('\n');
  const examples = table.rows
    .map(row => examplesSection(row, data, attack => pictures(row, attack)))
    .join('\n');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>Robust accuracy on CIFAR-10</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Robust accuracy on CIFAR-10</h1>
${legend(table)
  .map(line => `<p>${escapeHtml(line)}</p>`)
  .join('\n')}
${warningsSection(table)}${tables}
<h2>Examples</h2>
${examples}
</main>
</body>
</html>
`;
}

function warningsSection(table: Table): string {
  const lines = table.rows.flatMap(warningLines);
  if (lines.length === 0) return '';
  const items = lines.map(line => `<li>${escapeHtml(line)}</li>`).join('\n');
  return `<section aria-label="Warnings">
<h2>Warnings</h2>
<p>Reasons not to trust some of the numbers.</p>
<ul>
${items}
</ul>
</section>
`;
}

function resultTable(table: Table, variant: string): string {
  const head = [...table.columns, 'worst case']
    .map(name => `<th scope="col">${escapeHtml(name)}</th>`)
    .join('');
  const rows = table.rows
    .filter(row => row.variant === variant)
    .map(row => {
      const cells = [...row.cells, row.worstCase].map(tableCell).join('');
      return `<tr><th scope="row">${escapeHtml(row.name)}</th>${cells}</tr>`;
    });
  return `<div class="scroll" role="region" aria-label="Results, variant ${escapeHtml(variant)}" tabindex="0">
<table class="results">
<caption>Variant ${escapeHtml(variant)}: accuracy in %</caption>
<thead><tr><th scope="col">defense</th>${head}</tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>
</div>`;
}

type AnyCell = Pick<Cell, 'accuracy' | 'interval'> & Partial<Cell>;

function tableCell(cell: AnyCell | null): string {
  if (!cell) return '<td class="missing">not finished</td>';
  const {accuracy, interval: bounds, paper, differs} = cell;
  const printed =
    paper === undefined
      ? ''
      : `<span class="paper">paper ${percent(paper)}${differs ? ' <abbr title="outside the interval">≠</abbr>' : ''}</span>`;
  return `<td style="--accuracy:${Math.round(120 * accuracy)}"><b>${percent(accuracy)}</b><span>${interval(bounds)}</span>${printed}</td>`;
}
