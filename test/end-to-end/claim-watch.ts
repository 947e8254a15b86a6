/**
 * Every NodeClaim that there has been, and the instances that its status has named.
 *
 * In: an administrator's API client. Out: how many there were, and what must never be: one instance
 * for two claims, two instances for one. It shares no code with the product.
 */
import type { ApiClient } from '../control-plane/api-client.ts';
import { followKind } from '../control-plane/cluster-watch.ts';
import type { Condition, ObjectMeta } from '../control-plane/objects.ts';
import { nodeClaimsPath } from './sample-objects.ts';

export interface WatchedClaim {
  readonly metadata: ObjectMeta;
  readonly status?: {
    readonly providerID?: string;
    readonly nodeName?: string;
    readonly conditions?: readonly Condition[];
  };
}

export interface ClaimWatch {
  /** By name: those that there are now. */
  readonly now: ReadonlyMap<string, WatchedClaim>;
  /** How many there have been. */
  readonly count: number;
  /** Provider ids that the status of some claim has named. */
  readonly instances: ReadonlySet<string>;
  /** Instances that the status of two claims has named, and claims that have named two. */
  readonly shared: readonly string[];
  stop(): Promise<void>;
}

export function watchClaims(client: ApiClient): ClaimWatch {
  const now = new Map<string, WatchedClaim>();
  const instanceOf = new Map<string, string>();
  const claimOf = new Map<string, string>();
  const uids = new Set<string>();
  const shared: string[] = [];
  const abort = new AbortController();
  const stream = followKind<WatchedClaim>(
    client,
    nodeClaimsPath,
    now,
    abort.signal,
    () => undefined,
    ({ object: { metadata, status } }) => {
      const { uid = '' } = metadata;
      const { providerID } = status ?? {};
      uids.add(uid);
      if (providerID === undefined || providerID === '') return;
      const [claim = uid, instance = providerID] = [claimOf.get(providerID), instanceOf.get(uid)];
      if (claim !== uid) shared.push(`${providerID} is that of ${claim} and ${uid}`);
      if (instance !== providerID) shared.push(`${uid} has ${instance} and ${providerID}`);
      claimOf.set(providerID, uid);
      instanceOf.set(uid, providerID);
    },
  );
  return {
    now,
    shared,
    get instances() {
      return new Set(claimOf.keys());
    },
    get count() {
      return uids.size;
    },
    stop: async () => {
      abort.abort();
      await stream.ended;
    },
  };
}
