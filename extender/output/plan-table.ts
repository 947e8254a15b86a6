/**
 * The plan as a table for people (`-o table`).
 *
 * In: a Plan, its drawing (for utilisation), the width and whether colours are welcome. Out: text.
 * Rows are node groups (NodePool, type, capacity type, price), dearest first; everything that does
 * not fit a terminal is counted and left to `-o json`.
 */
import picocolors from 'picocolors';
import type { Plan } from '../../core/packing/plan.ts';
import type { DrawnBin, PlanDrawing, Shelf } from './plan-drawing.ts';
import {
  formatCount,
  formatPercent,
  formatUsd,
  type PlanSummary,
  reasonExamplesMax,
  summarizePlan,
} from './plan-summary.ts';
import { alignColumns, hangingLines, type TextColumn, visibleLength } from './text-columns.ts';

/** Rows shown of a list; the rest is summed in one line. Two screens is what a person reads. */
const rowsMax = 40;

/** Resources of devices that get a column of their own. */
const deviceColumnsMax = 2;

export interface TableStyle {
  readonly colour: boolean;
  /** Characters per line that the reader has. */
  readonly columns: number;
}

type Colours = ReturnType<typeof picocolors.createColors>;

/** Text with a newline at the end; linear in the bins of the drawing. */
export function renderPlanTable(plan: Plan, drawing: PlanDrawing, style: TableStyle): string {
  const colours = picocolors.createColors(style.colour);
  const summary = summarizePlan(plan);
  const blocks = [
    `${colours.bold('Plan')}  ${summary.headline}`,
    nodeTable(drawing, style, colours),
    existingTable(drawing, plan, style, colours),
    costBlock(plan, summary, style, colours),
    unschedulableBlock(summary, style, colours),
    notesBlock(plan, style, colours),
  ];
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`;
}

interface NodeRow {
  readonly count: number;
  readonly shelf: Shelf;
  readonly pricePerHour: number;
  readonly zones: readonly string[];
  readonly pods: number;
  /** [resource] mean used part. */
  readonly used: readonly number[];
}

function rowsOf(shelf: Shelf): NodeRow[] {
  const byPrice = new Map<number, DrawnBin[]>();
  for (const bin of shelf.bins) {
    const bins = byPrice.get(bin.pricePerHour);
    if (bins === undefined) byPrice.set(bin.pricePerHour, [bin]);
    else bins.push(bin);
  }
  return [...byPrice].map(([pricePerHour, bins]) => {
    const count = bins.reduce((sum, { names }) => sum + names.length, 0);
    return {
      count,
      shelf,
      pricePerHour,
      zones: [...new Set(bins.map(({ zone }) => zone))].sort(),
      pods: bins.reduce((sum, bin) => sum + podsIn(bin) * bin.names.length, 0),
      used: shelf.allocatable.map(
        (_, r) => bins.reduce((sum, bin) => sum + (bin.used[r] ?? 0) * bin.names.length, 0) / count,
      ),
    };
  });
}

function podsIn(bin: DrawnBin): number {
  return bin.slabs.reduce((sum, [, count]) => sum + count, 0);
}

function nodeTable(drawing: PlanDrawing, style: TableStyle, colours: Colours): string {
  const rows = drawing.shelves
    .filter(({ existing }) => !existing)
    .flatMap(rowsOf)
    .sort((a, b) => b.pricePerHour * b.count - a.pricePerHour * a.count);
  if (rows.length === 0) return '';
  const rest = rows.slice(rowsMax);
  const lines: NodeLine[] = rows.slice(0, rowsMax).map((row) => ({ ...row, kind: 'row' }));
  if (rest.length > 0) lines.push(sumLine('sum', `${rest.length} more kinds`, rest));
  lines.push(sumLine('total', 'in all', rows));
  return alignColumns(nodeColumns(drawing, rows, colours), lines, style.columns, colours.dim);
}

/** One line of the node table: a group of nodes, or a sum of groups under a label. */
type NodeLine =
  | (NodeRow & { readonly kind: 'row' })
  | {
      readonly kind: 'sum' | 'total';
      readonly label: string;
      readonly count: number;
      readonly pods: number;
      readonly cost: number;
      /** [resource] null where no node has it. */
      readonly used: readonly (number | null)[];
    };

function sumLine(kind: 'sum' | 'total', label: string, rows: readonly NodeRow[]): NodeLine {
  return {
    kind,
    label,
    count: sumOf(rows, ({ count }) => count),
    pods: sumOf(rows, ({ pods }) => pods),
    cost: sumOf(rows, (row) => row.count * row.pricePerHour),
    used: (rows[0]?.used ?? []).map((_, resource) => meanUse(rows, resource)),
  };
}

function nodeColumns(
  drawing: PlanDrawing,
  rows: readonly NodeRow[],
  colours: Colours,
): TextColumn<NodeLine>[] {
  const column = (
    title: string,
    align: 'left' | 'right',
    cell: (line: NodeLine) => string,
    dropRank?: number,
  ): TextColumn<NodeLine> => ({
    title,
    align,
    cell: (line) => (line.kind === 'total' ? colours.bold(cell(line)) : cell(line)),
    ...(dropRank === undefined ? {} : { dropRank }),
  });
  const use = (title: string, resource: number, dropRank?: number): TextColumn<NodeLine> =>
    column(title, 'right', (line) => usedCell(line, resource), dropRank);
  const devices = drawing.resources
    .map((resource, index) => ({ resource, index }))
    .filter(({ resource, index }) => resource.includes('/') && meanUse(rows, index) !== null)
    .slice(0, deviceColumnsMax);
  return [
    column('NODES', 'right', ({ count }) => integer(count)),
    column('TYPE', 'left', (line) => (line.kind === 'row' ? typeCell(line, colours) : line.label)),
    column('POOL', 'left', (line) => (line.kind === 'row' ? line.shelf.nodePool : ''), 1),
    column('ZONES', 'left', (line) => (line.kind === 'row' ? shortZones(line.zones) : ''), 3),
    column(
      '$/H EACH',
      'right',
      (line) => (line.kind === 'row' ? dollars(line.pricePerHour) : ''),
      2,
    ),
    column('$/H', 'right', (line) => dollars(lineCost(line))),
    column('PODS', 'right', ({ pods }) => integer(pods)),
    use('CPU', 0),
    use('MEMORY', 1),
    ...devices.map(({ resource, index }) =>
      use(resource.slice(resource.indexOf('/') + 1).toUpperCase(), index),
    ),
    use('POD SLOTS', drawing.resources.length - 1, 4),
  ];
}

function typeCell({ shelf }: NodeRow, colours: Colours): string {
  return shelf.capacityType === 'on-demand'
    ? shelf.instanceType
    : `${shelf.instanceType} ${colours.green(shelf.capacityType)}`;
}

function lineCost(line: NodeLine): number {
  return line.kind === 'row' ? line.count * line.pricePerHour : line.cost;
}

function usedCell(line: NodeLine, resource: number): string {
  if (line.kind === 'row' && (line.shelf.allocatable[resource] ?? 0) === 0) return '';
  const used = line.used[resource] ?? null;
  return used === null ? '' : formatPercent(used);
}

/** Used part of a resource over all rows, by amount; null where no node has it. */
function meanUse(rows: readonly NodeRow[], resource: number): number | null {
  const whole = sumOf(rows, ({ count, shelf }) => count * (shelf.allocatable[resource] ?? 0));
  const used = sumOf(
    rows,
    (row) => row.count * (row.shelf.allocatable[resource] ?? 0) * (row.used[resource] ?? 0),
  );
  return whole === 0 ? null : used / whole;
}

function existingTable(
  drawing: PlanDrawing,
  plan: Plan,
  style: TableStyle,
  colours: Colours,
): string {
  const used = plan.existing.filter(({ placed }) => placed.length > 0);
  if (used.length === 0) return '';
  const binOf = new Map<string, { readonly shelf: Shelf; readonly bin: DrawnBin }>();
  for (const shelf of drawing.shelves) {
    if (!shelf.existing) continue;
    for (const bin of shelf.bins) for (const name of bin.names) binOf.set(name, { shelf, bin });
  }
  const column = (
    title: string,
    align: 'left' | 'right',
    cell: (entry: (typeof used)[number]) => string,
  ): TextColumn<(typeof used)[number]> => ({ title, align, cell });
  const usedPart = (node: string, resource: number): string =>
    formatPercent(binOf.get(node)?.bin.used[resource] ?? 0);
  const ordered = [...used].sort((a, b) => b.placed.length - a.placed.length);
  const text = alignColumns(
    [
      column('EXISTING NODE', 'left', ({ node }) => node),
      column('TYPE', 'left', ({ node }) => binOf.get(node)?.shelf.instanceType ?? ''),
      column('ZONE', 'left', ({ node }) => binOf.get(node)?.bin.zone ?? ''),
      column('PODS', 'right', ({ pods }) => integer(pods.length)),
      column('PLACED NOW', 'right', ({ placed }) => integer(placed.length)),
      column('CPU', 'right', ({ node }) => usedPart(node, 0)),
      column('MEMORY', 'right', ({ node }) => usedPart(node, 1)),
    ],
    ordered.slice(0, rowsMax),
    style.columns,
    colours.dim,
  );
  const rest = ordered.length - rowsMax;
  const more = rest > 0 ? `\nand ${formatCount(rest, 'existing node')} more` : '';
  return text + more;
}

function costBlock(plan: Plan, summary: PlanSummary, style: TableStyle, colours: Colours): string {
  const { perHour, lowerBound, gap, proof } = plan.cost;
  const table: [name: string, figure: string, words: string][] = [];
  const cost = colours.bold(formatUsd(perHour));
  table.push(['Cost per hour', cost, `${formatUsd(summary.perMonth)} per month of 730 hours`]);
  if (proof === 'unproven') {
    table.push(['Gap', colours.yellow('unproven'), 'the check of the bound did not succeed']);
  } else {
    const words = 'proven: no plan for these pods under these rules costs less';
    table.push(['Lower bound', formatUsd(lowerBound), words]);
    const kind = proof === 'optimal' || gap === 0 ? 'the plan is optimal' : 'at most, certified';
    table.push(['Gap', colours.green(formatPercent(gap ?? 0)), kind]);
  }
  const first = plan.cost.firstFitPerHour;
  const extra = summary.firstFitExtra;
  const comparison =
    first === null
      ? 'could not place all of these pods'
      : extra === null || Math.abs(extra) < 0.00005
        ? 'the same'
        : `${formatPercent(Math.abs(extra))} ${extra > 0 ? 'more' : 'less'} than this plan`;
  table.push(['First-fit', first === null ? '-' : formatUsd(first), comparison]);
  table.push(['Solved in', ...splitEffort(summary.effortWords)]);
  const nameWidth = Math.max(...table.map(([name]) => name.length)) + 2;
  const figureWidth = Math.max(...table.map(([, figure]) => visibleLength(figure))) + 2;
  return table
    .flatMap(([name, figure, words]) => {
      const blanks = ' '.repeat(figureWidth - visibleLength(figure));
      const lead = ' '.repeat(nameWidth + figureWidth);
      const [first = '', ...others] = hangingLines(lead, words, style.columns);
      return [name.padEnd(nameWidth) + figure + blanks + first.slice(lead.length), ...others];
    })
    .join('\n');
}

function splitEffort(words: string): [string, string] {
  const comma = words.indexOf(', ');
  return [words.slice(0, comma), words.slice(comma + 2)];
}

function unschedulableBlock(summary: PlanSummary, style: TableStyle, colours: Colours): string {
  if (summary.unschedulableCount === 0) return '';
  const lines = [
    colours.yellow(`${formatCount(summary.unschedulableCount, 'pod')} without a place`),
  ];
  for (const { reason, pods } of summary.reasons.slice(0, rowsMax)) {
    const examples = pods.slice(0, reasonExamplesMax).join(', ');
    const more = pods.length > reasonExamplesMax ? ', ...' : '';
    const count = integer(pods.length).padStart(7);
    lines.push(...hangingLines(`${count}  `, reason, style.columns));
    lines.push(...hangingLines(' '.repeat(9), examples + more, style.columns).map(colours.dim));
  }
  const rest = summary.reasons.slice(rowsMax);
  if (rest.length > 0) {
    const pods = sumOf(rest, (group) => group.pods.length);
    lines.push(`${integer(pods).padStart(7)}  for ${formatCount(rest.length, 'further reason')}`);
  }
  return lines.join('\n');
}

function notesBlock(plan: Plan, style: TableStyle, colours: Colours): string {
  return plan.notes
    .flatMap((note) => hangingLines('- ', note, style.columns).map(colours.dim))
    .join('\n');
}

/** `us-east-1a/b/c` for several zones of a region. */
function shortZones(zones: readonly string[]): string {
  const [first, ...others] = zones;
  if (first === undefined) return '';
  const region = first.slice(0, -1);
  return others.every((zone) => zone.length === first.length && zone.startsWith(region))
    ? [first, ...others.map((zone) => zone.slice(-1))].join('/')
    : zones.join(',');
}

function integer(value: number): string {
  return value.toLocaleString('en-US');
}

function dollars(usd: number): string {
  return usd.toLocaleString('en-US', { minimumFractionDigits: 4, maximumFractionDigits: 4 });
}

function sumOf<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((sum, item) => sum + value(item), 0);
}
