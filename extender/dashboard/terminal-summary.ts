/**
 * The calm live summary on a terminal.
 *
 * In: the dashboard's state, how the terminal may be used. Out: lines: one every few seconds, or on a
 * terminal a block that is drawn over itself. What it says is decided without looking at the clock or
 * the terminal (`summaryLines`); the printer only writes.
 */
import { createColors } from 'picocolors';
import type { Clock, Timer } from '../../core/ports.ts';
import { formatCount, formatDuration, formatPercent, formatUsd } from '../output/plan-summary.ts';
import type { DashboardState, DecisionLine, Totals } from './state.ts';

export type SummaryState = Pick<
  DashboardState,
  'timeMs' | 'about' | 'totals' | 'decisions' | 'pending'
>;

export interface SummaryStyle {
  readonly colour: boolean;
  readonly columns: number;
}

const reasonsShown = 3;
const decisionsShown = 4;

/** A block of a few lines, each no longer than the terminal is wide. */
export function summaryLines(state: SummaryState, style: SummaryStyle): readonly string[] {
  const { totals, pending, decisions } = state;
  const { bold, dim, yellow } = createColors(style.colour);
  const asItIs = (text: string): string => text;
  const waiting = totals.podsPending === 0 ? [] : pending.slice(0, reasonsShown);
  const lines: readonly (readonly [text: string, paint: (text: string) => string])[] = [
    [`${timeWords(state)}  ${aboutWords(state)}`, bold],
    [`pods   ${podWords(totals)}`, asItIs],
    ...waiting.map(
      ({ pods, workload, reason }) => [`  ${pods} × ${workload}: ${reason}`, yellow] as const,
    ),
    [`nodes  ${nodeWords(totals)}`, asItIs],
    [`cost   ${formatUsd(totals.cost)}/h${costWords(totals)}`, bold],
    [`plan   ${planWords(totals)}`, asItIs],
    ...decisions.slice(-decisionsShown).map((one) => [`  ${decisionWords(one)}`, dim] as const),
  ];
  return lines.map(([text, paint]) => paint(clipped(text, style.columns)));
}

/** The same in one line, for logs and pipes. */
export function summaryLine(state: SummaryState): string {
  const { totals } = state;
  return [
    timeWords(state),
    `pods ${podWords(totals)}`,
    `nodes ${nodeWords(totals)}`,
    `${formatUsd(totals.cost)}/h${costWords(totals)}`,
  ].join('; ');
}

function timeWords({ timeMs }: SummaryState): string {
  return new Date(timeMs).toISOString().slice(0, 19).replace('T', ' ');
}

function aboutWords({ about }: SummaryState): string {
  const { cluster, isLeader, karpenterLeads, speed } = about;
  const parts = [cluster, isLeader ? 'leading' : 'standing by'];
  if (karpenterLeads) parts.push('beside Karpenter');
  if (speed !== null) {
    if (!cluster.includes('simulated')) parts.push('simulated');
    parts.push(`${speed} × real time`);
  }
  return parts.join(', ');
}

function podWords({
  podsPending,
  podsStarting,
  podsRunning,
  podsDone,
  podsFailed,
}: Totals): string {
  const words = [
    `${number(podsPending)} pending`,
    `${number(podsRunning)} running`,
    `${number(podsDone)} done`,
  ];
  if (podsStarting > 0) words.splice(1, 0, `${number(podsStarting)} starting`);
  if (podsFailed > 0) words.push(`${number(podsFailed)} failed`);
  return words.join(', ');
}

function nodeWords({ nodesReady, nodesComing, nodesLeaving, cpuUse, memoryUse }: Totals): string {
  const words = [`${number(nodesReady)} ready`];
  if (nodesComing > 0) words.push(`${number(nodesComing)} on their way`);
  if (nodesLeaving > 0) words.push(`${number(nodesLeaving)} leaving`);
  if (nodesReady > 0)
    words.push(`cpu ${formatPercent(cpuUse)}`, `memory ${formatPercent(memoryUse)}`);
  return words.join(', ');
}

function costWords({ bound, firstFit }: Totals): string {
  const words: string[] = [];
  if (bound !== null) words.push(`at least ${formatUsd(bound)} by proof`);
  if (firstFit !== null) words.push(`${formatUsd(firstFit)} with first-fit`);
  return words.map((word) => `, ${word}`).join('');
}

function planWords({ plan }: Totals): string {
  if (plan === null) return 'none yet';
  const gap = plan.gap === null ? 'gap unproven' : `gap ${formatPercent(plan.gap)}`;
  return `${formatCount(plan.pods, 'pod')} in ${formatDuration(plan.solveMs)}, ${gap}`;
}

function decisionWords({ timeMs, outcome, kind, subject, reason }: DecisionLine): string {
  return `${new Date(timeMs).toISOString().slice(11, 19)} ${outcome} ${kind.toLowerCase()}/${subject}: ${reason}`;
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}

/** Cuts what would wrap: the block must stay as high as it is. */
function clipped(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, columns - 1)}…`;
}

export interface SummaryPrinterOptions {
  readonly stream: { readonly isTTY?: boolean; write(text: string): unknown };
  /** Real time. */
  readonly clock: Clock;
  readonly state: () => SummaryState;
  /** Asked before every block: terminals change their width. */
  readonly style: () => SummaryStyle;
}

export interface SummaryPrinter {
  /** Leaves the last block where it is. */
  stop(): void;
}

const blockMs = 1_000;
const lineMs = 5_000;

/** Prints at once and from then on. A line that says the same as the one before is left out. */
export function startSummaryPrinter(options: SummaryPrinterOptions): SummaryPrinter {
  const { stream, clock, state, style } = options;
  const isBlock = stream.isTTY === true;
  let timer: Timer | undefined;
  let height = 0;
  let last = '';

  function printBlock(): void {
    const lines = summaryLines(state(), style());
    // Up to the first line of the block before, then each line anew, then what was below it.
    const up = height === 0 ? '' : `\u001b[${height}A\r`;
    stream.write(`${up}${lines.map((line) => `${line}\u001b[K\n`).join('')}\u001b[J`);
    height = lines.length;
  }

  function printLine(): void {
    const now = state();
    const line = summaryLine(now);
    const said = line.slice(timeWords(now).length);
    if (said !== last) stream.write(`${line}\n`);
    last = said;
  }

  function print(): void {
    if (isBlock) printBlock();
    else printLine();
    timer = clock.schedule(isBlock ? blockMs : lineMs, print);
  }
  print();
  return { stop: () => timer?.cancel() };
}
