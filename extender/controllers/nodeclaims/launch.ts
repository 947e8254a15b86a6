/**
 * Launches a NodeClaim: one instance, whatever happens on the way.
 *
 * In: a claim without instance. Out: the instance on the claim (labels first, then the status that
 * says Launched), or the claim's end, or a later attempt. What will be asked is written on the claim
 * before the cloud is asked, under a client token that stands for exactly that; so a process that
 * takes over asks the same and gets the same instance. Another question is only asked after the
 * cloud has denied the last. Decisions are core's (`core/lifecycle/launch-*.ts`).
 */
import { createHash } from 'node:crypto';
import { conditionOf, isTrue } from '../../../core/api/conditions.ts';
import type { EC2NodeClass } from '../../../core/api/ec2nodeclass.ts';
import type { Live } from '../../../core/api/kinds.ts';
import { terminationFinalizer } from '../../../core/api/labels.ts';
import type { CloudInstance, LaunchRequest } from '../../../core/cloud-port.ts';
import { isEnded, visibilityGraceMs } from '../../../core/lifecycle/garbage.ts';
import { launchAttemptsMax, verdictOf } from '../../../core/lifecycle/launch-failure.ts';
import { launchOfferings, offeringKey } from '../../../core/lifecycle/launch-offerings.ts';
import {
  annotationLaunch,
  type LaunchRecord,
  launchRecordOf,
  launchRecordText,
} from '../../../core/lifecycle/launch-record.ts';
import { isInstanceOf, launchRequest } from '../../../core/lifecycle/launch-request.ts';
import { nodeClassKindOf } from '../../../core/lifecycle/ownership.ts';
import type { InstanceType } from '../../../core/state/instance-type.ts';
import { type ControllerContext, fieldManager } from '../context.ts';
import type { Reconciled } from '../reconciler.ts';
import { callLaunch, type FailedLaunch } from './launch-call.ts';
import { noCapacityLeft, refuse, retryLater, sayNoCapacity } from './launch-failures.ts';
import { settleLaunch } from './launch-result.ts';

/** How soon to look again for an instance that may not be listed yet. */
const lookAgainMs = 10_000;

/** Brings one claim to its instance. @throws ClusterError, CloudError: tried again by the queue */
export async function launchClaim(
  context: ControllerContext,
  name: string,
): Promise<Reconciled | undefined> {
  const { client, view, signal } = context;
  const seen = view.get('NodeClaim', { name });
  if (seen === undefined || !needsLaunch(context, seen)) return undefined;
  // What was asked before may have been answered: the view does not know of our last write yet.
  const isAsked = launchRecordOf(seen.metadata.annotations) !== undefined;
  const claim = isAsked ? await client.get('NodeClaim', { name }, { signal }) : seen;
  if (claim === undefined || !needsLaunch(context, claim)) return undefined;
  const nodeClass = nodeClassOf(context, claim);
  if (typeof nodeClass === 'string') {
    return await refuse(context, claim, { reason: 'NodeClassNotReady', message: nodeClass });
  }
  const known = launchRecordOf(claim.metadata.annotations);
  if (known === undefined) return await attempt(context, claim, nodeClass, undefined);
  const request = requestOf(context, claim, nodeClass, known);
  if (request.clientToken === known.token) {
    return await attempt(context, claim, nodeClass, known);
  }
  return await afterChange(context, claim, nodeClass, known);
}

/** True for a claim of ours that has no instance yet. */
export function needsLaunch(
  { owns }: Pick<ControllerContext, 'owns'>,
  claim: Live<'NodeClaim'>,
): boolean {
  return (
    owns(claim.spec.nodeClassRef) &&
    claim.metadata.deletionTimestamp === undefined &&
    !isTrue(claim, 'Launched')
  );
}

/** The node class, or why it cannot be used. */
function nodeClassOf(
  { view }: ControllerContext,
  { spec }: Live<'NodeClaim'>,
): EC2NodeClass | string {
  const { name } = spec.nodeClassRef;
  const kind = nodeClassKindOf(spec.nodeClassRef);
  const found = kind === undefined ? undefined : view.get(kind, { name });
  if (found === undefined) return `EC2NodeClass ${name} does not exist`;
  if (found.metadata.deletionTimestamp !== undefined)
    return `EC2NodeClass ${name} is being deleted`;
  const ready = conditionOf(found, 'Ready');
  return ready?.status === 'False'
    ? `EC2NodeClass ${name} is not ready: ${ready.message ?? ready.reason ?? ''}`
    : found;
}

/**
 * Asks what `known` says, then for what is left, a few times. Without a record nothing has been asked
 * yet.
 */
