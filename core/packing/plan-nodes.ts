/**
 * From bins of classes back to nodes with names and pods: the plan that users see.
 *
 * In: the snapshot, its model, a verified solution. Out: a Plan. Every pod of the snapshot is named
 * exactly once: on a new node, on an existing one, or as unschedulable with a reason. The result
 * depends on the contents of the solution, not on the order of its bins. It decides nothing: which
 * bins there are and what is left out is the solver's word.
 */
import { InvariantError } from '../errors.ts';
import { formatAmount } from '../scheduling/quantity.ts';
import { effectiveRequests } from '../scheduling/requests.ts';
import type { Resources } from '../scheduling/resources.ts';
import { type ClusterSnapshot, podKey } from '../state/snapshot.ts';
import type { ModelOffering, NewNodeOffering, PackingModel } from './packing-model.ts';
import type {
  ExistingNodePods,
  Plan,
  PlannedNode,
  PlannedOffering,
  UnschedulablePod,
} from './plan.ts';
import type { Bin, PackingSolution } from './solution.ts';
import { SubstituteFinder } from './substitutes.ts';
import { unservedReasons } from './unserved-reason.ts';

const nanoPerUsd = 1e9;

export interface PlanFacts {
  /** What price-blind first-fit would have cost; null if it could not place all. */
  readonly firstFitNano: number | null;
  /** What to tell beside the model's own notes. */
  readonly notes: readonly string[];
}

/** O(pods + bins x (offerings + contents)). */
export function makePlan(
  snapshot: ClusterSnapshot,
  model: PackingModel,
  solution: PackingSolution,
  facts: PlanFacts,
): Plan {
  const queues = model.families.map(({ pods }) => ({ pods, next: 0 }));
  const bins = orderBins(model, solution.bins);
  const placedNow = fillExisting(model, bins, queues);
  const nodes = nameNodes(snapshot, model, bins, queues);
  const { costNano, lowerBoundNano, proof } = solution;
  const proven = proof !== 'unproven';
  return {
    apiVersion: 'stowage.dev/v1alpha1',
    kind: 'Plan',
    nodes,
    existing: listExisting(snapshot, model, placedNow),
    unschedulable: listUnschedulable(snapshot, model, solution, queues),
    cost: {
      perHour: costNano / nanoPerUsd,
      lowerBound: lowerBoundNano / nanoPerUsd,
      gap: !proven ? null : costNano === 0 ? 0 : (costNano - lowerBoundNano) / costNano,
      proof,
      firstFitPerHour: facts.firstFitNano === null ? null : facts.firstFitNano / nanoPerUsd,
    },
    certificate: solution.certificate,
    solver: solution.stats,
    notes: [...new Set([...model.notes, ...facts.notes])],
  };
}

/** Pods of a family that are not yet given a place; served in the model's order. */
interface Queue {
  readonly pods: readonly number[];
  next: number;
}

/** By NodePool, type, zone, capacity type, contents; existing nodes in the model's order. */
function orderBins(model: PackingModel, bins: readonly Bin[]): readonly Bin[] {
  const keyOf = (offering: ModelOffering): string =>
    offering.kind === 'existing'
      ? ''
      : [offering.nodePool, offering.instanceType, offering.zone, offering.capacityType].join(' ');
  const keys = model.offerings.map(keyOf);
  return [...bins].sort((a, b) => {
    const [keyA, keyB] = [keys[a.offering] ?? '', keys[b.offering] ?? ''];
    if (keyA !== keyB) return keyA < keyB ? -1 : 1;
    return (
      a.offering - b.offering ||
      compareArrays(a.classes, b.classes) ||
      compareArrays(a.counts, b.counts)
    );
  });
}

function compareArrays(a: Int32Array, b: Int32Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  return a.length - b.length;
}

/** The next pods of the bin's families, in the order of its classes. */
function takePods(model: PackingModel, bin: Bin, queues: readonly Queue[]): number[] {
  const taken: number[] = [];
  bin.classes.forEach((c, i) => {
    const queue = queues[model.problem.familyOf[c]!]!;
    const end = queue.next + bin.counts[i]!;
    if (end > queue.pods.length) {
      throw new InvariantError('a solution places more pods of a family than there are');
    }
    for (let at = queue.next; at < end; at++) taken.push(queue.pods[at]!);
    queue.next = end;
  });
  return taken;
}

/** Node name -> pods that are put there now. Bins of a group take its nodes in turn. */
function fillExisting(
  model: PackingModel,
  bins: readonly Bin[],
  queues: readonly Queue[],
): Map<string, number[]> {
  const placedNow = new Map<string, number[]>();
  const usedOf = new Map<number, number>();
  for (const bin of bins) {
    const offering = model.offerings[bin.offering];
    if (offering?.kind !== 'existing') continue;
    for (let copy = 0; copy < bin.copies; copy++) {
      const used = usedOf.get(bin.offering) ?? 0;
      const node = offering.nodes[used];
      if (node === undefined) {
        throw new InvariantError('a solution uses more existing nodes of a group than there are');
      }
      usedOf.set(bin.offering, used + 1);
      placedNow.set(node, takePods(model, bin, queues));
    }
  }
  return placedNow;
}

