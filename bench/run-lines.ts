/**
 * Runs as lines for a terminal.
 *
 * In: records of runs. Out: text. Every figure stands beside the size and hash of its input.
 */
import {
  gapTargets,
  median,
  type ResultFile,
  type RunRecord,
  type SolveRecord,
  worst,
} from './result.ts';

/** One run, one line (two with a warm solve). */
export function formatRun(run: RunRecord): string {
  const { input, cold, warm, firstFit, karpenter } = run;
  const parts = [
    `seed ${run.request.seed}`,
    `[${input.pods} pods, ${input.families} families, ${input.classes} classes, ${input.offerings} offerings, ${input.hash}]`,
    formatSolve(cold),
    `first-fit ${firstFit.cost === null ? 'incomplete' : usd(firstFit.cost)}`,
    ...(karpenter === null
      ? []
      : [
          `Karpenter ${usd(karpenter.cost)}, ${karpenter.nodes} nodes, ${ms(karpenter.solveMs)}` +
            (karpenter.unscheduled > 0 ? `, ${karpenter.unscheduled} PODS LEFT OVER` : '') +
            (karpenter.timedOut ? ', TIMED OUT' : ''),
        ]),
    `${Math.round(run.peakMemoryMiB)} MiB`,
  ];
  const broken = [cold, warm, firstFit, run.priceAwareFirstFit, karpenter]
    .flatMap((record) => record?.violations ?? [])
    .slice(0, 3);
  if (input.rejected > 0) parts.push(`${input.rejected} pods fit nowhere`);
  if (broken.length > 0) parts.push(`VIOLATIONS: ${broken.join('; ')}`);
  const line = parts.join(' · ');
  return warm === null ? line : `${line}\n    warm: ${formatSolve(warm)}`;
}

function formatSolve(solve: SolveRecord): string {
  const reached = gapTargets.map(
    (target, i) => `${percent(target)} ${ms(solve.gapReachedMs[i] ?? null)}`,
  );
  const left = solve.unserved > 0 ? `, ${solve.unserved} PODS LEFT OVER` : '';
  return (
    `${usd(solve.cost)} in ${solve.nodes} nodes${left}, gap ${gap(solve.gap)} (${solve.proof}), ` +
    `first plan ${ms(solve.firstPlanMs)}, ${reached.join(', ')}, all ${ms(solve.wallMs)}, plan ${solve.solutionHash}`
  );
}

/** Medians and worst cases over the seeds of a case. */
export function formatSummary(file: ResultFile): string {
  const { runs, failed } = file;
  if (runs.length === 0) return `${file.case}: no run ended well (${failed.length} failed)`;
  const solves = runs.map((run) => run.cold);
  const lines = [
    `${file.case}: ${runs.length} seeds${failed.length > 0 ? `, ${failed.length} FAILED` : ''}`,
    `  gap: median ${gap(median(solves.map((solve) => solve.gap)))}, worst ${gap(worst(solves.map((solve) => solve.gap)))}`,
    `  first plan: median ${ms(median(solves.map((solve) => solve.firstPlanMs)))}, worst ${ms(worst(solves.map((solve) => solve.firstPlanMs)))}`,
    ...gapTargets.map((target, i) => {
      const times = solves.map((solve) => solve.gapReachedMs[i] ?? null);
      return `  to ${percent(target)}: median ${ms(median(times))}, worst ${ms(worst(times))}`;
    }),
    `  peak memory: worst ${Math.round(worst(runs.map((run) => run.peakMemoryMiB)))} MiB`,
  ];
  const compared = runs.filter((run) => run.karpenter !== null);
  if (compared.length > 0) {
    const ratios = compared.map((run) => run.cold.cost / run.karpenter!.cost);
    lines.push(
      `  cost against Karpenter: median ${percent(median(ratios) - 1)}, worst ${percent(worst(ratios) - 1)}; ` +
        `Karpenter's Solve: median ${ms(median(compared.map((run) => run.karpenter!.solveMs)))}`,
    );
  }
  return lines.join('\n');
}

const usd = (value: number): string => `$${value.toFixed(2)}`;

const percent = (ratio: number): string => `${Number((100 * ratio).toFixed(2))} %`;

const gap = (value: number | null): string =>
  value === null || !Number.isFinite(value) ? 'unproven' : `${(100 * value).toFixed(2)} %`;

function ms(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return 'never';
  return value >= 10_000 ? `${(value / 1000).toFixed(1)} s` : `${Math.round(value)} ms`;
}
