/**
 * Lines up cells in columns for a terminal.
 *
 * In: rows of cells, some with colour codes. Out: text. Columns marked optional are left out, the
 * last one first, until the lines fit; it knows nothing of what the cells say.
 */
import { stripVTControlCharacters } from 'node:util';

export interface TextColumn<Row> {
  readonly title: string;
  readonly align: 'left' | 'right';
  readonly cell: (row: Row) => string;
  /** May be dropped where the terminal is narrow; higher goes first, undefined never. */
  readonly dropRank?: number;
}

const gap = '  ';

/** Title line and one line per row, without a newline at the end. */
export function alignColumns<Row>(
  columns: readonly TextColumn<Row>[],
  rows: readonly Row[],
  width: number,
  dim: (title: string) => string,
): string {
  let kept = columns.map((column) => {
    const cells = rows.map((row) => column.cell(row));
    const longest = Math.max(column.title.length, ...cells.map(visibleLength));
    return { column, cells, longest };
  });
  const lineWidth = (): number =>
    kept.reduce((sum, { longest }) => sum + longest, gap.length * (kept.length - 1));
  while (lineWidth() > width) {
    const next = kept
      .filter(({ column }) => column.dropRank !== undefined)
      .sort((a, b) => (b.column.dropRank ?? 0) - (a.column.dropRank ?? 0))[0];
    if (next === undefined) break;
    kept = kept.filter((entry) => entry !== next);
  }
  const line = (cellOf: (entry: (typeof kept)[number]) => string): string =>
    kept
      .map((entry) => pad(cellOf(entry), entry.longest, entry.column.align))
      .join(gap)
      .trimEnd();
  return [
    line(({ column, longest }) => dim(pad(column.title, longest, column.align))),
    ...rows.map((_, index) => line(({ cells }) => cells[index] ?? '')),
  ].join('\n');
}

/** Words wrapped at `width`, lines after the first indented under the text. */
export function hangingLines(lead: string, text: string, width: number): string[] {
  const lines: string[] = [];
  let line = lead;
  for (const word of text.split(/\s+/)) {
    const space = line.length === lead.length ? '' : ' ';
    if (space !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = ' '.repeat(lead.length) + word;
    } else {
      line += space + word;
    }
  }
  lines.push(line);
  return lines;
}

/** Characters that the reader sees. */
export function visibleLength(text: string): number {
  return stripVTControlCharacters(text).length;
}

function pad(text: string, width: number, align: 'left' | 'right'): string {
  const blanks = ' '.repeat(Math.max(0, width - visibleLength(text)));
  return align === 'left' ? text + blanks : blanks + text;
}
