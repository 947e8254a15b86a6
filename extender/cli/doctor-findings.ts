/**
 * What `stowage doctor` has found, and how it is written.
 *
 * In: findings. Out: text for people, JSON for programs. It checks nothing.
 */
import { createColors } from 'picocolors';
import type { TableStyle } from '../output/plan-table.ts';
import { alignColumns, hangingLines } from '../output/text-columns.ts';

export type FindingLevel = 'ok' | 'warn' | 'fail';

export interface Finding {
  /** Such as `credentials`, `rights`, `queue`. */
  readonly area: string;
  /** What was looked at. */
  readonly subject: string;
  readonly level: FindingLevel;
  readonly detail: string;
  /** What to do; '' where nothing needs doing. */
  readonly fix: string;
}

export function ok(area: string, subject: string, detail: string): Finding {
  return { area, subject, level: 'ok', detail, fix: '' };
}

export function warn(area: string, subject: string, detail: string, fix: string): Finding {
  return { area, subject, level: 'warn', detail, fix };
}

export function fail(area: string, subject: string, detail: string, fix: string): Finding {
  return { area, subject, level: 'fail', detail, fix };
}

/** True unless something is broken; warnings are the user's to judge. */
export function isHealthy(findings: readonly Finding[]): boolean {
  return findings.every(({ level }) => level !== 'fail');
}

const detailCharsMax = 160;

/** A table, then what to fix. */
export function findingsText(
  findings: readonly Finding[],
  { colour, columns }: TableStyle,
): string {
  const paint = createColors(colour);
  const mark = { ok: paint.green, warn: paint.yellow, fail: paint.red };
  const table = alignColumns<Finding>(
    [
      { title: '', align: 'left', cell: ({ level }) => mark[level](level) },
      { title: 'AREA', align: 'left', cell: ({ area }) => area },
      { title: 'WHAT', align: 'left', cell: ({ subject }) => subject },
      { title: 'FOUND', align: 'left', cell: ({ detail }) => shortened(detail) },
    ],
    findings,
    columns,
    paint.dim,
  );
  const toFix = findings.filter(({ fix }) => fix !== '');
  const fixes = toFix.flatMap(({ level, area, subject, fix }) =>
    hangingLines(`  ${level}  `, `${area}, ${subject}: ${fix}`, columns),
  );
  const failed = findings.filter(({ level }) => level === 'fail').length;
  const warned = findings.filter(({ level }) => level === 'warn').length;
  const summary = `${findings.length} looked at, ${warned} to think about, ${failed} to fix.`;
  return [
    table,
    '',
    ...(fixes.length === 0 ? [] : ['What to do:', ...fixes, '']),
    summary,
    '',
  ].join('\n');
}

export function findingsJson(findings: readonly Finding[]): string {
  return `${JSON.stringify({ healthy: isHealthy(findings), findings }, undefined, 2)}\n`;
}

function shortened(text: string): string {
  return text.length > detailCharsMax ? `${text.slice(0, detailCharsMax - 3)}...` : text;
}
