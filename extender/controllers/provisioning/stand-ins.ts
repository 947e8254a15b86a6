/**
 * Pods that are planned for while they still run, because the cloud takes their node away.
 *
 * In: interrupted NodeClaims, where plans put the successors of their pods. Out: those successors as
 * pods to plan for; on each interrupted claim, which claims hold room for its pods. It keeps nothing:
 * who stands in for whom is read from the claims.
 */
import type { Live } from '../../../core/api/kinds.ts';
import { isReschedulable } from '../../../core/disruption/pod-standing.ts';
import {
  annotationReplacements,
  interruptionOf,
  replacementsRecord,
} from '../../../core/interruption/interruption-record.ts';
import { isClusterError } from '../../../core/ports.ts';
import { successorOf } from '../../../core/provisioning/stand-ins.ts';
import type { SnapshotPod } from '../../../core/state/snapshot.ts';
import { type ControllerContext, fieldManager } from '../context.ts';
import { nodeOfClaim } from '../termination/node-of-claim.ts';

/** A node that is taken away, and its pods as their successors will be. */
export interface InterruptedPods {
  readonly claim: Live<'NodeClaim'>;
  readonly pods: readonly SnapshotPod[];
}

/** O(claims + pods of interrupted nodes). */
export function interruptedPods(
  { view, owns }: Pick<ControllerContext, 'view' | 'owns'>,
  claims: Iterable<Live<'NodeClaim'>>,
): readonly InterruptedPods[] {
  const found: InterruptedPods[] = [];
  for (const claim of claims) {
    if (interruptionOf(claim) === undefined || !owns(claim.spec.nodeClassRef)) continue;
    const node = nodeOfClaim(view, claim);
    if (node === undefined) continue;
    const pods = [...view.usageOf(node.metadata.name).pods.values()];
    found.push({ claim, pods: pods.filter(isReschedulable).map(successorOf) });
  }
  return found;
}

/**
 * Writes on each interrupted claim where its pods will find room, if that has changed.
 *
 * @param placeOf UID of a pod -> name of the claim that holds room for it, '' for a node that stands;
 * pods that are missing have no place
 */
export async function writeReplacements(
  { client, log, signal }: Pick<ControllerContext, 'client' | 'log' | 'signal'>,
  interrupted: readonly InterruptedPods[],
  placeOf: ReadonlyMap<string, string>,
): Promise<void> {
  for (const { claim, pods } of interrupted) {
    const { name, uid, annotations, deletionTimestamp } = claim.metadata;
    // Once its end has begun nobody waits for replacements.
    if (deletionTimestamp !== undefined || pods.length === 0) continue;
    const places = pods.map((pod) => placeOf.get(pod.uid));
    const record = replacementsRecord({
      claims: places.flatMap((place) => (place === undefined || place === '' ? [] : [place])),
      unplaced: places.filter((place) => place === undefined).length,
    });
    if (annotations?.[annotationReplacements] === record) continue;
    const body = { metadata: { annotations: { [annotationReplacements]: record } } };
    try {
      const options = { uid, fieldManager, signal };
      await client.patch('NodeClaim', { name }, { type: 'merge', body }, options);
      log.info({ claim: name, replacements: record }, 'room for the pods of an interrupted node');
    } catch (error) {
      if (!isClusterError(error, 'NotFound', 'Conflict')) throw error;
    }
  }
}
