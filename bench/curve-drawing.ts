/**
 * Anytime curves as small SVG drawings: proven gap over time, both on logarithmic axes.
 *
 * In: the curves of a case's seeds. Out: the text of an SVG file. Every seed is a thin line; the
 * thick one is the median gap at each moment. It reads no files and knows no cases.
 */
import type { CurvePoint } from './result.ts';

export interface CurveSeries {
  readonly label: string;
  /** Colour of the lines. */
  readonly colour: string;
  /** One curve for each seed. */
  readonly curves: readonly (readonly CurvePoint[])[];
}

const width = 640;
const height = 280;
const left = 58;
const right = 16;
const top = 34;
const bottom = 40;
/** Gaps outside are drawn at the edge. */
const leastGap = 0.0005;
const mostGap = 1;
const samples = 120;

/** Drawing of `series` from `fromMs` to `toMs`. */
export function drawCurves(
  title: string,
  series: readonly CurveSeries[],
  fromMs: number,
  toMs: number,
): string {
  const x = (ms: number): number =>
    left +
    ((width - left - right) * Math.log(clamp(ms, fromMs, toMs) / fromMs)) / Math.log(toMs / fromMs);
  const y = (gap: number): number =>
    top +
    ((height - top - bottom) * Math.log(mostGap / clamp(gap, leastGap, mostGap))) /
      Math.log(mostGap / leastGap);
  const times = Array.from(
    { length: samples },
    (_, i) => fromMs * (toMs / fromMs) ** (i / (samples - 1)),
  );
  const path = (gaps: readonly (readonly [number, number | null])[], style: string): string => {
    const points = gaps.flatMap(([ms, gap]) =>
      gap === null ? [] : [`${x(ms).toFixed(1)},${y(gap).toFixed(1)}`],
    );
    return points.length < 2 ? '' : `<polyline points="${points.join(' ')}" fill="none" ${style}/>`;
  };
  const lines = series.flatMap(({ colour, curves }) => [
    ...curves.map((curve) =>
      path(
        times.map((ms) => [ms, gapAt(curve, ms)]),
        `stroke="${colour}" stroke-width="1" opacity="0.25"`,
      ),
    ),
    path(
      times.map((ms) => [ms, medianGap(curves, ms)]),
      `stroke="${colour}" stroke-width="2.5"`,
    ),
  ]);
  const legend = series.map(
    ({ label, colour }, i) =>
      `<text x="${width - right - 6}" y="${top + 16 + 16 * i}" text-anchor="end" fill="${colour}">${escape(label)}</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="12" role="img">`,
    `<title>${escape(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="${left}" y="18" fill="#1f2328" font-size="13" font-weight="600">${escape(title)}</text>`,
    ...gridLines(x, y, fromMs, toMs),
    ...lines.filter((line) => line !== ''),
    ...legend,
    '</svg>',
    '',
  ].join('\n');
}

function gridLines(
  x: (ms: number) => number,
  y: (gap: number) => number,
  fromMs: number,
  toMs: number,
): string[] {
  const gaps = [1, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001];
  const times = [1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000].filter(
    (ms) => ms >= fromMs && ms <= toMs,
  );
  const rule = 'stroke="#d8dee4" stroke-width="1"';
  const ink = 'fill="#57606a"';
  return [
    ...gaps.flatMap((gap) => [
      `<line x1="${left}" y1="${y(gap).toFixed(1)}" x2="${width - right}" y2="${y(gap).toFixed(1)}" ${rule}/>`,
      `<text x="${left - 6}" y="${(y(gap) + 4).toFixed(1)}" text-anchor="end" ${ink}>${Number((100 * gap).toFixed(1))} %</text>`,
    ]),
    ...times.flatMap((ms) => [
      `<line x1="${x(ms).toFixed(1)}" y1="${top}" x2="${x(ms).toFixed(1)}" y2="${height - bottom}" ${rule}/>`,
      `<text x="${x(ms).toFixed(1)}" y="${height - bottom + 16}" text-anchor="middle" ${ink}>${ms < 1000 ? `${ms} ms` : `${ms / 1000} s`}</text>`,
    ]),
    `<text x="${(left + width - right) / 2}" y="${height - 8}" text-anchor="middle" ${ink}>time since the solve began</text>`,
  ];
}

/** The proven gap at `ms`; null before the first plan. */
function gapAt(curve: readonly CurvePoint[], ms: number): number | null {
  let gap: number | null = null;
  for (const [at, cost, bound] of curve) {
    if (at > ms) break;
    if (cost !== null) gap = cost === 0 ? 0 : (cost - bound) / cost;
  }
  return gap;
}

/** The middle gap of the curves; null while more than half have no plan. */
function medianGap(curves: readonly (readonly CurvePoint[])[], ms: number): number | null {
  const gaps = curves.map((curve) => gapAt(curve, ms) ?? Infinity).sort((a, b) => a - b);
  const middle = gaps[(gaps.length - 1) >> 1] ?? Infinity;
  return Number.isFinite(middle) ? middle : null;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
