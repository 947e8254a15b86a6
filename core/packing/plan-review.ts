/**
 * Is a plan, as it was written to a file, true?
 *
 * In: the snapshot and the model that it claims to be for, and the plan. Out: what is wrong with it.
 * It believes nothing: names, prices, quantities, sums and substitutes are compared with the model,
 * the placement is turned back into bins and checked by `verify-solution.ts` together with the
 * certificate. It knows no solver. What it cannot know is the wording of reasons, and whether an
 * exhaustive search behind the proof `optimal` was one.
 */
import { amountOf } from '../scheduling/quantity.ts';
import type { Resources } from '../scheduling/resources.ts';
import { type ClusterSnapshot, podKey } from '../state/snapshot.ts';
import type { NewNodeOffering, PackingModel } from './packing-model.ts';
import type { Plan, PlannedNode, PlannedOffering } from './plan.ts';
import { sumOfRequests } from './planned-claims.ts';
import type { Bin, PackingSolution } from './solution.ts';
import { holdsContents } from './substitutes.ts';
import { verifySolution } from './verify-solution.ts';
import { type Violation, ViolationList } from './violation.ts';

/** Dollars that two sums of the same prices may differ by: half a nano-USD each of 100,000 nodes. */
const sumToleranceUsd = 5e-5;

/** How far two gaps may be apart and still be the same number, written and read. */
const gapTolerance = 1e-9;

export interface PlanReview {
  readonly violations: readonly Violation[];
  /** How many more there are than `violations` lists. */
  readonly omitted: number;
  /** USD per hour, re-computed from the model's prices. */
  readonly perHour: number;
  /** USD per hour that the certificate proves by itself; 0 without one. */
  readonly provenBound: number;
}

/**
 * Reviews `plan`.
 *
 * Codes: `unknown-pod`, `pod-repeated`, `pod-missing`, `unknown-offering`,
 * `price-mismatch`, `name-repeated`, `requests-mismatch`, `allocatable-mismatch`, `bad-substitute`,
 * `incompatible-pod`, `unknown-node`, `placed-mismatch`, `not-rejected`, `cost-mismatch`,
 * `gap-mismatch`, and those of `verifySolution`. O(pods + substitutes x contents + verification).
 */
export function reviewPlan(snapshot: ClusterSnapshot, model: PackingModel, plan: Plan): PlanReview {
  const found = new ViolationList();
  const reader = new PlanReader(snapshot, model, found);
  const bins = [
    ...plan.nodes.flatMap((node) => reader.readNode(node) ?? []),
    ...plan.existing.flatMap((entry) => reader.readExisting(entry) ?? []),
  ];
  const unserved = reader.readUnschedulable(plan.unschedulable.map(({ pod }) => pod));
  reader.close();
  const perHour = plan.nodes.reduce((sum, { pricePerHour }) => sum + pricePerHour, 0);
  reviewCost(plan, perHour, found);
  if (!found.empty) {
    return { violations: found.items, omitted: found.omitted, perHour, provenBound: 0 };
  }
  const status = verifySolution(model.problem, solutionOf(plan, model, bins, unserved));
  return status.ok
    ? { violations: [], omitted: 0, perHour, provenBound: status.provenBoundNano / 1e9 }
    : { violations: status.violations, omitted: status.omitted, perHour, provenBound: 0 };
}

function solutionOf(
  plan: Plan,
  model: PackingModel,
  bins: readonly Bin[],
  unserved: Int32Array,
): PackingSolution {
  const { priceNano } = model.problem;
  return {
    bins,
    unserved,
    costNano: bins.reduce((sum, { offering }) => sum + priceNano[offering]!, 0),
    lowerBoundNano: Math.round(plan.cost.lowerBound * 1e9),
    proof: plan.cost.proof,
    certificate: plan.certificate,
    stats: plan.solver,
  };
}

function reviewCost(plan: Plan, perHour: number, found: ViolationList): void {
  const { cost } = plan;
  if (Math.abs(cost.perHour - perHour) > sumToleranceUsd) {
    found.add('cost-mismatch', () => `cost.perHour is ${cost.perHour}, the nodes cost ${perHour}`);
  }
  const gap =
    cost.proof === 'unproven'
      ? null
      : cost.perHour === 0
        ? 0
        : (cost.perHour - cost.lowerBound) / cost.perHour;
  const same =
    gap === null || cost.gap === null ? gap === cost.gap : Math.abs(gap - cost.gap) <= gapTolerance;
  if (!same) {
    found.add('gap-mismatch', () => `cost.gap is ${cost.gap}, cost and bound make it ${gap}`);
  }
}

