/**
 * What is told of the end of nodes and pods: Events as Karpenter words them, and decision records.
 *
 * In: what happened. Out: calls of the recorder, which merges repetitions. It decides nothing.
 */
import { conditionOf } from '../../../core/api/conditions.ts';
import type { ObjectReference } from '../../../core/api/control-objects.ts';
import { type Kind, kinds, type Live } from '../../../core/api/kinds.ts';
import { conditionDisruptionReason } from '../../../core/disruption/termination.ts';
import type { LivePod } from '../../../core/state/live-pod.ts';
import { podKey } from '../../../core/state/snapshot.ts';
import type { ControllerContext } from '../context.ts';

type Told = Pick<ControllerContext, 'recorder' | 'clock'>;
type Owned = 'Node' | 'NodeClaim';

/** Names listed in one message. */
const namesMax = 5;

/** Why a claim's pods are moved, in Karpenter's words. */
export function disruptionReasonOf(claim: Live<'NodeClaim'> | undefined): string {
  const condition = claim === undefined ? undefined : conditionOf(claim, conditionDisruptionReason);
  return condition?.status === 'True'
    ? (condition.reason ?? 'Forceful Termination')
    : 'Forceful Termination';
}

export function tellEvicted({ recorder }: Told, pod: LivePod, reason: string): void {
  recorder.event(podReference(pod), 'Normal', 'Evicted', `Evicted pod: ${reason}`);
}

export function tellForced(
  { recorder }: Told,
  pod: LivePod,
  graceSeconds: number,
  deadlineMs: number,
): void {
  const asked = pod.spec.terminationGracePeriodSeconds ?? 30;
  recorder.event(
    podReference(pod),
    'Normal',
    'Disrupted',
    `Deleting the pod because its node must be empty by ${new Date(deadlineMs).toISOString()}: it gets ` +
      `${graceSeconds} s of its ${asked} s to end, whatever its disruption budget and its ` +
      'karpenter.sh/do-not-disrupt annotation say',
  );
}

export function tellFailedDraining({ recorder }: Told, node: Live<'Node'>, why: string): void {
  recorder.event(
    reference('Node', node),
    'Warning',
    'FailedDraining',
    `Failed to drain node, ${why}`,
  );
}

/** Pods that stay because they ask not to be disrupted, or ask in a way that nobody understands. */
export function tellHeld(told: Told, node: Live<'Node'>, held: readonly LivePod[]): void {
  const names = listed(held.map(podKey));
  const asks = held.length === 1 ? 'a pod asks' : `${held.length} pods ask`;
  tellFailedDraining(told, node, `${asks} not to be disrupted (${names})`);
}

export function tellInvalidProtection({ recorder }: Told, pod: LivePod, value: string): void {
  recorder.event(
    podReference(pod),
    'Warning',
    'InvalidDoNotDisruptAnnotation',
    `karpenter.sh/do-not-disrupt: expected "true" or a positive duration such as 30m, found "${value}"; the annotation is ignored`,
  );
}

export function tellAwaitingVolumes(
  { recorder }: Told,
  node: Live<'Node'>,
  attachments: readonly Live<'VolumeAttachment'>[],
): void {
  const names = listed(attachments.map(({ metadata }) => metadata.name));
  recorder.event(
    reference('Node', node),
    'Normal',
    'AwaitingVolumeDetachment',
    `Awaiting deletion of bound volumeattachments (${names})`,
  );
}

export function tellDeadline<K extends Owned>(
  { recorder }: Told,
  kind: K,
  object: Live<K>,
  deadline: string,
): void {
  const message = `All pods will be deleted by ${deadline}`;
  recorder.event(reference(kind, object), 'Warning', 'TerminationGracePeriodExpiring', message);
}

/** Keeps a decision about a node or a claim. */
export function decideOn<K extends Owned>(
  { recorder, clock }: Told,
  kind: K,
  { metadata: { name, uid } }: Live<K>,
  outcome: string,
  reason: string,
): void {
  const subject = { kind, name, uid };
  recorder.decide({ timeMs: clock.nowMs(), actor: 'termination', subject, outcome, reason });
}

/** What an Event says it is about. */
export function reference<K extends Kind>(kind: K, { metadata }: Live<K>): ObjectReference {
  const { name, namespace, uid } = metadata;
  return {
    apiVersion: kinds[kind].apiVersion,
    kind: kinds[kind].kind,
    name,
    uid,
    ...(namespace === undefined ? {} : { namespace }),
  };
}

function podReference({ namespace, name, uid }: LivePod): ObjectReference {
  return { apiVersion: 'v1', kind: 'Pod', namespace, name, uid };
}

function listed(names: readonly string[]): string {
  const rest = names.length - namesMax;
  const shown = names.slice(0, namesMax).join(', ');
  return rest > 0 ? `${shown} and ${rest} more` : shown;
}
