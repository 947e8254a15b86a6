/**
 * The anytime curve as a small drawing: cost and proven bound over time.
 *
 * In: the solver's curve. Out: SVG markup without styles of its own. It knows nothing of plans.
 */
import type { SolverStats } from '../../core/packing/solution.ts';

const width = 720;
const height = 190;
const left = 8;
const right = 712;
const top = 14;
const bottom = 164;

/** Key and drawing; a sentence instead, where there is nothing to draw. */
export function curveSvg(curve: SolverStats['curve']): string {
  const last = curve.at(-1);
  if (last === undefined || curve.length < 2) {
    return '<p class="quiet">Decided in one step; there was nothing to improve.</p>';
  }
  const bounds = curve.map(([, , bound]) => bound).filter((bound) => bound > 0);
  const costs = curve.map(([, cost]) => cost).filter((cost) => Number.isFinite(cost) && cost > 0);
  const high = Math.max(...costs);
  // A bound far below says little; the drawing keeps to the range where the decision fell.
  const low = Math.max(Math.min(...costs, ...bounds), Math.min(...costs) * 0.5);
  const endMs = Math.max(last[0], 1);
  const x = (ms: number): string => (left + ((right - left) * ms) / endMs).toFixed(1);
  const y = (nano: number): string => {
    const part = high === low ? 0.5 : (nano - low) / (high - low);
    return (bottom - (bottom - top) * Math.min(1, Math.max(0, part))).toFixed(1);
  };
  const steps = (value: (point: readonly [number, number, number]) => number): string => {
    let path = '';
    for (const point of curve) {
      const nano = value(point);
      if (!(Number.isFinite(nano) && nano > 0)) continue;
      path += path === '' ? `M${x(point[0])} ${y(nano)}` : `H${x(point[0])}V${y(nano)}`;
    }
    return path === '' ? '' : `${path}H${x(endMs)}`;
  };
  const seconds = endMs < 1000 ? `${Math.round(endMs)} ms` : `${(endMs / 1000).toFixed(1)} s`;
  const key = (kind: string, words: string): string =>
    `<span><svg viewBox="0 0 26 8" aria-hidden="true"><line class="line-${kind}" x1="0" y1="4" x2="26" y2="4"/></svg>${words}</span>`;
  return (
    `<div class="key">${key('plan', 'cost of the best plan')}${key('bound', 'proven lower bound')}</div>` +
    `<svg class="curve" viewBox="0 0 ${width} ${height}" role="img" aria-label="Cost falling and proven bound rising until they nearly meet">` +
    `<line class="axis" x1="${left}" y1="${bottom}" x2="${right}" y2="${bottom}"/>` +
    `<path class="line-plan" d="${steps(([, cost]) => cost)}"/><path class="line-bound" d="${steps(([, , bound]) => bound)}"/>` +
    `<text x="${left}" y="182">0</text><text x="${right}" y="182" text-anchor="end">${seconds}</text></svg>`
  );
}
