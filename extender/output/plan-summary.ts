/**
 * What a person wants to know of a plan first, in numbers and in words.
 *
 * In: a Plan. Out: counts, sums, groups and sentences that the table and the page both show. It
 * knows neither markup nor columns.
 */
import type { Plan, UnschedulablePod } from '../../core/packing/plan.ts';

/** Hours that a month has on average; what AWS's own calculator bills a month with. */
export const hoursPerMonth = 730;

/** Pods named as examples of a reason. */
export const reasonExamplesMax = 3;

export interface ReasonGroup {
  readonly reason: string;
  readonly pods: readonly string[];
}

export interface PlanSummary {
  readonly nodeCount: number;
  /** Pods on new nodes. */
  readonly podsOnNewNodes: number;
  /** Pods that this plan puts on existing nodes. */
  readonly podsOnExistingNodes: number;
  readonly existingNodesUsed: number;
  readonly unschedulableCount: number;
  /** Most pods first. */
  readonly reasons: readonly ReasonGroup[];
  readonly perMonth: number;
  /** How much more first-fit would cost, as a part of this plan's cost; null if unknown. */
  readonly firstFitExtra: number | null;
  readonly headline: string;
  readonly proofWords: string;
  readonly firstFitWords: string;
  readonly effortWords: string;
}

/** Linear in the nodes and unschedulable pods of the plan. */
export function summarizePlan(plan: Plan): PlanSummary {
  let podsOnNewNodes = 0;
  for (const { pods } of plan.nodes) podsOnNewNodes += pods.length;
  const used = plan.existing.filter(({ placed }) => placed.length > 0);
  const podsOnExistingNodes = used.reduce((sum, { placed }) => sum + placed.length, 0);
  const { perHour, firstFitPerHour } = plan.cost;
  const firstFitExtra =
    firstFitPerHour === null || perHour === 0 ? null : firstFitPerHour / perHour - 1;
  const counts = {
    nodeCount: plan.nodes.length,
    podsOnNewNodes,
    podsOnExistingNodes,
    existingNodesUsed: used.length,
    unschedulableCount: plan.unschedulable.length,
  };
  return {
    ...counts,
    reasons: groupByReason(plan.unschedulable),
    perMonth: perHour * hoursPerMonth,
    firstFitExtra,
    headline: headline(counts),
    proofWords: proofWords(plan),
    firstFitWords: firstFitWords(plan, firstFitExtra),
    effortWords: effortWords(plan),
  };
}

/** `$12.3456`, `$1,234.56`: four decimals below ten dollars, for prices are given in such. */
export function formatUsd(usd: number): string {
  const digits = usd < 10 ? 4 : 2;
  return `$${usd.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}

/** `0.08 %`, `97 %`: as many decimals as still say something. */
export function formatPercent(ratio: number): string {
  const percent = ratio * 100;
  const digits = percent === 0 || Math.abs(percent) >= 9.95 ? 0 : Math.abs(percent) >= 1 ? 1 : 2;
  return `${percent.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })} %`;
}

/** `1,204 pods`, `1 pod`. */
export function formatCount(count: number, word: string): string {
  return `${count.toLocaleString('en-US')} ${word}${count === 1 ? '' : 's'}`;
}

/** `0.84 s`, `12 ms`. */
export function formatDuration(ms: number): string {
  return ms < 100 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

function groupByReason(unschedulable: readonly UnschedulablePod[]): ReasonGroup[] {
  const groups = new Map<string, string[]>();
  for (const { pod, reason } of unschedulable) {
    const pods = groups.get(reason);
    if (pods === undefined) groups.set(reason, [pod]);
    else pods.push(pod);
  }
  return [...groups]
    .map(([reason, pods]) => ({ reason, pods }))
    .sort((a, b) => b.pods.length - a.pods.length || (a.reason < b.reason ? -1 : 1));
}

function headline(
  counts: Pick<
    PlanSummary,
    | 'nodeCount'
    | 'podsOnNewNodes'
    | 'podsOnExistingNodes'
    | 'existingNodesUsed'
    | 'unschedulableCount'
  >,
): string {
  const parts: string[] = [];
  if (counts.podsOnNewNodes > 0) {
    const nodes = formatCount(counts.nodeCount, 'new node');
    parts.push(`${formatCount(counts.podsOnNewNodes, 'pod')} on ${nodes}`);
  }
  if (counts.podsOnExistingNodes > 0) {
    const nodes = formatCount(counts.existingNodesUsed, 'existing node');
    parts.push(`${formatCount(counts.podsOnExistingNodes, 'pod')} on ${nodes}`);
  }
  if (counts.unschedulableCount > 0) {
    parts.push(`${formatCount(counts.unschedulableCount, 'pod')} without a place`);
  }
  return parts.length === 0 ? 'no pod needs a place' : parts.join(', ');
}

function proofWords(plan: Plan): string {
  const { proof, gap, lowerBound, perHour } = plan.cost;
  if (proof === 'unproven') {
    return 'unproven: the check of the lower bound did not succeed, so no gap is claimed';
  }
  if (perHour === 0) return 'optimal: nothing has to be bought';
  if (proof === 'optimal' || gap === 0) return 'optimal: no plan for these pods costs less';
  if (gap === null || lowerBound === 0) return 'certified: no lower bound above zero was found yet';
  return `certified: no plan for these pods costs less than ${formatUsd(lowerBound)} per hour`;
}

function firstFitWords(plan: Plan, extra: number | null): string {
  const { firstFitPerHour } = plan.cost;
  if (firstFitPerHour === null) return 'first-fit could not place all of these pods';
  if (extra === null) return 'first-fit would have bought nothing either';
  if (Math.abs(extra) < 0.00005) return 'first-fit would have cost the same';
  const relation = extra > 0 ? 'more' : 'less';
  return `first-fit would have cost ${formatUsd(firstFitPerHour)}, ${formatPercent(Math.abs(extra))} ${relation}`;
}

function effortWords({ solver }: Plan): string {
  const offerings = solver.offerings.toLocaleString('en-US');
  const why = {
    gap: 'stopped at the wanted gap',
    exhausted: 'the search ran dry',
    deadline: 'stopped at the time limit',
    aborted: 'interrupted',
  }[solver.stoppedBy];
  return `${formatDuration(solver.wallMs)}, ${formatCount(solver.classes, 'kind')} of pods, ${offerings} offerings; ${why}`;
}