/** Reads the lists of a plan back into bins and keeps the books on pods. */
class PlanReader {
  readonly #snapshot: ClusterSnapshot;
  readonly #model: PackingModel;
  readonly #found: ViolationList;
  readonly #podIndex: ReadonlyMap<string, number>;
  readonly #seen: Uint8Array;
  /** [pod] family, -1 for pods that the model does not place. */
  readonly #familyOf: Int32Array;
  readonly #offeringsOf = new Map<string, number[]>();
  readonly #groupOf = new Map<string, number>();
  readonly #classesOf: readonly (readonly number[])[];
  readonly #names: Set<string>;

  constructor(snapshot: ClusterSnapshot, model: PackingModel, found: ViolationList) {
    this.#snapshot = snapshot;
    this.#model = model;
    this.#found = found;
    this.#podIndex = new Map(snapshot.pods.map((pod, index) => [podKey(pod), index]));
    this.#seen = new Uint8Array(snapshot.pods.length);
    this.#familyOf = new Int32Array(snapshot.pods.length).fill(-1);
    model.families.forEach(({ pods }, family) => {
      for (const pod of pods) this.#familyOf[pod] = family;
    });
    model.offerings.forEach((offering, o) => {
      if (offering.kind === 'existing') {
        for (const node of offering.nodes) this.#groupOf.set(node, o);
        return;
      }
      const key = offeringKey(offering.nodePool, offering);
      const alike = this.#offeringsOf.get(key);
      if (alike === undefined) this.#offeringsOf.set(key, [o]);
      else alike.push(o);
    });
    const classesOf = model.families.map((): number[] => []);
    model.problem.familyOf.forEach((family, c) => classesOf[family]!.push(c));
    this.#classesOf = classesOf;
    this.#names = new Set(snapshot.nodes.map(({ metadata }) => metadata.name ?? ''));
  }

