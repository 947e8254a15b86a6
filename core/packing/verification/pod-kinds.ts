/**
 * Pods of one template, seen with the eyes of a scheduler: what they ask of a node.
 *
 * In: pods. Out: kinds, one for each distinct (spec, labels, namespace), with their requests, node
 * selection, tolerations, host ports and the rules that they carry, straight from the primitives of
 * `core/scheduling`. It shares nothing with the families of the packing model.
 */
import type { PodSpec, Toleration } from '../../api/kubernetes.ts';
import { type HostPort, hostPortsOf } from '../../scheduling/host-ports.ts';
import { type NodeSelection, nodeSelectionOf } from '../../scheduling/node-affinity.ts';
import { effectiveRequests } from '../../scheduling/requests.ts';
import type { Resources } from '../../scheduling/resources.ts';
import {
  type NamespaceLabels,
  type SeparationRule,
  type SpreadRule,
  separationRulesOf,
  spreadRulesOf,
} from '../../scheduling/topology.ts';

type Labels = Readonly<Record<string, string>>;

/** What defines a kind; pods and DaemonSet templates both have it. */
export interface PodTemplate {
  readonly namespace: string;
  readonly labels: Labels;
  readonly spec: PodSpec;
}

/** Pods that ask the same of a node. */
export interface PodKind extends PodTemplate {
  readonly id: number;
  readonly requests: Resources;
  readonly selection: NodeSelection;
  readonly tolerations: readonly Toleration[];
  readonly ports: readonly HostPort[];
  readonly spreads: readonly SpreadRule[];
  readonly separations: readonly SeparationRule[];
}

/** Numbers kinds by the identity of specs and labels, which pods of one template share. */
export class PodKinds {
  readonly all: PodKind[] = [];
  readonly #namespaces: NamespaceLabels;
  readonly #selections = new Map<PodSpec, NodeSelection>();
  readonly #known = new Map<PodSpec, Map<Labels, Map<string, PodKind>>>();

  constructor(namespaces: NamespaceLabels) {
    this.#namespaces = namespaces;
  }

  /** The kind of a pod; made at first sight. */
  of({ spec, labels, namespace }: PodTemplate): PodKind {
    const byLabels = entry(this.#known, spec, () => new Map<Labels, Map<string, PodKind>>());
    const byNamespace = entry(byLabels, labels, () => new Map<string, PodKind>());
    return entry(byNamespace, namespace, () => {
      const kind: PodKind = {
        id: this.all.length,
        namespace,
        labels,
        spec,
        requests: effectiveRequests(spec),
        selection: entry(this.#selections, spec, () => nodeSelectionOf(spec)),
        tolerations: spec.tolerations ?? [],
        ports: hostPortsOf(spec),
        spreads: spreadRulesOf(spec, namespace, labels),
        separations: separationRulesOf(spec, namespace, labels, this.#namespaces),
      };
      this.all.push(kind);
      return kind;
    });
  }
}

/** What a Map and a WeakMap have in common. */
interface Cache<K, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): unknown;
}

/** The value at `key`, made if there is none. */
export function entry<K, V>(map: Cache<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

/** Kinds with their numbers of pods. */
export type KindCounts = ReadonlyMap<PodKind, number>;

/** Counts pods by kind, in the order of their first appearance. */
export function countKinds(kinds: PodKinds, pods: Iterable<PodTemplate>): Map<PodKind, number> {
  const counts = new Map<PodKind, number>();
  for (const pod of pods) {
    const kind = kinds.of(pod);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

const sums = new WeakMap<KindCounts, Resources>();

/**
 * Sum of effective requests, every pod's own slot (`pods`) included. Cached by identity of `counts`,
 * which must not be changed afterwards.
 */
export function sumRequests(counts: KindCounts): Resources {
  return entry(sums, counts, () => addRequests(counts));
}

function addRequests(counts: KindCounts): Resources {
  const sum: Record<string, number> = { pods: 0 };
  for (const [{ requests }, pods] of counts) {
    for (const [resource, amount] of Object.entries(requests)) {
      sum[resource] = (sum[resource] ?? 0) + pods * amount;
    }
    sum['pods']! += pods;
  }
  return sum;
}
