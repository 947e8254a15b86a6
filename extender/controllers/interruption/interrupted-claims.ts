/**
 * Brings interrupted nodes to their end: the replacement first, then the drain.
 *
 * In: NodeClaims that say they are interrupted, what plans have written of their replacements. Out:
 * the node closed to new pods, the claim deleted with a deadline when its pods have room elsewhere or
 * time runs out; a recommendation that nothing came of taken back. Everything is read from objects.
 */
import { isTrue } from '../../../core/api/conditions.ts';
import { durationMs } from '../../../core/api/duration.ts';
import type { Live } from '../../../core/api/kinds.ts';
import { labelCapacityType, labelNodePool } from '../../../core/api/labels.ts';
import { deadlineOf } from '../../../core/disruption/termination.ts';
import {
  annotationInterrupted,
  annotationReplacements,
  type Interruption,
  interruptionOf,
  replacementsOf,
} from '../../../core/interruption/interruption-record.ts';
import {
  type InterruptionStep,
  interruptionStep,
  type ReplacementState,
} from '../../../core/interruption/next-step.ts';
import { type Controller, type ControllerContext, fieldManager } from '../context.ts';
import { type Reconciled, startReconciler } from '../reconciler.ts';
import { nodeOfClaim } from '../termination/node-of-claim.ts';
import { setCordoned } from './cordon.ts';
import { bindDeadline } from './event-action.ts';
import { decideOnClaim, tellTerminating } from './interruption-records.ts';

const claimsAtOnce = 8;

/** Starts at once; ends with the context's signal. */
export function startInterruptedClaims(context: ControllerContext): Controller {
  /** UIDs of claims deleted here that the view does not show as such yet. */
  const ended = new Set<string>();
  return startReconciler(context, {
    name: 'interruption',
    concurrency: claimsAtOnce,
    watch: (add) => watchInterrupted(context, ended, add),
    reconcile: async (name, signal) => await reconcileClaim(context, ended, name, signal),
  });
}

/** Interrupted claims themselves, their pods, and claims that may stand in for them. */
function watchInterrupted(
  { view }: ControllerContext,
  ended: Set<string>,
  add: (name: string) => void,
): () => void {
  const waiting = new Set<string>();
  const note = (claim: Live<'NodeClaim'>): void => {
    const { name, uid, deletionTimestamp } = claim.metadata;
    if (deletionTimestamp === undefined && interruptionOf(claim) !== undefined) {
      waiting.add(name);
      add(name);
    } else {
      waiting.delete(name);
      ended.delete(uid);
    }
  };
  for (const claim of view.all('NodeClaim')) note(claim);
  const ends = [
    view.listen('NodeClaim', ({ type, object, previous }) => {
      if (type === 'deleted') waiting.delete(object.metadata.name);
      else note(object);
      const mayStandIn =
        type === 'deleted' ||
        (isTrue(object, 'Initialized') &&
          (previous === undefined || !isTrue(previous, 'Initialized')));
      if (mayStandIn) for (const name of waiting) add(name);
    }),
    view.listen('Node', ({ type, object }) => {
      if (waiting.size === 0 || type === 'deleted') return;
      const claim = view.claimByProviderID(object.spec?.providerID ?? '');
      if (claim !== undefined && waiting.has(claim.metadata.name)) add(claim.metadata.name);
    }),
    view.listen('Pod', ({ object: { nodeName } }) => {
      if (waiting.size === 0 || nodeName === '') return;
      const name = view.claimByNodeName(nodeName)?.metadata.name ?? '';
      if (waiting.has(name)) add(name);
    }),
  ];
  return () => {
    for (const end of ends) end();
  };
}

async function reconcileClaim(
  context: ControllerContext,
  ended: Set<string>,
  name: string,
  signal: AbortSignal,
): Promise<Reconciled | undefined> {
  const { view, clock } = context;
  const claim = view.get('NodeClaim', { name });
  if (claim === undefined || claim.metadata.deletionTimestamp !== undefined) return undefined;
  const interruption = interruptionOf(claim);
  if (interruption === undefined || !context.owns(claim.spec.nodeClassRef)) return undefined;
  if (ended.has(claim.metadata.uid)) return undefined;
  const node = nodeOfClaim(view, claim);
  if (node !== undefined) await setCordoned(context, node, true, signal);
  const replacements = replacementsOf(claim);
  const nowMs = clock.nowMs();
  const step = interruptionStep(
    {
      interruption,
      isInitialized: isTrue(claim, 'Initialized'),
      pods: node === undefined ? [] : view.usageOf(node.metadata.name).pods.values(),
      replacements: replacements?.claims.map((one) => stateOf(context, one)),
      unplaced: replacements?.unplaced ?? 0,
    },
    nowMs,
  );
  if (step.type === 'wait') return { againAfterMs: step.untilMs - nowMs };
  if (step.type === 'end') {
    if (await end(context, claim, interruption, step, signal)) ended.add(claim.metadata.uid);
  } else await withdraw(context, claim, node, step.why, signal);
  return undefined;
}

function stateOf({ view }: ControllerContext, name: string): ReplacementState {
  const claim = view.get('NodeClaim', { name });
  if (claim === undefined || claim.metadata.deletionTimestamp !== undefined) return 'gone';
  return isTrue(claim, 'Initialized') ? 'ready' : 'coming';
}

/** False if there was no such claim any more. */
async function end(
  context: ControllerContext,
  claim: Live<'NodeClaim'>,
  { kind, message }: Interruption,
  { deadlineMs, why }: Extract<InterruptionStep, { type: 'end' }>,
  signal: AbortSignal,
): Promise<boolean> {
  const { client, clock, metrics, log } = context;
  const { name, uid, labels } = claim.metadata;
  const graceMs = durationMs(claim.spec.terminationGracePeriod ?? '') ?? Infinity;
  const byMs = Math.min(deadlineMs ?? Infinity, clock.nowMs() + graceMs);
  if (deadlineMs !== undefined && byMs < (deadlineOf(claim) ?? Infinity)) {
    await bindDeadline(context, claim, byMs, signal);
  }
  const outcome = await client.delete('NodeClaim', { name }, { uid, signal });
  if (outcome === 'gone' || outcome === 'replaced') return false;
  tellTerminating(context, claim);
  decideOnClaim(context, claim, 'ended', `${message}; ${why}`);
  log.info({ claim: name, kind }, `an interrupted NodeClaim is ended: ${why}`);
  metrics.nodeClaims.disrupted.inc({
    reason: kind,
    nodepool: labels?.[labelNodePool] ?? '',
    capacity_type: labels?.[labelCapacityType] ?? '',
    consolidation_policy: '',
    termination_mode: deadlineMs === undefined ? 'graceful' : 'eventual',
  });
  return true;
}

async function withdraw(
  context: ControllerContext,
  claim: Live<'NodeClaim'>,
  node: Live<'Node'> | undefined,
  why: string,
  signal: AbortSignal,
): Promise<void> {
  const { name, uid, resourceVersion } = claim.metadata;
  const annotations = { [annotationInterrupted]: null, [annotationReplacements]: null };
  await context.client.patch(
    'NodeClaim',
    { name },
    { type: 'merge', body: { metadata: { annotations } } },
    { uid, resourceVersion, fieldManager, signal },
  );
  if (node !== undefined) await setCordoned(context, node, false, signal);
  decideOnClaim(context, claim, 'withdrawn', `the node stays: ${why}`);
}
