/**
 * One batch from a snapshot to decisions: model, solve, verify, read.
 *
 * In: a planning snapshot, instance types, the solver. Out: decisions that have passed the check, and
 * what they cost beside what is proven. A batch that makes our own code fail is divided until the
 * pods that do it are alone: they are left out with the reason, the rest is planned. It launches
 * nothing.
 */
import { modelSteps } from '../../core/packing/model.ts';
import type { InstanceTypesOfPool, ModelOptions } from '../../core/packing/packing-model.ts';
import {
  type LeftPod,
  type PlanDecisions,
  planDecisions,
} from '../../core/packing/planned-claims.ts';
import type { PackingProblem } from '../../core/packing/problem.ts';
import type { PackingSolution, SolveOptions } from '../../core/packing/solution.ts';
import type { Clock, Solver } from '../../core/ports.ts';
import type { ClusterSnapshot, SnapshotPod } from '../../core/state/snapshot.ts';
import { inSlices } from './slices.ts';
import { firstFitCostNano, solveVerified } from './verified-solve.ts';

export interface BatchPlan extends PlanDecisions {
  readonly costNano: number;
  /** 0 where nothing is proven. */
  readonly lowerBoundNano: number;
  readonly isProven: boolean;
  /** What price-blind first-fit would have cost; undefined if it cannot place all, or not computed. */
  readonly firstFitNano: number | undefined;
  readonly notes: readonly string[];
  readonly modelMs: number;
  readonly solveMs: number;
  readonly classes: number;
  readonly offerings: number;
}

export interface BatchOptions {
  readonly clock: Clock;
  readonly solver: Solver;
  readonly typesOf: InstanceTypesOfPool;
  readonly model: ModelOptions;
  readonly solve: SolveOptions;
  readonly signal: AbortSignal;
  /** Told of bugs. */
  readonly complain: (line: string) => void;
}

/** Batches up to this size are compared with first-fit. */
const comparedPodsMax = 500;
/** A batch is divided in two so often; 2^12 parts tell one pod among thousands. */
const divisionsMax = 12;

/** Rejects only with the signal's reason. */
export async function planBatch(
  snapshot: ClusterSnapshot,
  pending: readonly SnapshotPod[],
  options: BatchOptions,
  divisions = 0,
): Promise<BatchPlan> {
  try {
    return await planWhole(snapshot, options);
  } catch (error) {
    options.signal.throwIfAborted();
    const why = error instanceof Error ? error.message : String(error);
    options.complain(`a batch of ${pending.length} pods cannot be planned: ${why}`);
    if (pending.length <= 1 || divisions >= divisionsMax) {
      return leftOut(pending.map((pod) => ({ pod, reason: `planning failed: ${why}` })));
    }
    const half = Math.ceil(pending.length / 2);
    const [one, other] = [pending.slice(0, half), pending.slice(half)];
    const first = await planBatch(without(snapshot, other), one, options, divisions + 1);
    const rest = settled(without(snapshot, one), first);
    return joined([first, await planBatch(rest, other, options, divisions + 1)]);
  }
}

async function planWhole(snapshot: ClusterSnapshot, options: BatchOptions): Promise<BatchPlan> {
  const { clock, solver, typesOf, signal } = options;
  const startedMs = clock.monotonicMs();
  const model = await inSlices(modelSteps(snapshot, typesOf, options.model), clock, signal);
  const modelledMs = clock.monotonicMs();
  const { solution, notes } = await solveVerified(
    model.problem,
    () => solver.solve(model.problem, options.solve, signal),
    options.complain,
  );
  signal.throwIfAborted();
  return {
    ...planDecisions(snapshot, model, solution),
    costNano: solution.costNano,
    lowerBoundNano: solution.proof === 'unproven' ? 0 : solution.lowerBoundNano,
    isProven: solution.proof !== 'unproven',
    firstFitNano: comparedCost(model.problem, solution),
    notes: [...model.notes, ...notes],
    modelMs: modelledMs - startedMs,
    solveMs: clock.monotonicMs() - modelledMs,
    classes: model.problem.classCount,
    offerings: model.problem.offeringCount,
  };
}

/** First-fit takes its time pod by pod: for large batches nobody is kept waiting for it. */
function comparedCost(problem: PackingProblem, solution: PackingSolution): number | undefined {
  const pods = problem.demand.reduce((sum, count) => sum + count, 0);
  return pods > comparedPodsMax ? undefined : (firstFitCostNano(problem, solution) ?? undefined);
}

function without(snapshot: ClusterSnapshot, left: readonly SnapshotPod[]): ClusterSnapshot {
  const uids = new Set(left.map(({ uid }) => uid));
  return { ...snapshot, pods: snapshot.pods.filter(({ uid }) => !uids.has(uid)) };
}

/** With the pods that a plan puts on nodes standing there: their room is taken. */
function settled(snapshot: ClusterSnapshot, { placements }: BatchPlan): ClusterSnapshot {
  const placed = [...placements].flatMap(([nodeName, pods]) =>
    pods.map((pod) => ({ ...pod, nodeName })),
  );
  return { ...snapshot, pods: [...snapshot.pods, ...placed] };
}

function leftOut(unschedulable: readonly LeftPod[]): BatchPlan {
  return {
    claims: [],
    placements: new Map(),
    unschedulable,
    costNano: 0,
    lowerBoundNano: 0,
    isProven: false,
    firstFitNano: undefined,
    notes: [],
    modelMs: 0,
    solveMs: 0,
    classes: 0,
    offerings: 0,
  };
}

/** Parts were planned one beside the other, so that their bounds add up to no bound of the whole. */
function joined(parts: readonly BatchPlan[]): BatchPlan {
  const sum = (of: (part: BatchPlan) => number): number =>
    parts.reduce((total, part) => total + of(part), 0);
  const placements = new Map<string, SnapshotPod[]>();
  for (const part of parts) {
    for (const [node, pods] of part.placements) {
      placements.set(node, [...(placements.get(node) ?? []), ...pods]);
    }
  }
  return {
    claims: parts.flatMap(({ claims }) => claims),
    placements,
    unschedulable: parts.flatMap(({ unschedulable }) => unschedulable),
    costNano: sum(({ costNano }) => costNano),
    lowerBoundNano: 0,
    isProven: false,
    firstFitNano: undefined,
    notes: [...new Set(parts.flatMap(({ notes }) => notes))],
    modelMs: sum(({ modelMs }) => modelMs),
    solveMs: sum(({ solveMs }) => solveMs),
    classes: sum(({ classes }) => classes),
    offerings: Math.max(...parts.map(({ offerings }) => offerings)),
  };
}