async function attempt(
  context: ControllerContext,
  claim: Live<'NodeClaim'>,
  nodeClass: EC2NodeClass,
  known: LaunchRecord | undefined,
): Promise<Reconciled | undefined> {
  const { cloud, metrics, signal } = context;
  const exhausted = new Set<string>();
  let current = claim;
  let record = known;
  let failed: FailedLaunch | undefined;
  for (;;) {
    const types = await cloud.instanceTypes(nodeClass, { signal });
    if (record === undefined || failed !== undefined) {
      const next = await nextAttempt(context, current, { nodeClass, types, exhausted, record });
      if (next === undefined) return await noCapacityLeft(context, current, failed);
      if (next === 'gone') return undefined;
      ({ record, claim: current } = next);
    }
    const request = requestOf(context, current, nodeClass, record);
    const outcome = await callLaunch(context, request);
    for (const { zone, capacityType } of outcome.exhausted) {
      const reason = outcome.outcome === 'failed' ? outcome.failure : 'insufficient-capacity';
      const labels = { zone, zone_id: '', capacity_type: capacityType, reason };
      metrics.cloud.launchFailures.inc(labels);
    }
    if (outcome.outcome === 'launched') {
      await settleLaunch(context, current, outcome.instance, typeOf(types, outcome.instance));
      return undefined;
    }
    const verdict = verdictOf(outcome.failure);
    if (verdict === 'again') return await retryLater(context, current, outcome);
    if (verdict === 'refused') {
      return await refusedLaunch(context, current, types, outcome);
    }
    sayNoCapacity(context, current, outcome);
    for (const offering of outcome.exhausted) exhausted.add(offeringKey(offering));
    failed = outcome;
  }
}

interface AttemptFacts {
  readonly nodeClass: EC2NodeClass;
  readonly types: readonly InstanceType[];
  readonly exhausted: ReadonlySet<string>;
  readonly record: LaunchRecord | undefined;
}

/** Writes the next attempt on the claim; undefined if there is nothing left to ask for. */
async function nextAttempt(
  context: ControllerContext,
  claim: Live<'NodeClaim'>,
  { nodeClass, types, exhausted, record }: AttemptFacts,
): Promise<
  { readonly record: LaunchRecord; readonly claim: Live<'NodeClaim'> } | 'gone' | undefined
> {
  const number = (record?.attempt ?? 0) + 1;
  const offerings = launchOfferings(claim, types, exhausted);
  if (offerings.length === 0 || number > launchAttemptsMax) return undefined;
  const draft = { attempt: number, token: '', atMs: context.clock.nowMs(), offerings };
  const { clientToken } = requestOf(context, claim, nodeClass, draft);
  const next: LaunchRecord = { ...draft, token: clientToken };
  const written = await writeRecord(context, claim, next);
  return written === undefined ? 'gone' : { record: next, claim: written };
}

/** Undefined if the claim is gone or going: then nothing is launched for it. */
async function writeRecord(
  { client, signal }: ControllerContext,
  { metadata }: Live<'NodeClaim'>,
  record: LaunchRecord,
): Promise<Live<'NodeClaim'> | undefined> {
  const { name, uid, resourceVersion, annotations, finalizers = [] } = metadata;
  const isHeld = finalizers.includes(terminationFinalizer);
  const body = {
    metadata: {
      annotations: { [annotationLaunch]: launchRecordText(record, annotations) },
      // Claims made by hand come without it, and nothing else would end their instances.
      ...(isHeld ? {} : { finalizers: [...finalizers, terminationFinalizer] }),
    },
  };
  const written = await client.patch(
    'NodeClaim',
    { name },
    { type: 'merge', body },
    // The version, so that two processes never write two attempts.
    { fieldManager, uid, resourceVersion, signal },
  );
  return written.metadata.deletionTimestamp === undefined ? written : undefined;
}

function requestOf(
  { settings }: ControllerContext,
  claim: Live<'NodeClaim'>,
  nodeClass: EC2NodeClass,
  { attempt: number, offerings }: LaunchRecord,
): LaunchRequest {
  const { clusterName } = settings;
  return launchRequest({ claim, nodeClass, offerings, attempt: number, clusterName, hash });
}

/**
 * The node class or the claim was changed after the cloud was asked: the old question cannot be asked
 * again. Its instance, if there is one, shows up in the list within the grace; then ask anew.
 */
async function afterChange(
  context: ControllerContext,
  claim: Live<'NodeClaim'>,
  nodeClass: EC2NodeClass,
  known: LaunchRecord,
): Promise<Reconciled | undefined> {
  const { cloud, clock, signal } = context;
  const types = await cloud.instanceTypes(nodeClass, { signal });
  if (await adopt(context, claim, types)) return undefined;
  if (clock.nowMs() - known.atMs < visibilityGraceMs) return { againAfterMs: lookAgainMs };
  const facts = { nodeClass, types, exhausted: new Set<string>(), record: known };
  const next = await nextAttempt(context, claim, facts);
  if (next === undefined) return await noCapacityLeft(context, claim, undefined);
  return next === 'gone' ? undefined : await attempt(context, next.claim, nodeClass, next.record);
}

/** A refusal may mean that the token was used already: then the instance is there. */
async function refusedLaunch(
  context: ControllerContext,
  claim: Live<'NodeClaim'>,
  types: readonly InstanceType[],
  outcome: FailedLaunch,
): Promise<Reconciled | undefined> {
  if (outcome.failure === 'invalid' && (await adopt(context, claim, types))) return undefined;
  return await refuse(context, claim, outcome);
}

/** Takes an instance that was launched for the claim before. */
async function adopt(
  context: ControllerContext,
  claim: Live<'NodeClaim'>,
  types: readonly InstanceType[],
): Promise<boolean> {
  const { cloud, signal } = context;
  const instances = await cloud.list({ signal });
  const found = instances.find(
    (instance) => isInstanceOf(instance, claim) && !isEnded(instance.state),
  );
  if (found === undefined) return false;
  await settleLaunch(context, claim, found, typeOf(types, found));
  return true;
}

function typeOf(
  types: readonly InstanceType[],
  { instanceType }: CloudInstance,
): InstanceType | undefined {
  return types.find(({ name }) => name === instanceType);
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
