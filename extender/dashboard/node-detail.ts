/**
 * All about one node, for whoever clicks on it.
 *
 * In: the id of its tile. Out: its tile, its pods one by one, taints, conditions, decisions about it.
 * O(pods of the node), plus one walk over the last decisions.
 */
import type { Condition } from '../../core/api/kubernetes.ts';
import type { LivePod } from '../../core/state/live-pod.ts';
import { isTerminal, podKey } from '../../core/state/snapshot.ts';
import type { DashboardSources } from './collector.ts';
import { plannedPods, tileSubject } from './node-tile.ts';
import { requestText, workloadGroup } from './workload-group.ts';

export interface NodeDetail {
  readonly node: string;
  readonly claim: string;
  readonly providerID: string;
  /** As in `kubectl taint`. */
  readonly taints: readonly string[];
  readonly conditions: readonly ConditionLine[];
  /** Bound ones first, then those that it is held for. */
  readonly pods: readonly PodLine[];
  readonly decisions: readonly {
    readonly timeMs: number;
    readonly outcome: string;
    readonly reason: string;
  }[];
}

export interface ConditionLine {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly sinceMs: number;
}

export interface PodLine {
  readonly name: string;
  readonly workload: string;
  readonly asks: string;
  /** Phase, `Planned` for those to come, `Terminating` for those that leave. */
  readonly phase: string;
  readonly createdMs: number;
}

/** Decisions that are searched for the node's. */
const decisionsSearched = 5_000;
const decisionsShown = 20;

/** Undefined if there is no such node. */
export function nodeDetail(sources: DashboardSources, id: string): NodeDetail | undefined {
  const { view, decisions } = sources;
  const subject = tileSubject(view, id);
  if (subject === undefined) return undefined;
  const { claim, node } = subject;
  const nodeName = node?.metadata.name ?? '';
  const claimName = claim?.metadata.name ?? '';
  const bound = [...view.usageOf(nodeName).pods.values()].filter((pod) => !isTerminal(pod));
  const conditions = [...(claim?.status?.conditions ?? []), ...(node?.status?.conditions ?? [])];
  const names = new Set([nodeName, claimName]);
  const told = decisions
    .recent(decisionsSearched)
    .filter(
      ({ subject: { kind, name } }) => (kind === 'Node' || kind === 'NodeClaim') && names.has(name),
    );
  return {
    node: nodeName,
    claim: claimName,
    providerID: claim?.status?.providerID ?? node?.spec?.providerID ?? '',
    taints: (node?.spec?.taints ?? []).map(
      ({ key, value = '', effect }) => `${key}${value === '' ? '' : `=${value}`}:${effect}`,
    ),
    conditions: conditions.map(conditionLine),
    pods: [
      ...bound.map((pod) => podLine(pod, pod.deletionMs > 0 ? 'Terminating' : pod.phase)),
      ...plannedPods(view, claim).map((pod) => podLine(pod, 'Planned')),
    ],
    decisions: told
      .slice(-decisionsShown)
      .map(({ timeMs, outcome, reason }) => ({ timeMs, outcome, reason })),
  };
}

function conditionLine(condition: Condition): ConditionLine {
  const { type, status, reason = '', message = '', lastTransitionTime } = condition;
  const sinceMs = lastTransitionTime === undefined ? 0 : Date.parse(lastTransitionTime);
  return { type, status, reason, message, sinceMs };
}

function podLine(pod: LivePod, phase: string): PodLine {
  return {
    name: podKey(pod),
    workload: workloadGroup(pod),
    asks: requestText(pod.spec),
    phase,
    createdMs: pod.createdMs,
  };
}
