/**
 * Nodes that exist: what stands on them, what is free, and who may join.
 *
 * In: a snapshot's nodes and the pods bound to them. Out: per node its row, its free room, and what
 * rules over domains and pool limits need to know of it. It decides no placement.
 *
 * Rules: real labels are matched strictly. Bound pods that have not finished take their effective
 * requests; DaemonSets that should run here and do not yet are taken off as well. A node of a pool
 * that is still starting is not held to taints that it will shed, and its missing figures are those
 * of its instance type (Karpenter's in-flight nodes).
 */
import type { Node, PodSpec, Taint } from '../api/kubernetes.ts';
import {
  disruptedTaint,
  labelInitialized,
  labelInstanceType,
  labelNodePool,
} from '../api/labels.ts';
import type { NodePool } from '../api/nodepool.ts';
import { type DaemonTemplate, isPodOf } from '../scheduling/daemonsets.ts';
import { type NodeSelection, selectionKeys } from '../scheduling/node-affinity.ts';
import { offeredResources } from '../scheduling/quantity.ts';
import { effectiveRequests } from '../scheduling/requests.ts';
import { admitsLabels } from '../scheduling/requirements.ts';
import type { Resources } from '../scheduling/resources.ts';
import {
  firstUntoleratedTaint,
  isEphemeralTaint,
  unschedulableTaint,
} from '../scheduling/taints.ts';
import { canonicalLabels, nodeNameField } from '../scheduling/well-known-labels.ts';
import type { InstanceType } from '../state/instance-type.ts';
import { type ClusterSnapshot, isTerminal, type SnapshotPod } from '../state/snapshot.ts';
import { mapInSteps, type Steps } from '../steps.ts';
import type { DaemonGroups } from './daemon-groups.ts';
import { roomOf } from './new-offerings.ts';
import type { InstanceTypesOfPool } from './packing-model.ts';
import {
  type PlacementRow,
  type Residents,
  type Room,
  taintsText,
  toleratedBy,
} from './placement-row.ts';
import type { PodFamilies } from './pod-families.ts';
import { joinResidents, residentsOf } from './residents.ts';
import {
  addAmounts,
  amountsOn,
  podAmounts,
  podsDimension,
  type ResourceAxis,
} from './resource-axis.ts';
import type { RuleBook } from './rule-book.ts';

type Labels = Readonly<Record<string, string>>;

/** A node of the snapshot that stays. */
export interface ExistingNode {
  readonly name: string;
  readonly labels: Labels;
  /** False if nothing may be placed here whatever it tolerates. */
  readonly open: boolean;
  readonly row: PlacementRow;
  readonly room: Room;
  /** Pods bound here, finished ones left out. */
  readonly bound: readonly SnapshotPod[];
  /** Summary of `bound` alone; the row's residents include DaemonSets yet to come. */
  readonly boundResidents: Residents;
  /** Whole capacity, for limits of its pool. */
  readonly capacity: Resources;
  /** False for a NodeClaim that no instance stands behind yet. */
  readonly isLaunched: boolean;
}

export interface ExistingNodesInput {
  readonly snapshot: ClusterSnapshot;
  readonly placed: ReadonlyMap<string, readonly number[]>;
  readonly leavingNodes: ReadonlySet<string>;
  readonly families: PodFamilies;
  readonly daemons: readonly DaemonTemplate[];
  readonly daemonGroups: DaemonGroups;
  readonly axis: ResourceAxis;
  readonly book: RuleBook;
  readonly topologyKeys: ReadonlySet<string>;
  readonly typesOf: InstanceTypesOfPool;
  /** Index of the first row that is made here. */
  readonly firstRow: number;
}

/** Nodes between two rests: a few milliseconds. */
const nodesPerStep = 100;

/** Reads all nodes but those that are leaving. */
export function existingNodes(input: ExistingNodesInput): Steps<ExistingNode[]> {
  const reader = new NodeReader(input);
  const staying = input.snapshot.nodes.filter(
    ({ metadata }) => !input.leavingNodes.has(metadata.name ?? ''),
  );
  return mapInSteps(staying, nodesPerStep, (node) => reader.read(node));
}