function nameNodes(
  snapshot: ClusterSnapshot,
  model: PackingModel,
  bins: readonly Bin[],
  queues: readonly Queue[],
): PlannedNode[] {
  const names = new NodeNames(snapshot);
  const finder = new SubstituteFinder(model, bins);
  const offerings = model.offerings.map((one) =>
    one.kind === 'new' ? plannedOffering(one) : null,
  );
  const allocatables = new Map<Resources, Readonly<Record<string, string>>>();
  const nodes: PlannedNode[] = [];
  for (const bin of bins) {
    const offering = model.offerings[bin.offering];
    if (offering === undefined || offering.kind === 'existing') continue;
    const substitutes = finder.find(bin).flatMap((o) => offerings[o] ?? []);
    const { allocatable } = offering.type;
    let offered = allocatables.get(allocatable);
    if (offered === undefined) {
      offered = quantities(allocatable);
      allocatables.set(allocatable, offered);
    }
    for (let copy = 0; copy < bin.copies; copy++) {
      const pods = takePods(model, bin, queues);
      nodes.push({
        name: names.next(offering),
        nodePool: offering.nodePool,
        ...plannedOffering(offering),
        pods: pods.map((pod) => podKey(snapshot.pods[pod]!)),
        requests: quantities(sumOfRequests(snapshot, pods)),
        allocatable: offered,
        substitutes,
      });
    }
  }
  return nodes;
}

/** `POOL-FAMILY-SIZE-N`, counted per pool and type, never the name of a node that exists. */
class NodeNames {
  readonly #taken: ReadonlySet<string>;
  readonly #last = new Map<string, number>();

  constructor(snapshot: ClusterSnapshot) {
    this.#taken = new Set(snapshot.nodes.map(({ metadata }) => metadata.name ?? ''));
  }

  next({ nodePool, instanceType }: NewNodeOffering): string {
    const stem = `${nodePool}-${instanceType.replaceAll('.', '-')}`;
    let number = this.#last.get(stem) ?? 0;
    let name: string;
    do {
      number += 1;
      name = `${stem}-${number}`;
    } while (this.#taken.has(name));
    this.#last.set(stem, number);
    return name;
  }
}

function plannedOffering(offering: NewNodeOffering): PlannedOffering {
  return {
    instanceType: offering.instanceType,
    zone: offering.zone,
    capacityType: offering.capacityType,
    pricePerHour: offering.priceNano / nanoPerUsd,
  };
}

/** Sum of the effective requests of pods (indices into the snapshot), and their number. */
export function sumOfRequests(snapshot: ClusterSnapshot, pods: readonly number[]): Resources {
  const sum: Record<string, number> = { cpu: 0, memory: 0 };
  for (const pod of pods) {
    for (const [resource, amount] of Object.entries(effectiveRequests(snapshot.pods[pod]!.spec))) {
      sum[resource] = (sum[resource] ?? 0) + amount;
    }
  }
  return { ...sum, pods: pods.length };
}

/** Amounts as quantities, without zeros: cpu, memory, ephemeral storage, pods, then by name. */
export function quantities(amounts: Resources): Record<string, string> {
  const usual = ['cpu', 'memory', 'ephemeral-storage', 'pods'];
  const rank = (resource: string): number => {
    const at = usual.indexOf(resource);
    return at < 0 ? usual.length : at;
  };
  return Object.fromEntries(
    Object.entries(amounts)
      .filter(([, amount]) => amount > 0)
      .sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1))
      .map(([resource, amount]) => [resource, formatAmount(resource, amount)]),
  );
}

/** Nodes that have pods: those of the snapshot in its order, then names that only pods mention. */
function listExisting(
  snapshot: ClusterSnapshot,
  model: PackingModel,
  placedNow: ReadonlyMap<string, readonly number[]>,
): ExistingNodePods[] {
  const known = snapshot.nodes.map(({ metadata }) => metadata.name ?? '');
  const others = new Set(model.placed.keys());
  for (const name of known) others.delete(name);
  const keys = (pods: readonly number[]): string[] =>
    pods.map((pod) => podKey(snapshot.pods[pod]!));
  const existing: ExistingNodePods[] = [];
  for (const node of [...known, ...[...others].sort()]) {
    const placed = keys(placedNow.get(node) ?? []);
    const pods = [...keys(model.placed.get(node) ?? []), ...placed];
    if (pods.length > 0) existing.push({ node, pods, placed });
  }
  return existing;
}

/** In the order of the snapshot. */
function listUnschedulable(
  snapshot: ClusterSnapshot,
  model: PackingModel,
  solution: PackingSolution,
  queues: readonly Queue[],
): UnschedulablePod[] {
  const reasonOf = new Map<number, string>();
  for (const { pod, reason } of model.unschedulable) reasonOf.set(pod, reason);
  const unserved = unservedReasons(model, solution);
  queues.forEach(({ pods, next }, family) => {
    const left = pods.length - next;
    if (left !== solution.unserved[family]) {
      throw new InvariantError('a solution places another number of pods than it says');
    }
    if (left === 0) return;
    const reason = unserved.reasonOf(family);
    for (let at = next; at < pods.length; at++) reasonOf.set(pods[at]!, reason);
  });
  return [...reasonOf]
    .sort(([a], [b]) => a - b)
    .map(([pod, reason]) => ({ pod: podKey(snapshot.pods[pod]!), reason }));
}
