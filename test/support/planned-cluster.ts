/**
 * A plan for a cluster, made with first-fit and a plain certificate instead of a solver.
 *
 * In: a snapshot and its instance types. Out: the plan as it would be read from a file, and the model
 * behind it. For tests of what reads plans.
 */
import { checkCertificate } from '../../core/packing/certificate.ts';
import { firstFit } from '../../core/packing/first-fit.ts';
import { karpenterStyleFirstFit } from '../../core/packing/karpenter-first-fit.ts';
import { buildModel } from '../../core/packing/model.ts';
import type {
  ModelOffering,
  ModelOptions,
  PackingModel,
} from '../../core/packing/packing-model.ts';
import type { Plan, PlannedNode } from '../../core/packing/plan.ts';
import { makePlan } from '../../core/packing/plan-nodes.ts';
import type { Bin } from '../../core/packing/solution.ts';
import { verifyUnprovenPlan } from '../../core/packing/verify-solution.ts';
import { formatAmount } from '../../core/scheduling/quantity.ts';
import { effectiveRequests } from '../../core/scheduling/requests.ts';
import type { InstanceType } from '../../core/state/instance-type.ts';
import { type ClusterSnapshot, podKey, type SnapshotPod } from '../../core/state/snapshot.ts';
import { plainCertificate } from './random-certificate.ts';

const stats = {
  classes: 0,
  offerings: 0,
  offeringsKept: 0,
  columns: 0,
  iterations: 0,
  wallMs: 0,
  phases: {},
  seed: 0,
  stoppedBy: 'exhausted',
  curve: [],
} as const;

export interface PlannedCluster {
  readonly snapshot: ClusterSnapshot;
  readonly types: readonly InstanceType[];
  readonly model: PackingModel;
  readonly plan: Plan;
}

/** Plans all pods of the snapshot; the plan is a copy without shared or typed parts. */
export function planCluster(
  snapshot: ClusterSnapshot,
  types: readonly InstanceType[],
  options: ModelOptions = {},
): PlannedCluster {
  const model = buildModel(snapshot, () => types, options);
  const { problem } = model;
  const packed = firstFit(problem);
  const served = problem.demand.map((pods, family) => pods - packed.unserved[family]!);
  const certificate = plainCertificate(problem, served);
  const verdict = checkCertificate(problem, certificate);
  if (!verdict.ok) throw new Error(verdict.reasons[0]!.message);
  const { lowerBoundNano } = verdict;
  const rival = karpenterStyleFirstFit(problem);
  const placesAll = rival.unserved.every((pods, family) => pods <= packed.unserved[family]!);
  const solution = { ...packed, lowerBoundNano, proof: 'certified', certificate, stats } as const;
  const facts = { firstFitNano: placesAll ? rival.costNano : null, notes: [] };
  const plan = makePlan(snapshot, model, solution, facts);
  return { snapshot, types, model, plan: JSON.parse(JSON.stringify(plan)) as Plan };
}

/** `requests` of a planned node that holds these pods, as quantities. */
export function requestsOf(pods: readonly SnapshotPod[]): Record<string, string> {
  const sum: Record<string, number> = { pods: pods.length };
  for (const { spec } of pods) {
    for (const [resource, amount] of Object.entries(effectiveRequests(spec))) {
      sum[resource] = (sum[resource] ?? 0) + amount;
    }
  }
  return Object.fromEntries(
    Object.entries(sum).map(([resource, amount]) => [resource, formatAmount(resource, amount)]),
  );
}

/**
 * Whether the placement of a plan, read back into bins of the model, obeys the model's problem. A
 * second opinion that rests on the model alone; prices, sums and substitutes are not looked at.
 */
export function obeysModel({ snapshot, model }: PlannedCluster, plan: Plan): boolean {
  const { problem, families, offerings } = model;
  const familyOf = new Map(
    families.flatMap(({ pods }, family) =>
      pods.map((pod) => [podKey(snapshot.pods[pod]!), family] as const),
    ),
  );
  const bins: Bin[] = [];
  const place = (
    pods: readonly string[],
    isMeant: (offering: ModelOffering) => boolean,
  ): boolean => {
    if (pods.length === 0) return true;
    const classIn = (offering: number, pod: string): number =>
      problem.familyOf.findIndex(
        (family, c) =>
          family === familyOf.get(pod) &&
          problem.masks[problem.maskOf[offering]! * problem.classCount + c]! > 0,
      );
    const offering = offerings.findIndex(
      (one, o) => isMeant(one) && pods.every((pod) => classIn(o, pod) >= 0),
    );
    if (offering < 0) return false;
    const counts = Map.groupBy(pods, (pod) => classIn(offering, pod));
    const classes = Int32Array.from(counts.keys()).sort();
    bins.push({ offering, classes, counts: classes.map((c) => counts.get(c)!.length), copies: 1 });
    return true;
  };
  const isPlaceable =
    plan.nodes.every((node) => place(node.pods, (one) => isOffering(one, node))) &&
    plan.existing.every(({ node, placed }) =>
      place(placed, (one) => one.kind === 'existing' && one.nodes.includes(node)),
    );
  const left = new Set(plan.unschedulable.map(({ pod }) => pod));
  const unserved = Int32Array.from(
    families,
    ({ pods }) => pods.filter((pod) => left.has(podKey(snapshot.pods[pod]!))).length,
  );
  const costNano = bins.reduce((sum, { offering }) => sum + problem.priceNano[offering]!, 0);
  return isPlaceable && verifyUnprovenPlan(problem, { bins, unserved, costNano }).ok;
}

function isOffering(one: ModelOffering, node: PlannedNode): boolean {
  return (
    one.kind === 'new' &&
    one.nodePool === node.nodePool &&
    one.instanceType === node.instanceType &&
    one.zone === node.zone &&
    one.capacityType === node.capacityType
  );
}
