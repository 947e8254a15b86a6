/**
 * Claims that are launched by one call, and which instance of the answer is whose.
 *
 * In: claims whose requests are the same but for their names; or a record, its leader, what the cloud
 * lists. Out: a record for each; whether the call may have been made; a claim's instance. The leader's
 * record is written last and nothing is asked before, so its presence is the mark that the others are
 * there too. The instances of a group have an order that never changes (by call, then by id), and the
 * i-th is the i-th claim's: so every process that ever learns of them gives them to the same claims.
 */
import type { Live } from '../api/kinds.ts';
import type { CloudInstance } from '../cloud-port.ts';
import { type LaunchRecord, launchRecordOf } from './launch-record.ts';
import {
  isInstanceOf,
  type LaunchQuestion,
  launchToken,
  tagLaunch,
  tagNodeClaimUid,
} from './launch-request.ts';

/** A claim that is about to be launched. */
export type LaunchCandidate = Omit<LaunchQuestion, 'clusterName' | 'hash'>;

/** A leader's record that is older than half of this is not written any more. */
export const commitMs = 10_000;

/** Who is served first where there is not enough for all: the oldest. */
export function byAge(a: LaunchCandidate, b: LaunchCandidate): number {
  const ageOf = ({ claim: { metadata } }: LaunchCandidate): string =>
    `${metadata.creationTimestamp} ${metadata.name}`;
  return ageOf(a) < ageOf(b) ? -1 : ageOf(a) > ageOf(b) ? 1 : 0;
}

/**
 * Records of claims that have one launch key, in their order; the first is the leader's. A single one
 * is no group.
 */
export function groupRecords(
  questions: readonly LaunchQuestion[],
  atMs: number,
): readonly LaunchRecord[] {
  const [leader] = questions;
  if (leader === undefined) return [];
  const uids = questions.map(({ claim }) => claim.metadata.uid);
  const token = launchToken(leader, uids);
  const size = questions.length;
  const { name } = leader.claim.metadata;
  return questions.map(({ attempt, offerings }, index) => ({
    attempt,
    token,
    atMs,
    offerings,
    ...(size === 1 ? {} : { group: { size, index, leader: name } }),
  }));
}

/**
 * - `asked`: every record of the group was written; the call may have been made.
 * - `not-asked`: it was not, and will not be.
 * - `unknown`: the leader is gone, or has been asked for otherwise since.
 */
export type GroupStanding = 'asked' | 'not-asked' | 'unknown';

/** @param leader as it is now: not from a view that may lag */
export function groupStanding(
  { token, attempt, group }: LaunchRecord,
  leader: Live<'NodeClaim'> | undefined,
): GroupStanding {
  if (group === undefined) return 'asked';
  if (leader === undefined || !token.startsWith(`${leader.metadata.uid}-`)) return 'unknown';
  const own = launchRecordOf(leader.metadata.annotations);
  if (own?.token === token) return 'asked';
  // A leader leaves an attempt that was asked for the next one alone.
  return own === undefined || own.attempt <= attempt ? 'not-asked' : 'unknown';
}

/** True for an instance that a call under this token made. */
export function isLaunchedUnder({ tags }: CloudInstance, token: string): boolean {
  const call = tags[tagLaunch];
  return call !== undefined && (call === token || call.startsWith(`${token}-`));
}

/** True if some call under this token is known to have been made. */
export function isSeen(instances: readonly CloudInstance[], token: string): boolean {
  return instances.some((instance) => isLaunchedUnder(instance, token));
}

/**
 * The instance of a claim among those that the cloud tells of: by its UID, or by its place if the
 * whole group is there. While some are missing (late, or gone) nobody can say whose the others are.
 */
export function instanceOfClaim(
  instances: readonly CloudInstance[],
  claim: Live<'NodeClaim'>,
): CloudInstance | undefined {
  const own = instances.find((instance) => isInstanceOf(instance, claim));
  if (own !== undefined) return own;
  const record = launchRecordOf(claim.metadata.annotations);
  if (record?.group === undefined) return undefined;
  return wholeGroup(instances, record.token, record.group.size)?.[record.group.index];
}

/** All instances of a group in their order; undefined while some are not among these. */
export function wholeGroup(
  instances: readonly CloudInstance[],
  token: string,
  size: number,
): readonly CloudInstance[] | undefined {
  const group = instances.filter((instance) => isLaunchedUnder(instance, token));
  return group.length === size ? inGroupOrder(group) : undefined;
}

/** By call, then by id. */
export function inGroupOrder(instances: readonly CloudInstance[]): readonly CloudInstance[] {
  return instances.toSorted(
    (a, b) => compareCalls(a, b) || compareText(idOf(a.providerID), idOf(b.providerID)),
  );
}

/** True if the instance does not say whose it is, though it is somebody's. */
export function lacksTags({ tags }: CloudInstance): boolean {
  return tags[tagLaunch] !== undefined && tags[tagNodeClaimUid] === undefined;
}

/** Numbers that the cloud appends count up: 2 comes before 10, and 1 before 1-2. */
function compareCalls(a: CloudInstance, b: CloudInstance): number {
  const [left, right] = [a, b].map(({ tags }) => (tags[tagLaunch] ?? '').split('-'));
  const [one = [], other = []] = [left, right];
  for (let part = 0; part < Math.min(one.length, other.length); part += 1) {
    const [x = '', y = ''] = [one[part], other[part]];
    if (x !== y) return x.length - y.length || compareText(x, y);
  }
  return one.length - other.length;
}

function idOf(providerID: string): string {
  return providerID.slice(providerID.lastIndexOf('/') + 1);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
