/**
 * What a solution decides: which nodes to launch, who goes where, who is left out and why.
 *
 * In: the snapshot, its model, a verified solution. Out: decisions in integers and with references to
 * the snapshot's own pods; every pod that the model places or rejects is in exactly one of them. The
 * result depends on the contents of the solution, not on the order of its bins. It names no nodes and
 * writes no quantities or dollars: what is shown is `plan-nodes.ts`'s, what is launched the
 * controllers'.
 */
import { InvariantError } from '../errors.ts';
import { daemonTemplates } from '../scheduling/daemonsets.ts';
import { effectiveRequests } from '../scheduling/requests.ts';
import type { Resources } from '../scheduling/resources.ts';
import type { InstanceType } from '../state/instance-type.ts';
import type { ClusterSnapshot, SnapshotPod } from '../state/snapshot.ts';
import type { ModelOffering, PackingModel, PricedOffering } from './packing-model.ts';
import type { Bin, PackingSolution } from './solution.ts';
import { SubstituteFinder } from './substitutes.ts';
import { unservedReasons } from './unserved-reason.ts';

/** A node to launch. */
export interface PlannedClaim {
  readonly nodePool: string;
  /** Name of the pool's EC2NodeClass. */
  readonly nodeClass: string;
  readonly offering: PricedOffering;
  /** Facts of the offering's instance type under the node class; `allocatable` is before DaemonSets. */
  readonly type: InstanceType;
  /** Other offerings of the same NodePool that hold the same pods, cheapest first. */
  readonly substitutes: readonly PricedOffering[];
  /** Values that the model chose for labels which the NodePool leaves open. */
  readonly chosenLabels: Readonly<Record<string, string>>;
  /** DaemonSets that will run on it, `namespace/name`. */
  readonly daemonSets: readonly string[];
  readonly pods: readonly SnapshotPod[];
  /** Sum of the effective requests of `pods`, and their number. */
  readonly podRequests: Resources;
  /** `podRequests` and what its DaemonSets take. */
  readonly requests: Resources;
}

/** A pod that gets no place. */
export interface LeftPod {
  readonly pod: SnapshotPod;
  readonly reason: string;
}

export interface PlanDecisions {
  /** By NodePool, type, zone, capacity type, reservation, contents. */
  readonly claims: readonly PlannedClaim[];
  /** Name of an existing node -> pods that are put there now; no others are named. */
  readonly placements: ReadonlyMap<string, readonly SnapshotPod[]>;
  /** In the order of the snapshot. */
  readonly unschedulable: readonly LeftPod[];
}

/**
 * Reads the decisions out of a solution. O(pods + bins x (offerings + contents)).
 *
 * @throws InvariantError if the solution does not add up: more pods than a family has, more nodes of
 * a group than there are, another number left out than it says
 */
export function planDecisions(
  snapshot: ClusterSnapshot,
  model: PackingModel,
  solution: PackingSolution,
): PlanDecisions {
  const queues = model.families.map(({ pods }) => ({ pods, next: 0 }));
  const bins = orderBins(model, solution.bins);
  const placements = fillExisting(snapshot, model, bins, queues);
  const claims = fillClaims(snapshot, model, bins, queues);
  return { claims, placements, unschedulable: leaveOut(snapshot, model, solution, queues) };
}

/** Pods of a family that are not yet given a place; served in the model's order. */
interface Queue {
  readonly pods: readonly number[];
  next: number;
}

/** By NodePool, type, zone, capacity type, reservation, contents; existing nodes in the model's order. */
function orderBins(model: PackingModel, bins: readonly Bin[]): readonly Bin[] {
  const keyOf = (offering: ModelOffering): string =>
    offering.kind === 'existing'
      ? ''
      : [
          offering.nodePool,
          offering.instanceType,
          offering.zone,
          offering.capacityType,
          ...(offering.reservationId === undefined ? [] : [offering.reservationId]),
        ].join(' ');
  const keyed = bins.map((bin) => {
    const offering = model.offerings[bin.offering];
    return { bin, key: offering === undefined ? '' : keyOf(offering) };
  });
  keyed.sort(({ bin: a, key: keyA }, { bin: b, key: keyB }) => {
    if (keyA !== keyB) return keyA < keyB ? -1 : 1;
    return (
      a.offering - b.offering ||
      compareArrays(a.classes, b.classes) ||
      compareArrays(a.counts, b.counts)
    );
  });
  return keyed.map(({ bin }) => bin);
}

function compareArrays(a: Int32Array, b: Int32Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  return a.length - b.length;
}

