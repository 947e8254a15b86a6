/**
 * Gathers claims that want the same, and writes down on each what will be asked for them together.
 *
 * In: claims about to be launched, as they come. Out: each with its record, when all records of its
 * group are written. Claims come together within a short window; one whose record cannot be written
 * (changed, deleted, no answer) is left out, and the group is made anew without it. Nothing has been
 * asked of the cloud by then: the leader's record, which says so, is written last.
 */
import { createHash } from 'node:crypto';
import type { Live } from '../../../core/api/kinds.ts';
import { terminationFinalizer } from '../../../core/api/labels.ts';
import {
  byAge,
  commitMs,
  groupRecords,
  type LaunchCandidate,
} from '../../../core/lifecycle/launch-group.ts';
import {
  annotationLaunch,
  type LaunchRecord,
  launchRecordText,
} from '../../../core/lifecycle/launch-record.ts';
import { type LaunchQuestion, launchKey } from '../../../core/lifecycle/launch-request.ts';
import { ClusterError } from '../../../core/ports.ts';
import { type Batcher, createBatcher } from '../../batcher.ts';
import { type ControllerContext, fieldManager } from '../context.ts';

/** A claim on which is written what will be asked. */
export interface RecordedLaunch {
  readonly record: LaunchRecord;
  readonly claim: Live<'NodeClaim'>;
}

export interface LaunchGroups {
  /**
   * The claim with its record; `gone` if it is gone or going: then nothing is launched for it.
   *
   * @throws ClusterError
   */
  join(candidate: LaunchCandidate): Promise<RecordedLaunch | 'gone'>;
}

/** A group is complete when no claim has come for so long, at the latest after the second. */
export const windowIdleMs = 30;
export const windowMaxMs = 100;
/** Claims of one call. */
export const groupSizeMax = 100;
/** Times that a group is made anew without those that fell out; then each goes alone. */
const remakesMax = 3;

type Written = RecordedLaunch | 'gone' | ClusterError;

interface Member {
  readonly candidate: LaunchCandidate;
  /** As it was written last. */
  readonly claim: Live<'NodeClaim'>;
}

export function createLaunchGroups(context: ControllerContext): LaunchGroups {
  const { clock, signal } = context;
  /** Groups that take claims, by launch key. */
  const open = new Map<string, Batcher<LaunchCandidate, Written>>();

  function opened(key: string): Batcher<LaunchCandidate, Written> {
    const batcher = createBatcher<LaunchCandidate, Written>(clock, {
      idleMs: windowIdleMs,
      maxMs: windowMaxMs,
      sizeMax: groupSizeMax,
      run: async (candidates) => {
        open.delete(key);
        const written = await recordAll(context, candidates.toSorted(byAge));
        return candidates.map((candidate) => written.get(candidate) ?? 'gone');
      },
    });
    open.set(key, batcher);
    return batcher;
  }

  return {
    join: async (candidate) => {
      const key = launchKey(questionOf(context, candidate));
      const written = await (open.get(key) ?? opened(key)).add(candidate, signal);
      if (written instanceof ClusterError) throw written;
      return written;
    },
  };
}

/** What is asked of the cloud for a claim. */
export function questionOf(
  { settings }: Pick<ControllerContext, 'settings'>,
  candidate: LaunchCandidate,
): LaunchQuestion {
  return { ...candidate, clusterName: settings.clusterName, hash };
}

/** Every candidate with what became of it. */
async function recordAll(
  context: ControllerContext,
  candidates: readonly LaunchCandidate[],
): Promise<ReadonlyMap<LaunchCandidate, Written>> {
  const out = new Map<LaunchCandidate, Written>();
  let left: readonly Member[] = candidates.map((one) => ({ candidate: one, claim: one.claim }));
  for (let remakes = 0; left.length > 1 && remakes <= remakesMax; remakes += 1) {
    const tried = await recordGroup(context, left);
    if (tried.every(({ written }) => written !== undefined && isRecorded(written))) {
      for (const { candidate, written } of tried) out.set(candidate, written ?? 'gone');
      return out;
    }
    const [leader] = tried;
    if (leader?.written instanceof ClusterError && leader.written.mayHaveHappened) {
      // It may stand for all of them: each finds out before anything else is asked for it.
      for (const { candidate } of tried) out.set(candidate, leader.written);
      return out;
    }
    left = tried.flatMap(({ candidate, claim, written }) => {
      if (written === undefined) return [{ candidate, claim }];
      if (isRecorded(written)) return [{ candidate, claim: written.claim }];
      out.set(candidate, written);
      return [];
    });
  }
  await Promise.all(
    left.map(async (one) => {
      const [record] = recordsOf(context, [one]);
      if (record !== undefined) out.set(one.candidate, await write(context, one.claim, record));
    }),
  );
  return out;
}

type Tried = Member & {
  /** Undefined if it was not tried. */
  readonly written: Written | undefined;
};

/** Writes the records of a group, the leader's only if all others are there. */
async function recordGroup(
  context: ControllerContext,
  members: readonly Member[],
): Promise<readonly Tried[]> {
  const { clock } = context;
  const startedMs = clock.nowMs();
  const records = recordsOf(context, members);
  const written = await Promise.all(
    members.map(async ({ claim }, index) => {
      const record = records[index];
      return index === 0 || record === undefined ? undefined : await write(context, claim, record);
    }),
  );
  const isInTime = clock.nowMs() - startedMs < commitMs / 2;
  const [leader] = members;
  const [leaderRecord] = records;
  if (
    leader !== undefined &&
    leaderRecord !== undefined &&
    isInTime &&
    written.every((one, index) => index === 0 || (one !== undefined && isRecorded(one)))
  ) {
    written[0] = await write(context, leader.claim, leaderRecord);
  }
  return members.map((member, index) => ({ ...member, written: written[index] }));
}

function recordsOf(
  context: ControllerContext,
  members: readonly Member[],
): readonly LaunchRecord[] {
  const questions = members.map(({ candidate, claim }) =>
    questionOf(context, { ...candidate, claim }),
  );
  return groupRecords(questions, context.clock.nowMs());
}

function isRecorded(written: Written): written is RecordedLaunch {
  return written !== 'gone' && !(written instanceof ClusterError);
}

async function write(
  { client, signal }: ControllerContext,
  { metadata }: Live<'NodeClaim'>,
  record: LaunchRecord,
): Promise<Written> {
  const { name, uid, resourceVersion, annotations, finalizers = [] } = metadata;
  const isHeld = finalizers.includes(terminationFinalizer);
  const body = {
    metadata: {
      annotations: { [annotationLaunch]: launchRecordText(record, annotations) },
      // Claims made by hand come without it, and nothing else would end their instances.
      ...(isHeld ? {} : { finalizers: [...finalizers, terminationFinalizer] }),
    },
  };
  try {
    const written = await client.patch(
      'NodeClaim',
      { name },
      { type: 'merge', body },
      // The version, so that two processes never write two attempts.
      { fieldManager, uid, resourceVersion, signal },
    );
    return written.metadata.deletionTimestamp === undefined ? { record, claim: written } : 'gone';
  } catch (error) {
    if (error instanceof ClusterError) return error;
    throw error;
  }
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
