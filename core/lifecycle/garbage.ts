/**
 * Instances that nobody wants any more, and NodeClaims whose instance is gone.
 *
 * In: what the cloud lists, the claims, the time. Out: what is to be ended. A list may lag a launch
 * by seconds, in rare cases by minutes (`reference/ec2.md` C4), and a crash may come at any moment,
 * so everything here has a grace, and whoever acts on a missing instance asks for it by name first.
 * Instances without our tag are nobody's of ours.
 */
import { conditionOf, isTrue } from '../api/conditions.ts';
import type { Live } from '../api/kinds.ts';
import type { CloudInstance, InstanceState } from '../cloud-port.ts';
import { isLaunchedUnder, lacksTags } from './launch-group.ts';
import { isInstanceOf, tagNodeClaimUid } from './launch-request.ts';

/** An instance younger than this may belong to a claim that is being written. */
export const orphanGraceMs = 30_000;
/** So long after its launch an instance that is not listed may only be late. */
export const visibilityGraceMs = 60_000;
/** An instance must have been missing for so long. */
export const missingGraceMs = 15_000;

const endedStates: ReadonlySet<InstanceState> = new Set([
  'shutting-down',
  'terminated',
  'stopping',
  'stopped',
]);

/** True for a state from which an instance of ours does not come back. */
export function isEnded(state: InstanceState): boolean {
  return endedStates.has(state);
}

/**
 * True for an instance of ours that has no claim, or whose claim has another instance.
 *
 * @param claim of the name and UID that the instance carries, or, if it carries none yet, that knows it
 * @param awaited tokens of groups that some claim without instance still waits for
 */
export function isOrphan(
  instance: CloudInstance,
  claim: Live<'NodeClaim'> | undefined,
  nowMs: number,
  awaited: ReadonlySet<string>,
): boolean {
  const isNameless = lacksTags(instance);
  const isOurs = isNameless || instance.tags[tagNodeClaimUid] !== undefined;
  if (!isOurs || isEnded(instance.state)) return false;
  if (nowMs - instance.launchedMs < orphanGraceMs) return false;
  const { providerID = '' } = claim?.status ?? {};
  if (isNameless) {
    if (providerID === instance.providerID) return false;
    return ![...awaited].some((token) => isLaunchedUnder(instance, token));
  }
  if (claim === undefined || !isInstanceOf(instance, claim)) return true;
  // A claim that does not know its instance yet is about to learn of it.
  return providerID !== '' && providerID !== instance.providerID;
}

/**
 * - `present`: nothing to do.
 * - `ended`: the cloud says so.
 * - `missing`: the cloud does not list it, which counts after a grace and a second look.
 */
export type InstanceStanding = 'present' | 'ended' | 'missing';

/** How the instance of a launched claim stands; a node that is Ready proves that it lives. */
export function instanceStanding(
  claim: Live<'NodeClaim'>,
  instance: CloudInstance | undefined,
  isNodeReady: boolean,
  nowMs: number,
): InstanceStanding {
  if (!isTrue(claim, 'Launched')) return 'present';
  if (instance !== undefined) return isEnded(instance.state) ? 'ended' : 'present';
  const launchedMs = Date.parse(conditionOf(claim, 'Launched')?.lastTransitionTime ?? '');
  const isYoung = nowMs - launchedMs < visibilityGraceMs;
  return isNodeReady || isYoung ? 'present' : 'missing';
}