/** The next pods of the bin's families, in the order of its classes. */
function takePods(
  { pods }: ClusterSnapshot,
  model: PackingModel,
  bin: Bin,
  queues: readonly Queue[],
): SnapshotPod[] {
  const taken: SnapshotPod[] = [];
  bin.classes.forEach((c, i) => {
    const queue = queues[model.problem.familyOf[c]!]!;
    const end = queue.next + bin.counts[i]!;
    if (end > queue.pods.length) {
      throw new InvariantError('a solution places more pods of a family than there are');
    }
    for (let at = queue.next; at < end; at++) taken.push(pods[queue.pods[at]!]!);
    queue.next = end;
  });
  return taken;
}

/** Bins of a group take its nodes in turn. */
function fillExisting(
  snapshot: ClusterSnapshot,
  model: PackingModel,
  bins: readonly Bin[],
  queues: readonly Queue[],
): Map<string, readonly SnapshotPod[]> {
  const placements = new Map<string, readonly SnapshotPod[]>();
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
      placements.set(node, takePods(snapshot, model, bin, queues));
    }
  }
  return placements;
}

function fillClaims(
  snapshot: ClusterSnapshot,
  model: PackingModel,
  bins: readonly Bin[],
  queues: readonly Queue[],
): PlannedClaim[] {
  const finder = new SubstituteFinder(model, bins);
  const pricedOf = priceReader(model);
  const daemons = new Map(
    daemonTemplates(snapshot.daemonSets, snapshot.pods).map(({ name, requests }) => [
      name,
      requests,
    ]),
  );
  const claims: PlannedClaim[] = [];
  for (const bin of bins) {
    const offering = model.offerings[bin.offering];
    if (offering === undefined || offering.kind === 'existing') continue;
    const { nodePool, nodeClass, type, chosenLabels, daemonSets } = offering;
    const substitutes = finder.find(bin).map(pricedOf);
    const daemonRequests = daemonSets.map((name) => requestsOfDaemon(daemons, name));
    for (let copy = 0; copy < bin.copies; copy++) {
      const pods = takePods(snapshot, model, bin, queues);
      const podRequests = sumOfRequests(pods);
      claims.push({
        nodePool,
        nodeClass,
        offering: pricedOf(bin.offering),
        type,
        substitutes,
        chosenLabels,
        daemonSets,
        pods,
        podRequests,
        requests: addUp([podRequests, ...daemonRequests, { pods: daemonSets.length }]),
      });
    }
  }
  return claims;
}

/** Offerings by index, of which a plan names few; each is made once. */
function priceReader({ offerings }: PackingModel): (index: number) => PricedOffering {
  const known = new Map<number, PricedOffering>();
  return (index) => {
    let priced = known.get(index);
    if (priced === undefined) {
      const offering = offerings[index];
      if (offering?.kind !== 'new') throw new InvariantError(`offering ${index} is no new node`);
      priced = pricedOffering(offering);
      known.set(index, priced);
    }
    return priced;
  };
}

function pricedOffering(offering: PricedOffering): PricedOffering {
  const { instanceType, zone, capacityType, reservationId, priceNano } = offering;
  return {
    instanceType,
    zone,
    capacityType,
    ...(reservationId === undefined ? {} : { reservationId }),
    priceNano,
  };
}

function requestsOfDaemon(daemons: ReadonlyMap<string, Resources>, name: string): Resources {
  const requests = daemons.get(name);
  if (requests === undefined) {
    throw new InvariantError(`a model knows DaemonSet ${name}, its snapshot does not`);
  }
  return requests;
}

/** Sum of the effective requests of pods, and their number. */
export function sumOfRequests(pods: readonly SnapshotPod[]): Resources {
  return {
    ...addUp([{ cpu: 0, memory: 0 }, ...pods.map(({ spec }) => effectiveRequests(spec))]),
    pods: pods.length,
  };
}

function addUp(parts: readonly Resources[]): Resources {
  const sum: Record<string, number> = {};
  for (const part of parts) {
    for (const [resource, amount] of Object.entries(part)) {
      sum[resource] = (sum[resource] ?? 0) + amount;
    }
  }
  return sum;
}

/** In the order of the snapshot. */
function leaveOut(
  snapshot: ClusterSnapshot,
  model: PackingModel,
  solution: PackingSolution,
  queues: readonly Queue[],
): LeftPod[] {
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
    .map(([pod, reason]) => ({ pod: snapshot.pods[pod]!, reason }));
}
