/**
 * The demand side of a model: which pods are to be placed, what they take, which rules they carry.
 *
 * In: a snapshot. Out: families with their requests, the rule book with every rule that matters, and
 * the pods that are left out from the start. It looks at no pool and no offering beyond asking
 * whether something may be scarce.
 */
import { labelHostname } from '../api/labels.ts';
import type { NodePool } from '../api/nodepool.ts';
import { mayRunOut } from '../ec2/node-addresses.ts';
import { type DaemonTemplate, daemonTemplates } from '../scheduling/daemonsets.ts';
import { isReservedOnly, whyIdle } from '../scheduling/pool-admission.ts';
import { type ClusterSnapshot, isTerminal } from '../state/snapshot.ts';
import type { Steps } from '../steps.ts';
import type { ModelOptions, RejectedPod } from './packing-model.ts';
import { type Family, type PodFamilies, plannablePods, podFamilies } from './pod-families.ts';
import { type PodRoles, podRoles } from './pod-roles.ts';
import {
  podAmounts,
  type ResourceAxis,
  resourceAxis,
  unitsDown,
  unitsUp,
} from './resource-axis.ts';
import { RuleBook } from './rule-book.ts';

/** Pods and what they demand. */
export interface Demands {
  readonly roles: PodRoles;
  readonly rejected: readonly RejectedPod[];
  readonly book: RuleBook;
  readonly daemons: readonly DaemonTemplate[];
  readonly families: PodFamilies;
  readonly axis: ResourceAxis;
  readonly requests: readonly Float64Array[];
  readonly boundRequests: readonly Float64Array[];
  /** Topology keys but the hostname, of rules of pending and of bound pods. */
  readonly topologyKeys: ReadonlySet<string>;
}

/** Reads the demand side. Walks over the pods, with a rest after each; what follows goes by template. */
export function* readDemands(snapshot: ClusterSnapshot, options: ModelOptions): Steps<Demands> {
  const roles = podRoles(snapshot);
  yield;
  const book = new RuleBook(snapshot.namespaceLabels);
  const plannable = plannablePods(snapshot, roles.pending, book);
  yield;
  const daemons = daemonTemplates(snapshot.daemonSets, snapshot.pods);
  for (const { spec, namespace, labels } of daemons) {
    book.carried(spec, namespace, labels);
  }
  yield;
  const topologyKeys = new Set<string>();
  for (const indices of roles.placed.values()) {
    for (const index of indices) {
      const pod = snapshot.pods[index]!;
      if (!isTerminal(pod)) {
        const { separations } = book.carried(pod.spec, pod.namespace, pod.labels);
        separations.forEach(({ rule }) => topologyKeys.add(rule.topologyKey));
      }
    }
  }
  yield;
  const launching = snapshot.nodePools.filter((pool) => whyIdle(pool) === undefined);
  const isScarce =
    options.maxNodes !== undefined ||
    launching.length === 0 ||
    launching.some(isLimited) ||
    (options.addresses ?? []).some(({ free }) => mayRunOut(free, roles.pending.length));
  const families = podFamilies(snapshot, plannable.pods, book, isScarce);
  for (const { rules } of families.families) {
    [...rules.spreads, ...rules.separations].forEach(({ rule }) =>
      topologyKeys.add(rule.topologyKey),
    );
  }
  topologyKeys.delete(labelHostname);
  const axis = resourceAxis(families.families.map(({ requests }) => requests));
  const amounts = families.families.map(({ requests }) => podAmounts(axis, requests));
  const requests = amounts.map((one) => unitsUp(axis, one));
  const boundRequests = amounts.map((one, family) => {
    const down = unitsDown(axis, one);
    return down.every((units, r) => units === requests[family]![r]) ? requests[family]! : down;
  });
  const { rejected } = plannable;
  return { roles, rejected, book, daemons, families, axis, requests, boundRequests, topologyKeys };
}

/** Whether a pool may launch only so much. */
function isLimited(pool: NodePool): boolean {
  return Object.keys(pool.spec.limits ?? {}).length > 0 || isReservedOnly(pool);
}

/** Topology keys (but the hostname) of rules that a family carries or is counted by. */
export function countedKeys(families: readonly Family[]): (family: Family) => readonly string[] {
  const keysOfScope = new Map<number, Set<string>>();
  for (const { rules } of families) {
    for (const { rule, scope } of [...rules.spreads, ...rules.separations]) {
      if (rule.topologyKey !== labelHostname) {
        keysOfScope.set(scope, (keysOfScope.get(scope) ?? new Set()).add(rule.topologyKey));
      }
    }
  }
  return ({ rules, scopes }) => {
    const own = [...rules.spreads, ...rules.separations].map(({ rule }) => rule.topologyKey);
    const counted = [...scopes].flatMap((scope) => [...(keysOfScope.get(scope) ?? [])]);
    return [...new Set([...own, ...counted])].filter((key) => key !== labelHostname).sort();
  };
}
