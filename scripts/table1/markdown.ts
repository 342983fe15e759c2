import type {Cell, Table} from './types.js';

/** What both readable reports say of how to read them. */
export function legend({settings, examples}: Table): string[] {
  return [
    `Accuracy in % on the first ${examples} test images of CIFAR-10; ${settings.steps} steps of each attack, seed ${settings.seed}, batches of ${settings.batch}, backend ${settings.backend}.`,
    'After each accuracy come its 95 % interval (Wilson) and what Laidlaw & Feizi 2019 print in table 1 for all 10,000 test images; ≠ where that lies outside of the interval, so that the difference is more than sampling error.',
    'Worst case: an example counts as robust only if it survives every column. The variant paper keeps to the definitions of the paper, the variant reference does what its released code does.',
  ];
}

export function percent(share: number): string {
  return (100 * share).toFixed(1);
}

export function interval([low, high]: [number, number]): string {
  return `${percent(low)}–${percent(high)}`;
}

/** The table as Markdown, one for each variant. */
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
  return [
    '# Robust accuracy on CIFAR-10\n',
    ...legend(table).map(line => `${line}\n`),
    ...parts,
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
