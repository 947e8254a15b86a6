/**
 * Launches a NodeClaim: one instance, whatever happens on the way.
 *
 * In: a claim without instance. Out: the instance on the claim (labels first, then the status that
 * says Launched), or the claim's end, or a later attempt. What will be asked, alone or together with
 * claims that want the same, is written on the claim before the cloud is asked, under a client token
 * that stands for exactly that; so a process that takes over asks the same and gets the same instance.
 * Another question is only asked after the cloud has denied the last. Decisions are core's
 * (`core/lifecycle/launch-*.ts`).
 */
import { conditionOf, isTrue } from '../../../core/api/conditions.ts';
import type { EC2NodeClass } from '../../../core/api/ec2nodeclass.ts';
import type { Live } from '../../../core/api/kinds.ts';
import type { CloudInstance, LaunchOutcome, LaunchRequest } from '../../../core/cloud-port.ts';
import { isEnded, visibilityGraceMs } from '../../../core/lifecycle/garbage.ts';
import { launchAttemptsMax, verdictOf } from '../../../core/lifecycle/launch-failure.ts';
import {
  commitMs,
  groupStanding,
  instanceOfClaim,
  isSeen,
} from '../../../core/lifecycle/launch-group.ts';
import { launchOfferings, offeringKey } from '../../../core/lifecycle/launch-offerings.ts';
import { type LaunchRecord, launchRecordOf } from '../../../core/lifecycle/launch-record.ts';
import {
  isAskedUnder,
  launchRequest,
  memberRequest,
} from '../../../core/lifecycle/launch-request.ts';
import { nodeClassKindOf } from '../../../core/lifecycle/ownership.ts';
import type { InstanceType } from '../../../core/state/instance-type.ts';
import type { ControllerContext } from '../context.ts';
import type { Reconciled } from '../reconciler.ts';
import { callLaunch, type FailedLaunch } from './launch-call.ts';
import { noCapacityLeft, refuse, retryLater, sayNoCapacity } from './launch-failures.ts';
import { type LaunchGroups, questionOf, type RecordedLaunch } from './launch-groups.ts';
import { settleLaunch } from './launch-result.ts';

/** How soon to look again for an instance that may not be listed yet. */
const lookAgainMs = 10_000;

export interface LaunchContext extends ControllerContext {
  readonly groups: LaunchGroups;
}

/** Brings one claim to its instance. @throws ClusterError, CloudError: tried again by the queue */
export async function launchClaim(
  context: LaunchContext,
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
  const record = launchRecordOf(claim.metadata.annotations);
  return record === undefined
    ? await attempt(context, claim, nodeClass, 1)
    : await goOn(context, { claim, record }, nodeClass);
}

