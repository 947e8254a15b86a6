/**
 * Keeps up since when each node has been left in peace.
 *
 * In: pods that come and end. Out: `status.lastPodEventTime` of NodeClaims, and the condition
 * Consolidatable. Events close together are written once, the last one's time in the end; an event
 * that has not been written when the process dies is lost, and the node is quiet a few seconds
 * earlier for it. What becomes of quiet nodes is decided elsewhere.
 */
import type { Live } from '../../../core/api/kinds.ts';
import { labelNodePool } from '../../../core/api/labels.ts';
import {
  conditionConsolidatable,
  consolidatableFromMs,
  disturbs,
  lastPodEventMs,
  podEventSpacingMs,
} from '../../../core/disruption/quiet-time.ts';
import type { ClusterView } from '../../../core/state/view.ts';
import { writeClaimStatus } from '../claim-status.ts';
import type { Controller, ControllerContext } from '../context.ts';
import { type Reconciled, startReconciler } from '../reconciler.ts';

/** Claims looked at side by side. */
const claimsAtOnce = 8;

/** Times of pod events that are not on their claim yet, by claim name: one per claim at most. */
type Unwritten = Map<string, number>;

/** Starts at once; ends with the context's signal. */
export function startQuietTime(context: ControllerContext): Controller {
  const { view, clock } = context;
  const unwritten: Unwritten = new Map();
  return startReconciler(context, {
    name: 'quiet-time',
    concurrency: claimsAtOnce,
    watch: (add) => {
      const ends = [
        view.listen('Pod', ({ type, object, previous }) => {
          if (!disturbs(type, object, previous)) return;
          const claim = claimOnNode(view, object.nodeName);
          if (claim === undefined) return;
          unwritten.set(claim.metadata.name, clock.nowMs());
          add(claim.metadata.name);
        }),
        view.listen('NodeClaim', ({ type, object: { metadata } }) => {
          if (type === 'deleted') unwritten.delete(metadata.name);
          else add(metadata.name);
        }),
        view.listen('NodePool', ({ object: { metadata, spec }, previous }) => {
          // Its status changes all the time, and matters to no claim.
          const before = previous?.spec.disruption?.consolidateAfter;
          if (previous !== undefined && spec.disruption?.consolidateAfter === before) return;
          for (const claim of view.all('NodeClaim')) {
            if (claim.metadata.labels?.[labelNodePool] === metadata.name) add(claim.metadata.name);
          }
        }),
      ];
      for (const { metadata } of view.all('NodeClaim')) add(metadata.name);
      return () => {
        for (const end of ends) end();
      };
    },
    reconcile: async (name, signal) => await keepUp(context, unwritten, name, signal),
  });
}

/** By the node's own word, where the claim does not name it yet. */
function claimOnNode(view: ClusterView, nodeName: string): Live<'NodeClaim'> | undefined {
  const named = view.claimByNodeName(nodeName);
  if (named !== undefined) return named;
  const providerID = view.get('Node', { name: nodeName })?.spec?.providerID ?? '';
  return providerID === '' ? undefined : view.claimByProviderID(providerID);
}

async function keepUp(
  context: ControllerContext,
  unwritten: Unwritten,
  name: string,
  signal: AbortSignal,
): Promise<Reconciled | undefined> {
  const { view, clock } = context;
  const claim = view.get('NodeClaim', { name });
  if (claim === undefined || !context.owns(claim.spec.nodeClassRef)) {
    unwritten.delete(name);
    return undefined;
  }
  // What leaves is not consolidated any more.
  if (claim.metadata.deletionTimestamp !== undefined) return undefined;
  const nowMs = clock.nowMs();
  const eventMs = unwritten.get(name);
  const writableMs =
    eventMs === undefined ? Infinity : (lastPodEventMs(claim) ?? -Infinity) + podEventSpacingMs;
  const isDue = eventMs !== undefined && nowMs >= writableMs;
  const lastPodEventTime = isDue ? secondsText(eventMs) : claim.status?.lastPodEventTime;
  const fields = lastPodEventTime === undefined ? {} : { lastPodEventTime };
  const known = { ...claim, status: { ...claim.status, ...fields } };
  const pool = view.get('NodePool', { name: claim.metadata.labels?.[labelNodePool] ?? '' });
  const fromMs = pool === undefined ? undefined : consolidatableFromMs(known, pool);
  // An event that waits to be written ends the quiet all the same.
  const isQuiet = fromMs !== undefined && nowMs >= fromMs && (eventMs === undefined || isDue);
  await writeClaimStatus(
    context,
    claim,
    {
      ...(isQuiet
        ? { conditions: [{ type: conditionConsolidatable, status: 'True' as const }] }
        : { without: [conditionConsolidatable] }),
      fields,
    },
    signal,
  );
  if (isDue && unwritten.get(name) === eventMs) unwritten.delete(name);
  const nextMs = Math.min(isDue ? Infinity : writableMs, isQuiet ? Infinity : (fromMs ?? Infinity));
  return nextMs === Infinity ? undefined : { againAfterMs: Math.max(1, nextMs - nowMs) };
}

/** The API keeps whole seconds; rounded up, so that the quiet is never counted too long. */
function secondsText(timeMs: number): string {
  return new Date(Math.ceil(timeMs / 1_000) * 1_000).toISOString().replace(/\.\d+Z$/, 'Z');
}
