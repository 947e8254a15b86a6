/**
 * The rows of the master: which constraint stands where, all in the form  row >= lower.
 *
 *   cover(class)    sum of copies - split >= demand (0 for classes of a split family)
 *   family(f)       sum of split columns >= demand          (families of several classes)
 *   domain lo / hi  +- sum of split columns >= +- box        (rules over zones, capacity types)
 *   limit(l)        - weight >= -1                           (scaled by the limit)
 *   count(k)        - bins >= - available                    (existing nodes, reservations)
 *
 * In: ReducedProblem. Out: lower bounds, indices, and the rows of a column. Pure.
 */
import { type DomainRange, domainBox } from '../core/packing/domain-box.ts';
import type { DomainGroup, PackingProblem } from '../core/packing/problem.ts';
import { type Column, type ColumnKind } from './columns.ts';
import { anyNumber, type ReducedProblem } from './reduce.ts';

export interface DomainRow {
  readonly group: number;
  readonly domain: number;
  readonly classes: Int32Array;
  /** Fewest and most pods that a legal plan puts here, families without a choice included. */
  readonly min: number;
  readonly max: number;
  /** Master rows of the two sides, -1 where the side says nothing. */
  readonly lowRow: number;
  readonly highRow: number;
  /** May be used in the published bound. */
  readonly boundSafe: boolean;
}

export interface MasterRows {
  readonly lower: readonly number[];
  /** [class] 1 if its family has several classes. */
  readonly isSplit: Uint8Array;
  /** [family] row, -1 for families of one class. */
  readonly familyRow: Int32Array;
  readonly domainRows: readonly DomainRow[];
  /** [limit] row, and the factor that scales its weights. */
  readonly limitRow: Int32Array;
  readonly limitScale: Float64Array;
  /** [offering] row, -1 where any number may be opened. */
  readonly countRow: Int32Array;
  /** [class] master rows of domain sides it stands in with sign, flat pairs. */
  readonly domainRowsOf: readonly (readonly (readonly [number, number])[])[];
}

/**
 * Pods of the demand that stand in the group wherever they go; null if a family may also stand
 * outside, so that nobody knows.
 */
function groupTotal(p: PackingProblem, group: DomainGroup): number | null {
  const inside = new Uint8Array(p.classCount);
  for (const { classes } of group.domains) for (const c of classes) inside[c] = 1;
  const member = new Uint8Array(p.familyCount);
  const outside = new Uint8Array(p.familyCount);
  p.familyOf.forEach((f, c) => {
    if (inside[c] === 1) member[f] = 1;
    else outside[f] = 1;
  });
  let total = 0;
  for (let f = 0; f < p.familyCount; f++) {
    if (member[f] === 0 || p.demand[f] === 0) continue;
    if (outside[f] === 1) return null;
    total += p.demand[f] as number;
  }
  return total;
}

/** Newly placed pods per domain; of a group with an unknown total only the rule's own maximum. */
function rangesOf(group: DomainGroup, total: number | null): readonly DomainRange[] {
  if (total !== null) return domainBox(group, total);
  return group.domains.map(({ max, existing }) => ({
    min: 0,
    max: max < anyNumber ? Math.max(0, max - existing) : anyNumber,
  }));
}

/** What rows are for: a bound, or plans to round. */
export type RowUse = 'bound' | 'plan';

/** Adds the rows of every group that says something about families of several classes. */
function addDomainRows(
  p: PackingProblem,
  use: RowUse,
  isSplit: Uint8Array,
  lower: number[],
  domainRowsOf: readonly [number, number][][],
): DomainRow[] {
  const domainRows: DomainRow[] = [];
  p.domainGroups.forEach((group, g) => {
    const total = groupTotal(p, group);
    const boundSafe = group.boundSafe && total !== null;
    if (use === 'bound' && !boundSafe) return;
    const ranges = rangesOf(group, total);
    group.domains.forEach(({ classes }, d) => {
      const { min, max } = ranges[d] as DomainRange;
      const split = classes.filter((c) => isSplit[c] === 1);
      if (split.length === 0) return;
      // Pods that have no choice stand here anyway: the others share what is left.
      let fixed = 0;
      for (const c of classes) {
        if (isSplit[c] === 0) fixed += p.demand[p.familyOf[c] as number] as number;
      }
      const lowRow = min > fixed ? lower.push(min - fixed) - 1 : -1;
      const highRow = max < anyNumber ? lower.push(fixed - max) - 1 : -1;
      domainRows.push({ group: g, domain: d, classes, min, max, lowRow, highRow, boundSafe });
      for (const c of split) {
        if (lowRow >= 0) domainRowsOf[c]?.push([lowRow, 1]);
        if (highRow >= 0) domainRowsOf[c]?.push([highRow, -1]);
      }
    });
  });
  return domainRows;
}