class NodeReader {
  readonly #input: ExistingNodesInput;
  readonly #pools: ReadonlyMap<string, NodePool>;
  /** Label keys that some selection reads, and what nodes with equal values are admitted to. */
  readonly #keys: readonly string[];
  readonly #selections: readonly NodeSelection[];
  readonly #selectedBySignature = new Map<string, Uint8Array>();
  readonly #toleratedByText = new Map<string, Uint8Array>();
  readonly #rows = new Map<string, PlacementRow>();
  /** Pods of one template have one spec. */
  readonly #amountsBySpec = new Map<PodSpec, Float64Array>();
  readonly #typesByList = new Map<readonly InstanceType[], ReadonlyMap<string, InstanceType>>();
  #nextRow: number;

  constructor(input: ExistingNodesInput) {
    this.#input = input;
    this.#nextRow = input.firstRow;
    this.#pools = new Map(input.snapshot.nodePools.map((pool) => [pool.metadata.name ?? '', pool]));
    this.#selections = [
      ...input.families.selections,
      ...input.daemons.map(({ selection }) => selection),
    ];
    this.#keys = [...new Set(this.#selections.flatMap((one) => [...selectionKeys(one)]))];
  }

  read(node: Node): ExistingNode {
    const { snapshot, placed, axis, book, topologyKeys } = this.#input;
    const name = node.metadata.name ?? '';
    const labels = canonicalLabels(node.metadata.labels ?? {});
    const pool = this.#pools.get(labels[labelNodePool] ?? '');
    const starting = pool !== undefined && labels[labelInitialized] !== 'true';
    const taints = effectiveTaints(node, starting ? pool : undefined);
    const selected = this.#selected({ ...labels, [nodeNameField]: name });
    const bound = (placed.get(name) ?? [])
      .map((index) => snapshot.pods[index]!)
      .filter((pod) => !isTerminal(pod));
    const missing = this.#missingDaemons(selected, taints, bound);
    const offered = this.#offered(node, labels, starting ? pool : undefined);
    const taken = missing.amounts.slice();
    for (const pod of bound) {
      addAmounts(taken, this.#amountsOf(pod));
    }
    const boundResidents = residentsOf(bound, book);
    const row = this.#rowOf(
      selected,
      this.#tolerated(taints),
      joinResidents(boundResidents, missing.residents),
      new Map([...topologyKeys].flatMap((key) => entryOf(labels, key))),
    );
    const room = roomOf(axis, amountsOn(axis, offered.allocatable), taken);
    return {
      name,
      labels,
      open: room.bound[podsDimension]! > 0 && !taints.some(({ key }) => key === disruptedTaint.key),
      row,
      room,
      bound,
      boundResidents,
      capacity: offered.capacity,
      isLaunched: node.spec?.providerID !== undefined || labels[labelInitialized] === 'true',
    };
  }

  #amountsOf({ spec }: SnapshotPod): Float64Array {
    let amounts = this.#amountsBySpec.get(spec);
    if (amounts === undefined) {
      amounts = podAmounts(this.#input.axis, effectiveRequests(spec));
      this.#amountsBySpec.set(spec, amounts);
    }
    return amounts;
  }

  /** Nodes that rules cannot tell apart share a row. */
  #rowOf(
    selected: Uint8Array,
    tolerated: Uint8Array,
    residents: Residents,
    domains: ReadonlyMap<string, string>,
  ): PlacementRow {
    const { ports, scopeCounts, stayingCounts, foes } = residents;
    const text = JSON.stringify([
      selected.join(''),
      tolerated.join(''),
      ports,
      [...scopeCounts].sort(([a], [b]) => a - b),
      stayingCounts === scopeCounts ? [] : [...stayingCounts].sort(([a], [b]) => a - b),
      [...foes].sort((a, b) => a - b),
      [...domains],
    ]);
    let row = this.#rows.get(text);
    if (row === undefined) {
      const limits = new Uint16Array(this.#input.families.families.length);
      const index = this.#nextRow++;
      const places = { selected, tolerated, residents, domains };
      row = { index, template: undefined, ...places, limits, boundLimits: limits };
      this.#rows.set(text, row);
    }
    return row;
  }

  #selected(labels: Labels): Uint8Array {
    const signature = JSON.stringify(this.#keys.map((key) => labels[key] ?? null));
    let selected = this.#selectedBySignature.get(signature);
    if (selected === undefined) {
      selected = Uint8Array.from(this.#selections, ({ alternatives }) =>
        alternatives.some((requirements) => admitsLabels(requirements, labels)) ? 1 : 0,
      );
      this.#selectedBySignature.set(signature, selected);
    }
    return selected;
  }

  #tolerated(taints: readonly Taint[]): Uint8Array {
    const text = taintsText(taints);
    let tolerated = this.#toleratedByText.get(text);
    if (tolerated === undefined) {
      tolerated = toleratedBy(taints, this.#input.families.tolerations);
      this.#toleratedByText.set(text, tolerated);
    }
    return tolerated;
  }

  #missingDaemons(selected: Uint8Array, taints: readonly Taint[], bound: readonly SnapshotPod[]) {
    const { daemons, daemonGroups, families } = this.#input;
    const first = families.selections.length;
    return daemonGroups.of((index) => {
      const daemon = daemons[index]!;
      return (
        selected[first + index] === 1 &&
        firstUntoleratedTaint(taints, daemon.tolerations) === undefined &&
        !bound.some((pod) => isPodOf(daemon, pod))
      );
    });
  }

  /** What the node says it has; what a starting node does not say yet, its type says. */
  #offered(node: Node, labels: Labels, startingPool: NodePool | undefined) {
    const capacity = offeredResources(node.status?.capacity ?? node.status?.allocatable ?? {});
    const allocatable = offeredResources(node.status?.allocatable ?? node.status?.capacity ?? {});
    if (startingPool === undefined) {
      return { capacity, allocatable };
    }
    const type = this.#typeOf(startingPool, labels[labelInstanceType] ?? '');
    return {
      capacity: filledIn(capacity, type?.capacity),
      allocatable: filledIn(allocatable, type?.allocatable),
    };
  }

  #typeOf(pool: NodePool, name: string): InstanceType | undefined {
    const types = this.#input.typesOf(pool);
    let byName = this.#typesByList.get(types);
    if (byName === undefined) {
      byName = new Map(types.map((type) => [type.name, type]));
      this.#typesByList.set(types, byName);
    }
    return byName.get(name);
  }
}

/** Amounts that are missing or 0 are taken from what is expected. */
function filledIn(actual: Resources, expected: Resources | undefined): Resources {
  const amounts: Record<string, number> = { ...actual };
  for (const [resource, amount] of Object.entries(expected ?? {})) {
    amounts[resource] ||= amount;
  }
  return amounts;
}

function entryOf(labels: Labels, key: string): [string, string][] {
  const value = labels[key];
  return value === undefined ? [] : [[key, value]];
}

/** Taints that count; `startingPool` is given while the node sheds its first ones. */
function effectiveTaints(node: Node, startingPool: NodePool | undefined): readonly Taint[] {
  const taints = (node.spec?.taints ?? []).filter(
    (taint) => startingPool === undefined || !isShed(taint, startingPool),
  );
  const isCordoned =
    node.spec?.unschedulable === true && !taints.some(({ key }) => key === unschedulableTaint.key);
  return isCordoned ? [...taints, unschedulableTaint] : taints;
}

function isShed(taint: Taint, pool: NodePool): boolean {
  return (
    isEphemeralTaint(taint) ||
    (pool.spec.template.spec.startupTaints ?? []).some(
      ({ key, effect }) => key === taint.key && effect === taint.effect,
    )
  );
}
