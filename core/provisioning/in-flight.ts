/**
 * The cluster as it will be once what is under way has happened: what new plans start from.
 *
 * In: the snapshot of what is, NodeClaims, the pods to plan for. Out: a snapshot in which every claim
 * is a node, planned pods stand on the nodes planned for them, nodes that leave are gone with their
 * pods (of those that the cloud takes away the pods are planned for before they go) and pods that
 * nobody is to plan for now are left out. So a plan never counts the same room twice and
 * never launches a second node for pods that have one coming.
 */
import { isTrue } from '../api/conditions.ts';
import type { Live } from '../api/kinds.ts';
import type { Node } from '../api/kubernetes.ts';
import { disruptedTaint, labelHostname, labelInitialized, reservedTaint } from '../api/labels.ts';
import type { NodeClaim } from '../api/nodeclaim.ts';
import type { NodePool } from '../api/nodepool.ts';
import { interruptionOf } from '../interruption/interruption-record.ts';
import { hasReservedTaint } from '../scheduling/taints.ts';
import type { LivePod } from '../state/live-pod.ts';
import type { ClusterSnapshot, SnapshotPod } from '../state/snapshot.ts';
import type { Steps } from '../steps.ts';

export interface PlanningFacts {
  readonly snapshot: ClusterSnapshot;
  readonly claims: Iterable<Live<'NodeClaim'>>;
  /** Pods to plan for now. */
  readonly pending: ReadonlySet<LivePod | SnapshotPod>;
  /** Pods of nodes that the cloud takes away, as their successors will be. */
  readonly successors?: readonly SnapshotPod[];
  /** Pods planned on a claim, UID -> name of the claim. */
  readonly claimOfPod: ReadonlyMap<string, string>;
  /** Whether pods may be added to the claim; another's node counts as an open one from the start. */
  readonly isOurs: (claim: NodeClaim) => boolean;
  /** Pools that new nodes may come from. */
  readonly nodePools: readonly NodePool[];
  /**
   * False: pods may be planned on nodes under way only, not on those that kube-scheduler could use by
   * itself. They are there all the same, for the limits of their pools and the rules among pods.
   */
  readonly withOpenNodes: boolean;
}

export interface PlanningSnapshot {
  readonly snapshot: ClusterSnapshot;
  /** Name of a node in the snapshot -> the claim that it stands for, for nodes not open yet. */
  readonly inFlight: ReadonlyMap<string, Live<'NodeClaim'>>;
}

/** Pods between two rests: a few milliseconds. */
const podsPerStep = 5_000;

/** O(pods + nodes + claims), in steps; claims are read in the first. */
export function* planningSnapshot(facts: PlanningFacts): Steps<PlanningSnapshot> {
  const { snapshot, claimOfPod } = facts;
  // By UID: a pod that has changed since it was found pending is still the same pod.
  const pending = new Set(Array.from(facts.pending, ({ uid }) => uid));
  const nodes: Node[] = [];
  const inFlight = new Map<string, Live<'NodeClaim'>>();
  const nodeOfClaim = new Map<string, string>();
  const hidden = new Set<string>();
  const nodeByProvider = new Map(
    snapshot.nodes.flatMap((node) =>
      node.spec?.providerID === undefined ? [] : [[node.spec.providerID, node] as const],
    ),
  );
  for (const claim of facts.claims) {
    const node = nodeByProvider.get(claim.status?.providerID ?? '');
    if (isLeaving(claim)) {
      if (node !== undefined) hidden.add(node.metadata.name ?? '');
      continue;
    }
    if (node !== undefined && isTrue(claim, 'Registered')) {
      const name = node.metadata.name ?? '';
      nodeOfClaim.set(claim.metadata.name, name);
      if (hasReservedTaint(node)) {
        inFlight.set(name, claim);
        hidden.add(name);
        nodes.push(opened(node));
      }
      continue;
    }
    if (node !== undefined) hidden.add(node.metadata.name ?? '');
    const isOurs = facts.isOurs(claim);
    if (!isOurs && !facts.withOpenNodes) continue;
    nodes.push(expectedNode(claim));
    if (isOurs) inFlight.set(claim.metadata.name, claim);
    nodeOfClaim.set(claim.metadata.name, claim.metadata.name);
  }
  for (const node of snapshot.nodes) {
    if (isNodeLeaving(node) || hidden.has(node.metadata.name ?? '')) continue;
    nodes.push(facts.withOpenNodes ? node : closed(node));
  }
  yield;
  const shown = new Set(nodes.map(({ metadata }) => metadata.name ?? ''));
  const pods: SnapshotPod[] = [];
  for (const [index, pod] of snapshot.pods.entries()) {
    if (index % podsPerStep === podsPerStep - 1) yield;
    if (pod.nodeName !== '') {
      if (shown.has(pod.nodeName)) pods.push(pod);
    } else if (pending.has(pod.uid)) {
      pods.push(pod);
    } else {
      const nodeName = nodeOfClaim.get(claimOfPod.get(pod.uid) ?? '');
      if (nodeName !== undefined) pods.push({ ...pod, nodeName });
    }
  }
  for (const pod of facts.successors ?? []) {
    const nodeName = nodeOfClaim.get(claimOfPod.get(pod.uid) ?? '');
    if (nodeName !== undefined) pods.push({ ...pod, nodeName });
    else if (pending.has(pod.uid)) pods.push(pod);
  }
  return {
    snapshot: { ...snapshot, pods, nodes, nodePools: facts.nodePools },
    inFlight,
  };
}

/** The node that a claim will become, as far as its labels and its status tell. */
export function expectedNode(claim: Live<'NodeClaim'>): Node {
  const { metadata, spec, status } = claim;
  const taints = (spec.taints ?? []).filter(({ key }) => key !== reservedTaint.key);
  const labels: Record<string, string> = {
    ...metadata.labels,
    [labelHostname]: metadata.name,
  };
  delete labels[labelInitialized];
  return {
    metadata: { name: metadata.name, labels },
    spec: {
      taints,
      ...(status?.providerID === undefined ? {} : { providerID: status.providerID }),
    },
    status: {
      ...(status?.capacity === undefined ? {} : { capacity: status.capacity }),
      ...(status?.allocatable === undefined ? {} : { allocatable: status.allocatable }),
    },
  };
}

function isLeaving(claim: NodeClaim): boolean {
  return claim.metadata.deletionTimestamp !== undefined || interruptionOf(claim) !== undefined;
}

function isNodeLeaving(node: Node): boolean {
  return (
    node.metadata.deletionTimestamp !== undefined ||
    (node.spec?.taints ?? []).some(({ key }) => key === disruptedTaint.key)
  );
}

/** The node without the taint that only holds it for the moment. */
function opened(node: Node): Node {
  const taints = (node.spec?.taints ?? []).filter(({ key }) => key !== reservedTaint.key);
  return { ...node, spec: { ...node.spec, taints } };
}

/** The node as one that takes no more pods, whatever they tolerate. */
function closed(node: Node): Node {
  const taints = [...(node.spec?.taints ?? []), { ...disruptedTaint }];
  return { ...node, spec: { ...node.spec, taints } };
}
