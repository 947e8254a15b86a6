// What must hold on every cluster at every moment, checked at every event.
//
// In:  a cluster watch. Out: violations, each once, in words and in numbers.
// KWOK runs whatever is bound to its nodes, so nothing but this notices that a
// node was promised more than it has. It shares no code with the product.
//   overcommitted  the requests of the pods on a node exceed its allocatable
//   rebound        a pod's node changed, or was taken away again
//   failed         a pod failed (KWOK fails none: the control plane gave it up)
//   lost           a pod that nobody may remove is gone

import type { Change, ClusterWatch } from './cluster-watch.ts';
import { type Amounts, effectiveRequest, parseQuantities, sum } from './effective-request.ts';
import { keyOf, type Node, type Pod } from './objects.ts';

/** One broken promise. */
export interface Violation {
  readonly kind: 'overcommitted' | 'rebound' | 'failed' | 'lost';
  /** The node for "overcommitted", otherwise the pod. */
  readonly subject: string;
  /** The version of the object whose change showed it. */
  readonly resourceVersion: string;
  readonly message: string;
}

/** What a scenario does on purpose. */
export interface InvariantOptions {
  /**
   * True for a pod that may disappear before it has succeeded. By default those
   * whose controller makes a new one. (That a deletion was asked for says nothing:
   * the API server notes that on whatever is deleted.)
   */
  readonly mayBeRemoved?: (pod: Pod) => boolean;
  /** True for a pod that may fail. By default none. */
  readonly mayFail?: (pod: Pod) => boolean;
}

/** A running check. */
export interface InvariantWatch {
  readonly violations: readonly Violation[];
  /** How many times a node's sum was compared with its allocatable: a check that never ran proves nothing. */
  readonly comparisons: number;
}

/** More violations than this are not listed: the first ones tell what went wrong. */
const VIOLATIONS_MAX = 1_000;

/** Begins to check; what breaks a promise already is found at once. */
export function watchInvariants(
  cluster: ClusterWatch,
  options: InvariantOptions = {},
): InvariantWatch {
  const mayBeRemoved = options.mayBeRemoved ?? isControlled;
  const mayFail = options.mayFail ?? (() => false);
  const violations: Violation[] = [];
  const podsByNode = new Map<string, Map<string, Amounts>>();
  const allocatableByNode = new Map<string, Amounts>();
  /** What a node is overcommitted in now, so that one overcommit is reported once and not at every event. */
  const overcommitted = new Map<string, string>();
  let comparisons = 0;

  function report(
    kind: Violation['kind'],
    subject: string,
    resourceVersion: string,
    message: string,
  ): void {
    if (violations.length < VIOLATIONS_MAX)
      violations.push({ kind, subject, resourceVersion, message });
  }

  function compare(nodeName: string, resourceVersion: string): void {
    const allocatable = allocatableByNode.get(nodeName);
    const pods = podsByNode.get(nodeName);
    // The other stream may run ahead: a Node not seen yet is compared when it is seen.
    if (allocatable === undefined || pods === undefined) return;
    comparisons += 1;
    const requested = new Map([...sum([...pods.values()]), ['pods', BigInt(pods.size)] as const]);
    const excesses = [...requested]
      .filter(([name, amount]) => amount > (allocatable.get(name) ?? 0n))
      .map(
        ([name, amount]) =>
          `${name}: ${amount} requested, ${allocatable.get(name) ?? 0n} allocatable`,
      );
    const message = excesses.join('; ');
    if (message === (overcommitted.get(nodeName) ?? '')) return;
    overcommitted.set(nodeName, message);
    if (message !== '') {
      report(
        'overcommitted',
        nodeName,
        resourceVersion,
        `${message} (pods: ${[...pods.keys()].join(', ')})`,
      );
    }
  }

  function onPod({ type, object, previous, isAfterGap }: Change<Pod>): void {
    const key = keyOf(object.metadata);
    const version = object.metadata.resourceVersion ?? '';
    const nodeName = object.spec.nodeName;
    const isSamePod = previous?.metadata.uid === object.metadata.uid;
    const previousNode = isSamePod ? previous?.spec.nodeName : undefined;

    if (type === 'deleted') {
      if (object.status?.phase !== 'Succeeded' && !mayBeRemoved(object)) {
        report(
          'lost',
          key,
          version,
          isAfterGap
            ? 'gone, as seen after a gap in the watch'
            : `deleted while ${object.status?.phase ?? 'new'}`,
        );
      }
    } else {
      if (previousNode !== undefined && previousNode !== nodeName) {
        report('rebound', key, version, `was on ${previousNode}, is on ${nodeName ?? 'no node'}`);
      }
      const hasFailed =
        object.status?.phase === 'Failed' && !(isSamePod && previous?.status?.phase === 'Failed');
      if (hasFailed && !mayFail(object)) {
        report(
          'failed',
          key,
          version,
          `${object.status?.reason ?? 'no reason'}: ${object.status?.message ?? ''}`,
        );
      }
    }

    for (const name of new Set([previousNode, nodeName])) {
      if (name === undefined) continue;
      const isHere = type !== 'deleted' && name === nodeName && !isTerminal(object);
      const pods = podsByNode.get(name) ?? new Map<string, Amounts>();
      podsByNode.set(name, pods);
      if (isHere) pods.set(key, effectiveRequest(object));
      else pods.delete(key);
      compare(name, version);
    }
  }

  function onNode({ type, object }: Change<Node>): void {
    const { name } = object.metadata;
    if (type === 'deleted') {
      allocatableByNode.delete(name);
      overcommitted.delete(name);
      return;
    }
    allocatableByNode.set(name, parseQuantities(object.status?.allocatable));
    compare(name, object.metadata.resourceVersion ?? '');
  }

  cluster.listen({ onPod, onNode });
  return {
    violations,
    get comparisons() {
      return comparisons;
    },
  };
}

function isTerminal(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

function isControlled(pod: Pod): boolean {
  return (pod.metadata.ownerReferences ?? []).some((owner) => owner.controller === true);
}
