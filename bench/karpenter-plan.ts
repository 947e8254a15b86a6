/**
 * Karpenter's plan in the terms of our packing problem, so that the same verifier judges it.
 *
 * In: the model of the same workload, and Karpenter's nodes with the names of their pods. Out: bins
 * over our classes and offerings, and what could not be said in them. It prices by our own prices.
 */
import type { PackingModel } from '../core/packing/packing-model.ts';
import type { Bin } from '../core/packing/solution.ts';
import type { UnprovenPlan } from '../core/packing/verify-solution.ts';
import { podKey, type SnapshotPod } from '../core/state/snapshot.ts';
import type { KarpenterAnswer, KarpenterNode } from './peers/karpenter.ts';

export interface TranslatedPlan {
  readonly plan: UnprovenPlan;
  /** Nodes or pods that our problem has no words for: each is a finding. */
  readonly untranslated: readonly string[];
}

/** Translates `answer`; `pods` are the snapshot's, in its order. */
export function translateKarpenterPlan(
  model: PackingModel,
  pods: readonly SnapshotPod[],
  answer: KarpenterAnswer,
): TranslatedPlan {
  const familyOf = new Map<string, number>();
  model.families.forEach((family, index) => {
    for (const pod of family.pods) familyOf.set(podKey(pods[pod]!), index);
  });
  const offeringsOf = indexOfferings(model);
  const classesOf = Map.groupBy(model.classes.keys(), (index) => model.classes[index]!.family);
  const unserved = Int32Array.from(model.problem.demand);
  const bins: Bin[] = [];
  const untranslated: string[] = [];
  let costNano = 0;
  for (const node of answer.nodes) {
    const counts = new Map<number, number>();
    for (const pod of node.pods) {
      const family = familyOf.get(pod);
      const klass = classesOf.get(family ?? -1)?.find((index) => standsOn(model, index, node));
      if (family === undefined || klass === undefined) {
        untranslated.push(`${pod} on ${node.instanceType} in ${node.zone}: no class`);
        continue;
      }
      counts.set(klass, (counts.get(klass) ?? 0) + 1);
      unserved[family]!--;
    }
    const offering = chooseOffering(model, offeringsOf.get(offeringKey(node)) ?? [], counts);
    if (offering === undefined) {
      untranslated.push(`${offeringKey(node)}: no such offering`);
      continue;
    }
    const classes = Int32Array.from(counts.keys()).sort();
    bins.push({
      offering,
      classes,
      counts: classes.map((index) => counts.get(index)!),
      copies: 1,
    });
    costNano += model.problem.priceNano[offering]!;
  }
  return { plan: { bins, unserved, costNano }, untranslated };
}

type NamedOffering = Pick<KarpenterNode, 'nodePool' | 'instanceType' | 'zone' | 'capacityType'>;

function offeringKey({ nodePool, instanceType, zone, capacityType }: NamedOffering): string {
  return `${nodePool} ${instanceType} ${zone} ${capacityType}`;
}

function indexOfferings(model: PackingModel): Map<string, number[]> {
  const indices = new Map<string, number[]>();
  model.offerings.forEach((offering, index) => {
    if (offering.kind !== 'new') return;
    const key = offeringKey(offering);
    const known = indices.get(key);
    if (known === undefined) indices.set(key, [index]);
    else known.push(index);
  });
  return indices;
}

function standsOn(model: PackingModel, index: number, node: KarpenterNode): boolean {
  const { zone, capacityType } = model.classes[index]!;
  return (
    (zone === undefined || zone === node.zone) &&
    (capacityType === undefined || capacityType === node.capacityType)
  );
}

/** Of offerings with one name (the model may split them by label), the first that admits all. */
function chooseOffering(
  model: PackingModel,
  candidates: readonly number[],
  counts: ReadonlyMap<number, number>,
): number | undefined {
  const { masks, maskOf, classCount } = model.problem;
  const admitting = candidates.find((offering) =>
    [...counts].every(([index, count]) => masks[maskOf[offering]! * classCount + index]! >= count),
  );
  return admitting ?? candidates[0];
}
