/**
 * Finds instances that were launched for a claim which does not know of them.
 *
 * In: the claim, the time from which on the answer may be trusted. Out: its instances. One
 * list serves every claim that asks within {@link listLifeMs}: after a pool has run dry hundreds of
 * claims end at once. What it keeps is an answer that can be had again at any time.
 */
import type { Live } from '../../../core/api/kinds.ts';
import type { CloudInstance, CloudProvider } from '../../../core/cloud-port.ts';
import { instanceOfClaim } from '../../../core/lifecycle/launch-group.ts';
import { tagLaunch, tagNodeClaimUid } from '../../../core/lifecycle/launch-request.ts';
import type { Clock } from '../../../core/ports.ts';

/** A list that began so long ago at most is used again. */
const listLifeMs = 2_000;

export interface InstanceSearch {
  /**
   * Instances of the claim that have not ended, from a list that began at `sinceMs` (wall clock) or
   * later. @throws CloudError
   */
  instancesOf(
    claim: Live<'NodeClaim'>,
    sinceMs: number,
    signal: AbortSignal,
  ): Promise<readonly CloudInstance[]>;
}

interface KeptList {
  readonly startedMs: number;
  readonly index: Promise<InstanceIndex>;
}

interface InstanceIndex {
  readonly byClaim: ReadonlyMap<string, readonly CloudInstance[]>;
  /** Those that were launched together with others and do not say whose they are, or do by now. */
  readonly ofGroups: readonly CloudInstance[];
}

export function createInstanceSearch(cloud: CloudProvider, clock: Clock): InstanceSearch {
  let kept: KeptList | undefined;
  return {
    instancesOf: async (claim, sinceMs, signal) => {
      const nowMs = clock.nowMs();
      if (kept === undefined || kept.startedMs < sinceMs || kept.startedMs + listLifeMs < nowMs) {
        const started: KeptList = { startedMs: nowMs, index: listed(cloud, signal) };
        kept = started;
        // One that fails is not kept; whoever awaits it hears of it.
        started.index.catch(() => {
          if (kept === started) kept = undefined;
        });
      }
      const { byClaim, ofGroups } = await kept.index;
      const named = byClaim.get(claim.metadata.uid);
      if (named !== undefined) return named;
      const placed = instanceOfClaim(ofGroups, claim);
      return placed === undefined ? [] : [placed];
    },
  };
}

async function listed(cloud: CloudProvider, signal: AbortSignal): Promise<InstanceIndex> {
  const byClaim = new Map<string, CloudInstance[]>();
  const ofGroups: CloudInstance[] = [];
  for (const instance of await cloud.list({ signal })) {
    if (instance.tags[tagLaunch] !== undefined) ofGroups.push(instance);
    const uid = instance.tags[tagNodeClaimUid];
    if (uid === undefined) continue;
    const others = byClaim.get(uid);
    if (others === undefined) byClaim.set(uid, [instance]);
    else others.push(instance);
  }
  return { byClaim, ofGroups };
}
