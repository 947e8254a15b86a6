/**
 * One line on a terminal that says how far a long search is, and leaves no trace.
 *
 * In: improvements as the solver tells them. Out: text on a terminal stream, only once a run takes
 * longer than `quietMs`. It knows nothing of why the search goes on.
 */
import type { WriteStream } from 'node:tty';
import type { SolveProgress } from '../../core/packing/solution.ts';
import { formatPercent, formatUsd } from '../output/plan-summary.ts';

/** Runs shorter than this show nothing: a line that flickers by only disturbs. */
const quietMs = 1000;

/** Between two redraws; the eye does not follow faster. */
const redrawMs = 200;

const clearLine = '\r\x1b[2K';

export interface ProgressLine {
  readonly onProgress: SolveProgress;
  /** Removes the line; must be called once the search is over. */
  stop(): void;
}

/** Starts the clock; without a terminal nothing is ever written. */
export function startProgressLine(stream: Pick<WriteStream, 'isTTY' | 'write'>): ProgressLine {
  const startedMs = Date.now();
  let state = 'looking for a first plan';
  let shown = false;
  const draw = (): void => {
    const elapsedMs = Date.now() - startedMs;
    if (elapsedMs < quietMs) return;
    shown = true;
    stream.write(`${clearLine}${(elapsedMs / 1000).toFixed(1)} s  ${state}`);
  };
  const timer = stream.isTTY ? setInterval(draw, redrawMs).unref() : undefined;
  return {
    onProgress: (_elapsedMs, costNano, lowerBoundNano) => {
      state = progressWords(costNano, lowerBoundNano);
    },
    stop: () => {
      clearInterval(timer);
      if (shown) stream.write(clearLine);
    },
  };
}

/** `$12.3456 per hour, at least $12.3000, gap 0.37 %`. */
export function progressWords(costNano: number, lowerBoundNano: number): string {
  const cost = `${formatUsd(costNano / 1e9)} per hour`;
  if (!(lowerBoundNano > 0) || !(costNano > 0)) return cost;
  const gap = formatPercent((costNano - lowerBoundNano) / costNano);
  return `${cost}, at least ${formatUsd(lowerBoundNano / 1e9)}, gap ${gap}`;
}