  readNode(node: PlannedNode): Bin | undefined {
    const { name } = node;
    if (this.#names.has(name)) {
      this.#found.add('name-repeated', () => `the name ${name} is taken by another node`);
    }
    this.#names.add(name);
    const pods = this.#take(node.pods, name);
    const candidates = this.#offeringsNamed(node, node);
    const offerings = candidates.filter((o) => this.#canHold(o, pods));
    const offering = offerings[0];
    if (offering === undefined) {
      if (candidates.length === 0) this.#unknownOffering(node, name);
      else this.#found.add('incompatible-pod', () => `${name} admits not all of its pods`);
      return undefined;
    }
    const known = this.#model.offerings[offering] as NewNodeOffering;
    this.#comparePrice(node, known, name);
    this.#compareAmounts(
      'requests',
      node.requests,
      sumOfRequests(pods.map((pod) => this.#snapshot.pods[pod]!)),
      name,
    );
    this.#compareAmounts('allocatable', node.allocatable, known.type.allocatable, name);
    const bin = this.#binOf(offering, pods);
    for (const substitute of node.substitutes) this.#reviewSubstitute(node, bin, substitute);
    return bin;
  }

  readExisting({ node, pods, placed }: Plan['existing'][number]): Bin | undefined {
    const standing = this.#model.placed.get(node) ?? [];
    const expected = new Set(standing.map((pod) => podKey(this.#snapshot.pods[pod]!)));
    const now = new Set(placed);
    const taken = this.#take(pods, node);
    for (const pod of pods) {
      if (expected.has(pod) === now.has(pod)) {
        this.#found.add(
          'placed-mismatch',
          () => `${pod} on ${node}: it stands there, or is placed`,
        );
      }
      expected.delete(pod);
      now.delete(pod);
    }
    for (const pod of [...expected, ...now]) {
      this.#found.add('placed-mismatch', () => `${pod} is not among the pods of ${node}`);
    }
    const moved = taken.filter((pod) => !standing.includes(pod));
    if (moved.length === 0) return undefined;
    const group = this.#groupOf.get(node);
    if (group === undefined) {
      this.#found.add('unknown-node', () => `${node} is no node that takes pods`);
      return undefined;
    }
    if (!this.#canHold(group, moved)) {
      this.#found.add('incompatible-pod', () => `${node} admits not all of its pods`);
      return undefined;
    }
    return this.#binOf(group, moved);
  }

  /** [family] pods left out. */
  readUnschedulable(names: readonly string[]): Int32Array {
    const unserved = new Int32Array(this.#model.families.length);
    const rejected = new Set(this.#model.unschedulable.map(({ pod }) => pod));
    for (const pod of this.#take(names, 'unschedulable')) {
      const family = this.#familyOf[pod]!;
      if (family >= 0) unserved[family]! += 1;
      else if (!rejected.has(pod)) {
        const name = podKey(this.#snapshot.pods[pod]!);
        this.#found.add('not-rejected', () => `${name} has a node and is listed as unschedulable`);
      }
    }
    return unserved;
  }

  /** Every pod must have been named. */
  close(): void {
    this.#seen.forEach((seen, pod) => {
      if (seen > 0) return;
      const name = podKey(this.#snapshot.pods[pod]!);
      this.#found.add('pod-missing', () => `${name} is nowhere in the plan`);
    });
  }

  #take(names: readonly string[], where: string): number[] {
    const pods: number[] = [];
    for (const name of names) {
      const pod = this.#podIndex.get(name);
      if (pod === undefined) {
        this.#found.add('unknown-pod', () => `${where}: ${name} is not in the input`);
        continue;
      }
      if (this.#seen[pod] !== 0) {
        this.#found.add('pod-repeated', () => `${where}: ${name} is named more than once`);
      }
      this.#seen[pod] = 1;
      pods.push(pod);
    }
    return pods;
  }

  /** The class in which a pod of the family stands in a bin of the offering. */
  #classIn(offering: number, family: number): number | undefined {
    const { maskOf, masks, classCount } = this.#model.problem;
    const row = maskOf[offering]! * classCount;
    return this.#classesOf[family]?.find((c) => masks[row + c]! > 0);
  }

  /** Offerings of the node's pool of this name, with the node's labels if it states any. */
  #offeringsNamed({ nodePool, labels }: PlannedNode, name: PlannedOffering): readonly number[] {
    const named = this.#offeringsOf.get(offeringKey(nodePool, name)) ?? [];
    if (labels === undefined) return named;
    const stated = Object.entries(labels);
    return named.filter((o) => {
      const { chosenLabels } = this.#model.offerings[o] as NewNodeOffering;
      return (
        stated.length === Object.keys(chosenLabels).length &&
        stated.every(([key, value]) => chosenLabels[key] === value)
      );
    });
  }

  #canHold(offering: number, pods: readonly number[]): boolean {
    return pods.every((pod) => this.#classIn(offering, this.#familyOf[pod]!) !== undefined);
  }

  #binOf(offering: number, pods: readonly number[]): Bin {
    const counts = new Map<number, number>();
    for (const pod of pods) {
      const c = this.#classIn(offering, this.#familyOf[pod]!)!;
      counts.set(c, (counts.get(c) ?? 0) + 1);
    }
    const entries = [...counts].sort(([a], [b]) => a - b);
    return {
      offering,
      classes: Int32Array.from(entries, ([c]) => c),
      counts: Int32Array.from(entries, ([, count]) => count),
      copies: 1,
    };
  }

  #reviewSubstitute(node: PlannedNode, bin: Bin, substitute: PlannedOffering): void {
    const where = `substitute ${substitute.instanceType} ${substitute.zone} of ${node.name}`;
    const candidates = this.#offeringsNamed(node, substitute);
    const able = candidates.find((o) => holdsContents(this.#model.problem, o, bin));
    if (able === undefined || able === bin.offering) {
      this.#found.add('bad-substitute', () => `${where} does not hold its pods`);
      return;
    }
    this.#comparePrice(substitute, this.#model.offerings[able] as NewNodeOffering, where);
  }

  #unknownOffering({ nodePool, instanceType, zone, capacityType }: PlannedNode, name: string) {
    const offer = `${instanceType} ${capacityType} in ${zone}`;
    this.#found.add('unknown-offering', () => `${name}: NodePool ${nodePool} offers no ${offer}`);
  }

  #comparePrice(stated: PlannedOffering, known: NewNodeOffering, where: string): void {
    if (Math.round(stated.pricePerHour * 1e9) === known.priceNano) return;
    const price = known.priceNano / 1e9;
    this.#found.add('price-mismatch', () => `${where}: ${stated.pricePerHour} is not ${price}`);
  }

  #compareAmounts(
    what: 'requests' | 'allocatable',
    stated: Readonly<Record<string, string>>,
    known: Resources,
    where: string,
  ): void {
    for (const resource of new Set([...Object.keys(stated), ...Object.keys(known)])) {
      const amount = known[resource] ?? 0;
      if (amountOf(resource, stated[resource] ?? '0') === amount) continue;
      this.#found.add(`${what}-mismatch`, () => `${where}: ${what} of ${resource} are ${amount}`);
    }
  }
}

function offeringKey(
  nodePool: string,
  { instanceType, zone, capacityType, reservationId = '' }: Omit<PlannedOffering, 'pricePerHour'>,
): string {
  return [nodePool, instanceType, zone, capacityType, reservationId].join(' ');
}