/**
 * The rows of a problem. For the bound those that not every legal plan obeys are left out: their
 * duals may not be published, and duals of the others found beside them are weak.
 */
export function buildRows(p: ReducedProblem, use: RowUse): MasterRows {
  const source = p.source;
  const classesOf = new Int32Array(source.familyCount);
  for (const f of source.familyOf) classesOf[f] = (classesOf[f] as number) + 1;
  const isSplit = Uint8Array.from(source.familyOf, (f) => ((classesOf[f] as number) > 1 ? 1 : 0));
  const lower: number[] = [];
  for (let i = 0; i < p.n; i++) {
    lower.push(isSplit[i] === 1 ? 0 : (source.demand[source.familyOf[i] as number] as number));
  }
  const familyRow = new Int32Array(source.familyCount).fill(-1);
  for (let f = 0; f < source.familyCount; f++) {
    if ((classesOf[f] as number) > 1) familyRow[f] = lower.push(source.demand[f] as number) - 1;
  }
  const domainRowsOf: [number, number][][] = Array.from({ length: p.n }, () => []);
  const domainRows = addDomainRows(source, use, isSplit, lower, domainRowsOf);
  const limitRow = new Int32Array(p.limitMax.length);
  const limitScale = new Float64Array(p.limitMax.length);
  p.limitMax.forEach((max, l) => {
    const scale = 1 / Math.max(1, max);
    limitScale[l] = scale;
    limitRow[l] = lower.push(-max * scale) - 1;
  });
  const countRow = new Int32Array(p.O).fill(-1);
  for (let k = 0; k < p.O; k++) {
    if (p.count[k] !== anyNumber) countRow[k] = lower.push(-(p.count[k] as number)) - 1;
  }
  return { lower, isSplit, familyRow, domainRows, limitRow, limitScale, countRow, domainRowsOf };
}

/** The column of a bin; `prices` is what it costs by kept offering. */
export function binColumn(
  p: ReducedProblem,
  rows: MasterRows,
  kind: ColumnKind,
  offering: number,
  classes: Int32Array,
  counts: Float64Array | Int32Array,
  prices: Float64Array,
): Column {
  const index: number[] = Array.from(classes);
  const value: number[] = Array.from(counts);
  p.limitWeight.forEach((weights, l) => {
    const w = weights[offering] as number;
    if (w > 0) {
      index.push(rows.limitRow[l] as number);
      value.push(-w * (rows.limitScale[l] as number));
    }
  });
  if ((rows.countRow[offering] as number) >= 0) {
    index.push(rows.countRow[offering] as number);
    value.push(-1);
  }
  return {
    kind,
    offering,
    classes,
    counts,
    cost: prices[offering] as number,
    rows: Int32Array.from(index),
    values: Float64Array.from(value),
  };
}

/** One column per class of a split family: demand of the family goes to the class. */
export function splitColumns(p: ReducedProblem, rows: MasterRows): Column[] {
  const columns: Column[] = [];
  for (let c = 0; c < p.n; c++) {
    if (rows.isSplit[c] === 0) continue;
    const index = [c, rows.familyRow[p.source.familyOf[c] as number] as number];
    const value = [-1, 1];
    for (const [row, sign] of rows.domainRowsOf[c] as readonly (readonly [number, number])[]) {
      index.push(row);
      value.push(sign);
    }
    columns.push({
      kind: 'split',
      offering: -1,
      cost: 0,
      classes: Int32Array.of(c),
      counts: Float64Array.of(1),
      rows: Int32Array.from(index),
      values: Float64Array.from(value),
    });
  }
  return columns;
}
