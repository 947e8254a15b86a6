/**
 * First-fit plans of models, in names instead of indices, for tests of what a model allows.
 *
 * In: a cluster. Out: nodes with the names of their pods. The plan is checked against the problem
 * before anything is read off it.
 */
import { firstFit } from '../../core/packing/first-fit.ts';
import type { ModelOffering, PackingModel } from '../../core/packing/packing-model.ts';
import { verifyUnprovenPlan } from '../../core/packing/verify-solution.ts';
import type { ClusterSnapshot } from '../../core/state/snapshot.ts';
import { type ClusterShape, modelOf, reasonsOf, zoneKey } from './cluster-builders.ts';

export interface PlannedBin {
  readonly offering: ModelOffering;
  /** Name of the existing node, '' for a new one. */
  readonly node: string;
  readonly zone: string;
  readonly capacityType: string;
  /** Names without namespace. */
  readonly pods: readonly string[];
}

export interface ModelPlan {
  readonly model: PackingModel & { readonly snapshot: ClusterSnapshot };
  readonly bins: readonly PlannedBin[];
  /** Pods that the model admits and first-fit found no place for. */
  readonly unserved: readonly string[];
  readonly reasons: Readonly<Record<string, string>>;
  readonly costNano: number;
}

/** Plans a cluster by first-fit. */
export function planOf(shape: ClusterShape): ModelPlan {
  const model = modelOf(shape);
  const plan = firstFit(model.problem);
  const verdict = verifyUnprovenPlan(model.problem, plan);
  if (!verdict.ok) {
    throw new Error(`first-fit broke a rule: ${JSON.stringify(verdict.violations)}`);
  }
  const queues = model.families.map(({ pods }) => [...pods]);
  const used = new Map<number, number>();
  const bins: PlannedBin[] = [];
  for (const { offering, classes, counts, copies } of plan.bins) {
    for (let copy = 0; copy < copies; copy++) {
      const pods: string[] = [];
      classes.forEach((c, at) => {
        const queue = queues[model.problem.familyOf[c]!]!;
        pods.push(...queue.splice(0, counts[at]).map((pod) => model.snapshot.pods[pod]!.name));
      });
      bins.push({ ...placeOf(model, offering, used), pods: pods.sort() });
    }
  }
  return {
    model,
    bins,
    unserved: queues.flat().map((pod) => model.snapshot.pods[pod]!.name),
    reasons: reasonsOf(model),
    costNano: plan.costNano,
  };
}

function placeOf(model: ModelPlan['model'], index: number, used: Map<number, number>) {
  const offering = model.offerings[index]!;
  if (offering.kind === 'new') {
    const { zone, capacityType } = offering;
    return { offering, node: '', zone, capacityType };
  }
  const at = used.get(index) ?? 0;
  used.set(index, at + 1);
  const node = offering.nodes[at]!;
  const found = model.snapshot.nodes.find(({ metadata }) => metadata.name === node);
  const labels = found?.metadata.labels ?? {};
  return {
    offering,
    node,
    zone: labels[zoneKey] ?? '',
    capacityType: labels['karpenter.sh/capacity-type'] ?? '',
  };
}

/** Newly placed pods whose names begin with `prefix`, by a property of their node; sorted counts. */
export function countsBy(
  plan: ModelPlan,
  prefix: string,
  by: (bin: PlannedBin) => string,
): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const bin of plan.bins) {
    const pods = bin.pods.filter((name) => name.startsWith(prefix)).length;
    if (pods > 0) {
      counts[by(bin)] = (counts[by(bin)] ?? 0) + pods;
    }
  }
  return counts;
}

/** The counts alone, ascending. */
export function sortedCounts(counts: Readonly<Record<string, number>>): number[] {
  return Object.values(counts).sort((a, b) => a - b);
}

export const byZone = ({ zone }: PlannedBin): string => zone;
export const byCapacityType = ({ capacityType }: PlannedBin): string => capacityType;
