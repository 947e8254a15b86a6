/**
 * From bins of classes back to nodes with names and pods: the plan that users see.
 *
 * In: the snapshot, its model, a verified solution. Out: a Plan. Every pod of the snapshot is named
 * exactly once: on a new node, on an existing one, or as unschedulable with a reason. It decides
 * nothing: it gives names to what `planned-claims.ts` reads out of the solution, and writes amounts
 * and prices as users read them.
 */
import { formatAmount } from '../scheduling/quantity.ts';
import type { Resources } from '../scheduling/resources.ts';
import { type ClusterSnapshot, podKey, type SnapshotPod } from '../state/snapshot.ts';
import type { PackingModel, PricedOffering } from './packing-model.ts';
import type { ExistingNodePods, Plan, PlannedNode, PlannedOffering } from './plan.ts';
import { type PlannedClaim, planDecisions } from './planned-claims.ts';
import type { PackingSolution } from './solution.ts';

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
  const decisions = planDecisions(snapshot, model, solution);
  const { costNano, lowerBoundNano, proof } = solution;
  const proven = proof !== 'unproven';
  return {
    apiVersion: 'stowage.dev/v1alpha1',
    kind: 'Plan',
    nodes: nameNodes(snapshot, decisions.claims),
    existing: listExisting(snapshot, model, decisions.placements),
    unschedulable: decisions.unschedulable.map(({ pod, reason }) => ({ pod: podKey(pod), reason })),
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

function nameNodes(snapshot: ClusterSnapshot, claims: readonly PlannedClaim[]): PlannedNode[] {
  const names = new NodeNames(snapshot);
  const written = new Written();
  return claims.map((claim) => ({
    name: names.next(claim.nodePool, claim.offering.instanceType),
    nodePool: claim.nodePool,
    ...written.offering(claim.offering),
    pods: claim.pods.map(podKey),
    requests: quantities(claim.podRequests),
    allocatable: written.amounts(claim.type.allocatable),
    ...(Object.keys(claim.chosenLabels).length === 0 ? {} : { labels: claim.chosenLabels }),
    substitutes: written.offerings(claim.substitutes),
  }));
}

/** What alike nodes have in common, written once. */
class Written {
  readonly #amounts = new Map<Resources, Readonly<Record<string, string>>>();
  readonly #offerings = new Map<PricedOffering, PlannedOffering>();
  readonly #lists = new Map<readonly PricedOffering[], readonly PlannedOffering[]>();

  amounts(amounts: Resources): Readonly<Record<string, string>> {
    return once(this.#amounts, amounts, () => quantities(amounts));
  }

  offering(offering: PricedOffering): PlannedOffering {
    const { priceNano, ...place } = offering;
    return once(this.#offerings, offering, () => ({
      ...place,
      pricePerHour: priceNano / nanoPerUsd,
    }));
  }

  /** By price alone: what steers the launch (premiums) is no money, and a plan states money. */
  offerings(list: readonly PricedOffering[]): readonly PlannedOffering[] {
    return once(this.#lists, list, () =>
      list.toSorted((a, b) => a.priceNano - b.priceNano).map((offering) => this.offering(offering)),
    );
  }
}

function once<K, V>(known: Map<K, V>, key: K, make: () => V): V {
  let value = known.get(key);
  if (value === undefined) {
    value = make();
    known.set(key, value);
  }
  return value;
}

/** `POOL-FAMILY-SIZE-N`, counted per pool and type, never the name of a node that exists. */
class NodeNames {
  readonly #taken: ReadonlySet<string>;
  readonly #last = new Map<string, number>();

  constructor(snapshot: ClusterSnapshot) {
    this.#taken = new Set(snapshot.nodes.map(({ metadata }) => metadata.name ?? ''));
  }

  next(nodePool: string, instanceType: string): string {
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

/** Amounts as quantities, without zeros: cpu, memory, ephemeral storage, pods, then by name. */
function quantities(amounts: Resources): Record<string, string> {
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
  placements: ReadonlyMap<string, readonly SnapshotPod[]>,
): ExistingNodePods[] {
  const known = snapshot.nodes.map(({ metadata }) => metadata.name ?? '');
  const others = new Set(model.placed.keys());
  for (const name of known) others.delete(name);
  const existing: ExistingNodePods[] = [];
  for (const node of [...known, ...[...others].sort()]) {
    const placed = (placements.get(node) ?? []).map(podKey);
    const standing = (model.placed.get(node) ?? []).map((pod) => podKey(snapshot.pods[pod]!));
    const pods = [...standing, ...placed];
    if (pods.length > 0) existing.push({ node, pods, placed });
  }
  return existing;
}
