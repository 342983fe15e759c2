import {
  describeAttacks,
  reachWarnings,
  singleSearchNote,
} from '../../src/cli/search_options.js';
import type {Cell, Row, Table} from './types.js';

/** How to read the table, for both readable reports. */
export function legend({settings, examples, columns}: Table): string[] {
  return [
    ...reachWarnings(columns, settings).map(text => `Warning: ${text}`),
    `Accuracy in % on the first ${examples} test images of CIFAR-10. ${describeAttacks(settings, columns)}; seed ${settings.seed}, batches of ${settings.batch}, backend ${settings.backend}.`,
    'Each accuracy is followed by its 95 % interval (Wilson) and by the number in Table 1 of Laidlaw & Feizi 2019 for all 10,000 test images; ≠ marks a number outside the interval, a difference that is more than sampling error.',
    ...singleSearchNote(columns),
    'Worst case: an example counts as robust only if it survives every column. The variant paper follows the definitions of the paper, the variant reference its released code.',
  ];
}

/** A sentence for each warning of a row's evaluations, each once. */
export function warningLines({name, variant, warnings = []}: Row): string[] {
  const lines = warnings.map(
    ({code, message}) => `${name} (${variant}): ${message} [${code}]`,
  );
  return [...new Set(lines)];
}

export function percent(share: number): string {
  return (100 * share).toFixed(1);
}

export function interval([low, high]: [number, number]): string {
  return `${percent(low)}–${percent(high)}`;
}

/** The report in Markdown, with a table for each variant. */
export function markdownReport(table: Table): string {
  const variants = [...new Set(table.rows.map(row => row.variant))];
  const {columns} = table;
  const parts = variants.map(variant => {
    const rows = table.rows.filter(row => row.variant === variant);
    const lines = [
      ['', ...columns, 'worst case'],
      ['---', ...columns.map(() => '---:'), '---:'],
      ...rows.map(row => [
        escapeMarkdown(row.name),
        ...row.cells.map(cellText),
        row.worstCase
          ? `${percent(row.worstCase.accuracy)} [${interval(row.worstCase.interval)}]`
          : '…',
      ]),
    ];
    const body = lines.map(cells => `| ${cells.join(' | ')} |`).join('\n');
    return `## Variant ${variant}\n\n${body}\n`;
  });
  const warnings = table.rows.flatMap(warningLines);
  return [
    '# Robust accuracy on CIFAR-10\n',
    ...legend(table).map(line => `${line}\n`),
    ...parts,
    ...(warnings.length > 0
      ? [
          '## Warnings\n',
          warnings.map(line => `- ${escapeMarkdown(line)}\n`).join(''),
        ]
      : []),
  ].join('\n');
}

function cellText(cell: Cell | null): string {
  if (!cell) return '…';
  const ours = `${percent(cell.accuracy)} [${interval(cell.interval)}]`;
  if (cell.paper === undefined) return ours;
  return `${ours} ${percent(cell.paper)}${cell.differs ? ' ≠' : ''}`;
}

function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_{}[\]<>()#+!|~&-]/g, '\\$&').replace(/\s+/g, ' ');
}
