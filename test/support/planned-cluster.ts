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
import type { PackingModel } from '../../core/packing/packing-model.ts';
import type { Plan } from '../../core/packing/plan.ts';
import { makePlan } from '../../core/packing/plan-nodes.ts';
import type { InstanceType } from '../../core/state/instance-type.ts';
import type { ClusterSnapshot } from '../../core/state/snapshot.ts';
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
): PlannedCluster {
  const model = buildModel(snapshot, () => types);
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
