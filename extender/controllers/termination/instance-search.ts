/**
 * Finds instances that were launched for a claim which does not know of them.
 *
 * In: the claim's UID, the time from which on the answer may be trusted. Out: its instances. One
 * list serves every claim that asks within {@link listLifeMs}: after a pool has run dry hundreds of
 * claims end at once. What it keeps is an answer that can be had again at any time.
 */
import type { CloudInstance, CloudProvider } from '../../../core/cloud-port.ts';
import { tagNodeClaimUid } from '../../../core/lifecycle/launch-request.ts';
import type { Clock } from '../../../core/ports.ts';

/** A list that began so long ago at most is used again. */
const listLifeMs = 2_000;

export interface InstanceSearch {
  /**
   * Instances of the claim that have not ended, from a list that began at `sinceMs` (wall clock) or
   * later. @throws CloudError
   */
  instancesOf(
    claimUid: string,
    sinceMs: number,
    signal: AbortSignal,
  ): Promise<readonly CloudInstance[]>;
}

interface KeptList {
  readonly startedMs: number;
  readonly byClaim: Promise<ReadonlyMap<string, readonly CloudInstance[]>>;
}

export function createInstanceSearch(cloud: CloudProvider, clock: Clock): InstanceSearch {
  let kept: KeptList | undefined;
  return {
    instancesOf: async (claimUid, sinceMs, signal) => {
      const nowMs = clock.nowMs();
      if (kept === undefined || kept.startedMs < sinceMs || kept.startedMs + listLifeMs < nowMs) {
        const started: KeptList = { startedMs: nowMs, byClaim: listByClaim(cloud, signal) };
        kept = started;
        // One that fails is not kept; whoever awaits it hears of it.
        started.byClaim.catch(() => {
          if (kept === started) kept = undefined;
        });
      }
      return (await kept.byClaim).get(claimUid) ?? [];
    },
  };
}

async function listByClaim(
  cloud: CloudProvider,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly CloudInstance[]>> {
  const byClaim = new Map<string, CloudInstance[]>();
  for (const instance of await cloud.list({ signal })) {
    const uid = instance.tags[tagNodeClaimUid];
    if (uid === undefined) continue;
    const others = byClaim.get(uid);
    if (others === undefined) byClaim.set(uid, [instance]);
    else others.push(instance);
  }
  return byClaim;
}
