/**
 * Says on NodeClaims whether they have drifted.
 *
 * In: claims, pools and node classes as they change, instances as the cloud has them, time. Out: the
 * condition Drifted on each claim, with a reason, or none. What follows from it is others' business:
 * it disrupts nothing. The cloud is asked only where the objects do not tell already.
 */

import { isTrue } from '../../../core/api/conditions.ts';
import type { Live } from '../../../core/api/kinds.ts';
import { labelNodePool } from '../../../core/api/labels.ts';
import {
  type Drift,
  declaredDrift,
  instanceDrift,
  typeDrift,
} from '../../../core/lifecycle/drift.ts';
import { nodeClassKindOf } from '../../../core/lifecycle/ownership.ts';
import { writeClaimStatus } from '../claim-status.ts';
import type { Controller, ControllerContext } from '../context.ts';
import { type Reconciled, startReconciler } from '../reconciler.ts';

/** Instances asked for at once; the cloud asks for many by one call. */
const concurrency = 20;
/** How often a claim is looked at again (Karpenter's figure). */
const lookEveryMs = 5 * 60_000;
/** Claims of one class are looked at within this time of its change, not all in one turn. */
const spreadMs = 10_000;

/** Starts at once; ends with the context's signal. */
export function startDrift(context: ControllerContext): Controller {
  return startReconciler(context, {
    name: 'nodeclaim-drift',
    concurrency,
    reconcile: (name) => judge(context, name),
    watch: (add) => watchClaims(context, add),
  });
}

function watchClaims(
  { view, random }: ControllerContext,
  add: (key: string, afterMs?: number) => void,
): () => void {
  const addWhere = (concerns: (claim: Live<'NodeClaim'>) => boolean): void => {
    for (const claim of view.all('NodeClaim')) {
      if (concerns(claim)) add(claim.metadata.name, 1 + random.integer(spreadMs));
    }
  };
  addWhere(() => true);
  const stops = [
    view.listen('NodeClaim', ({ type, object, previous }) => {
      const isNews = previous === undefined || !isTrue(previous, 'Launched');
      if (type !== 'deleted' && isNews && isTrue(object, 'Launched')) add(object.metadata.name, 1);
    }),
    view.listen('NodePool', ({ object, previous }) => {
      if (object.metadata.generation === previous?.metadata.generation) return;
      addWhere(({ metadata }) => metadata.labels?.[labelNodePool] === object.metadata.name);
    }),
    ...(['EC2NodeClass', 'EC2NodeClass.stowage.dev'] as const).map((kind) =>
      view.listen(kind, ({ object, previous }) => {
        if (foundText(object) === foundText(previous)) return;
        addWhere(
          ({ spec: { nodeClassRef } }) =>
            nodeClassRef.name === object.metadata.name && nodeClassKindOf(nodeClassRef) === kind,
        );
      }),
    ),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/** What nodes can drift from: not the conditions, which change by themselves. */
function foundText(nodeClass: Live<'EC2NodeClass'> | undefined): string {
  const { conditions: _conditions, ...found } = nodeClass?.status ?? {};
  return JSON.stringify([nodeClass?.metadata.generation, found]);
}

async function judge(context: ControllerContext, name: string): Promise<Reconciled | undefined> {
  const { view, owns, signal } = context;
  const claim = view.get('NodeClaim', { name });
  if (claim === undefined || claim.metadata.deletionTimestamp !== undefined) return undefined;
  if (!owns(claim.spec.nodeClassRef) || !isTrue(claim, 'Launched')) return undefined;
  const drift = await driftOf(context, claim);
  const change =
    drift === undefined
      ? { without: ['Drifted'] }
      : { conditions: [{ type: 'Drifted', status: 'True' as const, ...drift }] };
  await writeClaimStatus(context, claim, change, signal);
  return { againAfterMs: lookEveryMs };
}

async function driftOf(
  { view, cloud, clock, signal }: ControllerContext,
  claim: Live<'NodeClaim'>,
): Promise<Drift | undefined> {
  const { nodeClassRef } = claim.spec;
  const kind = nodeClassKindOf(nodeClassRef);
  const nodeClass = kind === undefined ? undefined : view.get(kind, { name: nodeClassRef.name });
  const pool = view.get('NodePool', { name: claim.metadata.labels?.[labelNodePool] ?? '' });
  const declared = declaredDrift(claim, pool, nodeClass);
  const isOfPool = declared !== undefined && declared.reason !== 'NodeClassDrift';
  if (isOfPool || nodeClass === undefined) return declared;
  const types = await cloud.instanceTypes(nodeClass, { signal });
  const told = typeDrift(claim, types, clock.nowMs()) ?? declared;
  const providerID = claim.status?.providerID;
  if (told !== undefined || providerID === undefined) return told;
  const instance = await cloud.get(providerID, { signal });
  return instance === undefined ? undefined : instanceDrift(claim, nodeClass, instance);
}
