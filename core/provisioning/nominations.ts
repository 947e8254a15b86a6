/**
 * Which pods a NodeClaim was made for.
 *
 * In: a NodeClaim. Out: UIDs of pods that count as placed there. Pods that we bind are in the claim's
 * reservation; pods that others bind (another scheduler's, or all of them in advise mode) are only
 * named, and hold nothing. Both count until the node is open to all and some time has passed, so
 * that no second node is launched for pods that are on their way. Pods that it stands in for, because
 * their own node is taken away, count as long as they are there. A claim that is itself taken away
 * has no pods planned on it.
 */
import { type Annotations, annotationStrings } from '../api/annotation-json.ts';
import { conditionOf } from '../api/conditions.ts';
import type { Live } from '../api/kinds.ts';
import type { NodeClaim } from '../api/nodeclaim.ts';
import { interruptionOf } from '../interruption/interruption-record.ts';
import { annotationReservation, reservationOf } from '../scheduling/reservation-record.ts';
import { standInsOf } from './stand-ins.ts';

/** JSON list of pod UIDs. */
export const annotationNominated = 'stowage.dev/nominated';

/** A scheduler that binds by itself has so long after initialization to use the node. */
export const nominationGraceMs = 60_000;

/** Pods that are planned on the claim's node at this time, by UID. */
export function plannedOn(claim: NodeClaim, nowMs: number): ReadonlySet<string> {
  if (claim.metadata.deletionTimestamp !== undefined) return none;
  if (interruptionOf(claim) !== undefined) return none;
  const { annotations } = claim.metadata;
  const reservation = reservationOf(annotations);
  const owners =
    reservation !== undefined && nowMs < reservation.expiresAtMs ? reservation.owners : none;
  const nominated = nominatedOf(annotations);
  const named = nominated.length > 0 && isAwaited(claim, nowMs) ? nominated : [];
  const standIns = standInsOf(claim);
  if (named.length + standIns.length === 0) return owners;
  return new Set([...owners, ...named, ...standIns]);
}

/** UID -> name of the claim that the pod is planned on. A pod on two claims belongs to the older. */
export function podsOnClaims(
  claims: readonly Live<'NodeClaim'>[],
  nowMs: number,
): ReadonlyMap<string, string> {
  const byAge = claims.toSorted(({ metadata: a }, { metadata: b }) =>
    a.creationTimestamp === b.creationTimestamp
      ? a.name < b.name
        ? -1
        : 1
      : a.creationTimestamp < b.creationTimestamp
        ? -1
        : 1,
  );
  const claimOfPod = new Map<string, string>();
  for (const claim of byAge) {
    for (const uid of plannedOn(claim, nowMs)) {
      if (!claimOfPod.has(uid)) claimOfPod.set(uid, claim.metadata.name);
    }
  }
  return claimOfPod;
}

/** UIDs in {@link annotationNominated}; empty where it is missing or cannot be read. */
export function nominatedOf(annotations: Annotations): readonly string[] {
  return annotationStrings(annotations, annotationNominated);
}

/** True if nobody waits for the claim's node: it is for pods whose own is taken away. */
export function isStandIn({ metadata: { annotations } }: Pick<NodeClaim, 'metadata'>): boolean {
  return [annotationReservation, annotationNominated].every(
    (key) => annotations?.[key] === undefined,
  );
}

const none: ReadonlySet<string> = new Set();

function isAwaited(claim: NodeClaim, nowMs: number): boolean {
  const initialized = conditionOf(claim, 'Initialized');
  if (initialized?.status !== 'True') return true;
  return nowMs < Date.parse(initialized.lastTransitionTime ?? '') + nominationGraceMs;
}
