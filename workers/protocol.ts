/**
 * What threads say to each other. One solve is one task on a first thread (bound and schedule) and,
 * with two threads, one task on a second (plan), joined by a message port.
 */
import type { MessagePort } from 'node:worker_threads';
import type { PackingProblem } from '../core/packing/problem.ts';
import type { Bin, PackingSolution, SolveOptions } from '../core/packing/solution.ts';
import type { DualPoint } from './lagrangian.ts';

import type { WarmColumn, WarmState } from './warm-state.ts';

/** Word 0 becomes 1 when the caller gives up. Shared between threads. */
export type AbortFlag = Int32Array<SharedArrayBuffer>;

export interface SolveTask {
  readonly kind: 'solve';
  readonly problem: PackingProblem;
  readonly options: SolveOptions;
  readonly abort: AbortFlag;
  /** What an earlier solve left; null to start cold. */
  readonly warm: WarmState | null;
  /** Progress goes here; null if nobody listens. */
  readonly progress: MessagePort | null;
  /** To the plan thread; null to do both in this thread. */
  readonly plan: MessagePort | null;
}

export interface PlanTask {
  readonly kind: 'plan';
  readonly port: MessagePort;
  readonly abort: AbortFlag;
}

/** What a solve task answers: the solution, and what the next solve may start from. */
export interface SolveAnswer {
  readonly solution: PackingSolution;
  readonly warm: WarmState | null;
}

/** Practice for a thread that has not solved yet. */
export interface WarmUpTask {
  readonly kind: 'warm-up';
  readonly master: SolveOptions['master'];
}

export type Task = SolveTask | PlanTask | WarmUpTask;

/** From the first thread to the plan thread. */
export type PlanRequest =
  | {
      readonly kind: 'start';
      readonly problem: PackingProblem;
      readonly firstPlan: readonly Bin[];
      readonly options: SolveOptions;
      readonly deadlineEpochMs: number;
      readonly warm: readonly WarmColumn[];
    }
  | { readonly kind: 'round'; readonly guide: DualPoint | null }
  | { readonly kind: 'finish' };

/** From the plan thread after a round. */
export interface PlanReport {
  readonly kind: 'report';
  /** USD per hour, money alone. */
  readonly cost: number;
  readonly idle: number;
  readonly columns: number;
}

export interface PlanResult {
  readonly kind: 'result';
  readonly bins: readonly Bin[];
  readonly warm: readonly WarmColumn[];
}

/** Something broke on the plan thread. */
export interface PlanFailure {
  readonly kind: 'failure';
  readonly message: string;
}

export type PlanReply = PlanReport | PlanResult | PlanFailure;
