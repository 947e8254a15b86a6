/**
 * Nodes that exist: who stands on them, what they have, and what keeps pods away.
 *
 * In: a snapshot. Out: per node that stays its labels, taints, allocatable resources and the pods on
 * it that have not finished; and for every pod of the snapshot whether a plan may place it. Read from
 * the objects themselves, not from the packing model.
 *
 * Rules: pods of a node that is being deleted are placed anew, except DaemonSet and mirror pods and
 * those that are being deleted, which want no place but hold the one that they have. A
 * node of a pool that is not initialized yet is not held to taints that it will shed, and figures that
 * it does not report yet are those of its type.
 */
import type { Node, Taint } from '../../api/kubernetes.ts';
import {
  annotationMirrorPod,
  disruptedTaint,
  labelInitialized,
  labelInstanceType,
  labelNodePool,
} from '../../api/labels.ts';
import type { NodePool } from '../../api/nodepool.ts';
import { offeredResources } from '../../scheduling/quantity.ts';
import type { Resources } from '../../scheduling/resources.ts';
import { isEphemeralTaint, unschedulableTaint } from '../../scheduling/taints.ts';
import { unmodelledRule } from '../../scheduling/unmodelled-rules.ts';
import { canonicalLabels } from '../../scheduling/well-known-labels.ts';
import {
  type ClusterSnapshot,
  isTerminal,
  isTerminating,
  type SnapshotPod,
} from '../../state/snapshot.ts';
import type { InstanceTypesOfPool } from '../packing-model.ts';
import { entry } from './pod-kinds.ts';

/** A node that exists and stays. */
export interface StandingNode {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly capacity: Resources;
  readonly allocatable: Resources;
  /** Pods on it that have not finished. */
  readonly pods: readonly SnapshotPod[];
  /** False for a NodeClaim that no instance stands behind yet. */
  readonly isLaunched: boolean;
  /** Why nothing may be placed on it, whatever the pod. */
  readonly closed: string | undefined;
}

/** Where a pod is before the plan. */
export type PodStanding =
  /** To be placed, or reported as unschedulable. */
  | { readonly kind: 'pending' }
  /** On a node, and stays there. */
  | { readonly kind: 'bound'; readonly node: string }
  /** On no node, and not for a plan to place. */
  | { readonly kind: 'withheld'; readonly reason: string };

/** The cluster before the plan. */
export interface Standing {
  readonly nodes: ReadonlyMap<string, StandingNode>;
  /** [pod of the snapshot] */
  readonly pods: readonly PodStanding[];
}

/** Reads nodes and pods; O(nodes + pods). */
export function readStanding(snapshot: ClusterSnapshot, typesOf: InstanceTypesOfPool): Standing {
  const leaving = new Set<string>();
  for (const { metadata } of snapshot.nodes) {
    if (metadata.deletionTimestamp !== undefined) leaving.add(metadata.name ?? '');
  }
  const pods = snapshot.pods.map((pod) => standingOf(pod, leaving));
  const podsOf = new Map<string, SnapshotPod[]>();
  snapshot.pods.forEach((pod, index) => {
    const standing = pods[index]!;
    if (standing.kind !== 'bound' || isTerminal(pod)) return;
    entry(podsOf, standing.node, (): SnapshotPod[] => []).push(pod);
  });
  const pools = new Map(snapshot.nodePools.map((pool) => [pool.metadata.name ?? '', pool]));
  const nodes = new Map<string, StandingNode>();
  for (const node of snapshot.nodes) {
    const name = node.metadata.name ?? '';
    if (!leaving.has(name)) nodes.set(name, readNode(node, pools, podsOf.get(name) ?? [], typesOf));
  }
  return { nodes, pods };
}

function standingOf(pod: SnapshotPod, leaving: ReadonlySet<string>): PodStanding {
  const isMirror = pod.annotations[annotationMirrorPod] !== undefined;
  const isPinned = isMirror || pod.ownerKind === 'DaemonSet';
  const stays = isPinned || isTerminal(pod) || isTerminating(pod);
  if (pod.nodeName !== '' && (stays || !leaving.has(pod.nodeName))) {
    return { kind: 'bound', node: pod.nodeName };
  }
  if (isTerminal(pod)) return { kind: 'withheld', reason: 'has finished' };
  if (isTerminating(pod)) return { kind: 'withheld', reason: 'is being deleted' };
  if (isMirror) return { kind: 'withheld', reason: 'is a static pod' };
  if (pod.ownerKind === 'DaemonSet') return { kind: 'withheld', reason: 'belongs to a DaemonSet' };
  if (pod.nodeName === '' && (pod.spec.schedulingGates ?? []).length > 0) {
    return { kind: 'withheld', reason: 'is held back by scheduling gates' };
  }
  const rule = unmodelledRule(pod);
  return rule === undefined ? { kind: 'pending' } : { kind: 'withheld', reason: rule };
}

function readNode(
  node: Node,
  pools: ReadonlyMap<string, NodePool>,
  pods: readonly SnapshotPod[],
  typesOf: InstanceTypesOfPool,
): StandingNode {
  const labels = canonicalLabels(node.metadata.labels ?? {});
  const pool = pools.get(labels[labelNodePool] ?? '');
  const startingPool = labels[labelInitialized] === 'true' ? undefined : pool;
  const types = startingPool === undefined ? [] : typesOf(startingPool);
  const type = types.find(({ name }) => name === labels[labelInstanceType]);
  const { capacity, allocatable } = node.status ?? {};
  const taints = (node.spec?.taints ?? []).filter((taint) => !isShed(taint, startingPool));
  if (node.spec?.unschedulable === true) taints.push(unschedulableTaint);
  return {
    name: node.metadata.name ?? '',
    labels,
    taints,
    capacity: completed(offeredResources(capacity ?? allocatable ?? {}), type?.capacity),
    allocatable: completed(offeredResources(allocatable ?? capacity ?? {}), type?.allocatable),
    pods,
    isLaunched: node.spec?.providerID !== undefined || labels[labelInitialized] === 'true',
    closed: taints.some(({ key }) => key === disruptedTaint.key)
      ? `has the taint ${disruptedTaint.key}`
      : undefined,
  };
}

function isShed(taint: Taint, startingPool: NodePool | undefined): boolean {
  if (startingPool === undefined) return false;
  const startup = startingPool.spec.template.spec.startupTaints ?? [];
  return (
    isEphemeralTaint(taint) ||
    startup.some(({ key, effect }) => key === taint.key && effect === taint.effect)
  );
}

/** Reported amounts; those that are missing or 0 as they are expected to become. */
function completed(reported: Resources, expected: Resources | undefined): Resources {
  const amounts: Record<string, number> = { ...reported };
  for (const [resource, amount] of Object.entries(expected ?? {})) {
    if ((amounts[resource] ?? 0) === 0) amounts[resource] = amount;
  }
  return amounts;
}