/** What was written on the claim may have been asked, by us before or by another process. */
async function goOn(
  context: LaunchContext,
  known: RecordedLaunch,
  nodeClass: EC2NodeClass,
): Promise<Reconciled | undefined> {
  const { client, cloud, clock, signal } = context;
  const { claim, record } = known;
  const { attempt: number, token, group, atMs } = record;
  const { leader = claim.metadata.name } = group ?? {};
  const isLeader = leader === claim.metadata.name;
  const leading = isLeader ? claim : await client.get('NodeClaim', { name: leader }, { signal });
  let standing = groupStanding(record, leading);
  if (standing === 'not-asked') {
    // Whoever was at it has given it up by then.
    const waitMs = atMs + commitMs - clock.nowMs();
    if (waitMs > 0) return { againAfterMs: waitMs };
    return await attempt(context, claim, nodeClass, number);
  }
  const question = questionOf(context, { ...record, claim, nodeClass });
  const isSame = isAskedUnder(token, question, group?.size ?? 1);
  if (isSame && standing === 'unknown' && isSeen(await cloud.list({ signal }), token)) {
    standing = 'asked';
  }
  return isSame && standing === 'asked'
    ? await attempt(context, claim, nodeClass, number, known)
    : await lookForInstance(context, known, nodeClass);
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
 * Asks what is written on the claim, or, where nothing is, what its attempt of that number is to ask;
 * then for what is left, a few times.
 */
async function attempt(
  context: LaunchContext,
  claim: Live<'NodeClaim'>,
  nodeClass: EC2NodeClass,
  first: number,
  known?: RecordedLaunch,
): Promise<Reconciled | undefined> {
  const { cloud, groups, signal } = context;
  const exhausted = new Set<string>();
  let current = claim;
  let recorded = known;
  let failed: FailedLaunch | undefined;
  for (let number = first; ; number += 1) {
    const types = await cloud.instanceTypes(nodeClass, { signal });
    if (recorded === undefined) {
      const offerings = launchOfferings(current, types, exhausted);
      if (offerings.length === 0 || number > launchAttemptsMax) {
        return await noCapacityLeft(context, current, failed);
      }
      const written = await groups.join({ claim: current, nodeClass, offerings, attempt: number });
      if (written === 'gone') return undefined;
      recorded = written;
    }
    current = recorded.claim;
    const outcome = await callLaunch(context, requestOf(context, recorded, nodeClass));
    countFailures(context, recorded.record, outcome);
    if (outcome.outcome === 'launched') {
      const type = typeOf(types, outcome.instance);
      await settleLaunch(context, recorded, outcome.instance, type);
      return undefined;
    }
    const verdict = verdictOf(outcome.failure);
    if (verdict === 'again') return await retryLater(context, current, outcome);
    if (verdict === 'refused') return await refusedLaunch(context, recorded, types, outcome);
    sayNoCapacity(context, current, outcome);
    for (const offering of outcome.exhausted) exhausted.add(offeringKey(offering));
    failed = outcome;
    recorded = undefined;
  }
}

/** What one call told is counted once, however many claims it was for. */
function countFailures(
  { metrics }: ControllerContext,
  { group }: LaunchRecord,
  outcome: LaunchOutcome,
): void {
  if (group !== undefined && group.index > 0) return;
  const reason = outcome.outcome === 'failed' ? outcome.failure : 'insufficient-capacity';
  for (const { zone, capacityType } of outcome.exhausted) {
    metrics.cloud.launchFailures.inc({ zone, zone_id: '', capacity_type: capacityType, reason });
  }
}

function requestOf(
  context: ControllerContext,
  { claim, record }: RecordedLaunch,
  nodeClass: EC2NodeClass,
): LaunchRequest {
  const question = questionOf(context, { ...record, claim, nodeClass });
  return record.group === undefined
    ? launchRequest(question)
    : memberRequest(question, record.token, record.group);
}

/**
 * What was asked cannot be asked again: the node class or the claim was changed since, or nobody knows
 * whether it was asked. Its instance, if there is one, shows up in the list within the grace; then ask
 * anew.
 */
async function lookForInstance(
  context: LaunchContext,
  known: RecordedLaunch,
  nodeClass: EC2NodeClass,
): Promise<Reconciled | undefined> {
  const { cloud, clock, signal } = context;
  const types = await cloud.instanceTypes(nodeClass, { signal });
  if (await adopt(context, known, types)) return undefined;
  const { attempt: number, atMs } = known.record;
  if (clock.nowMs() - atMs < visibilityGraceMs) return { againAfterMs: lookAgainMs };
  return await attempt(context, known.claim, nodeClass, number + 1);
}

/** A refusal may mean that the token was used already: then the instance is there. */
async function refusedLaunch(
  context: ControllerContext,
  known: RecordedLaunch,
  types: readonly InstanceType[],
  outcome: FailedLaunch,
): Promise<Reconciled | undefined> {
  if (outcome.failure === 'invalid' && (await adopt(context, known, types))) return undefined;
  return await refuse(context, known.claim, outcome);
}

/** Takes an instance that was launched for the claim before. */
async function adopt(
  context: ControllerContext,
  known: RecordedLaunch,
  types: readonly InstanceType[],
): Promise<boolean> {
  const { cloud, signal } = context;
  const found = instanceOfClaim(await cloud.list({ signal }), known.claim);
  if (found === undefined || isEnded(found.state)) return false;
  await settleLaunch(context, known, found, typeOf(types, found));
  return true;
}

function typeOf(
  types: readonly InstanceType[],
  { instanceType }: CloudInstance,
): InstanceType | undefined {
  return types.find(({ name }) => name === instanceType);
}
