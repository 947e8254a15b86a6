/**
 * Whether a Karpenter runs on the cluster.
 *
 * In: the cluster's Leases of Karpenter's name, in whatever namespace it was installed. Out: whether
 * one of them is held. While it is, the pools of Karpenter's own group are left to it (design section
 * 4). A Lease counts as held while it changes or its times say so: a Karpenter that was just started,
 * or whose clock is off, is believed rather than fought. It decides nothing about any pool.
 */
import type { Live } from '../../core/api/kinds.ts';
import { type Clock, type ClusterClient, ClusterError, type Random } from '../../core/ports.ts';
import { holderOf, leaseTiming } from './lease-lock.ts';

/** Karpenter's default; the name cannot be found out. */
export const karpenterLeaseName = 'karpenter-leader-election';
/** How often is looked. */
const lookMs = leaseTiming.durationMs;
/** How far clocks may be apart. */
const skewMs = 60_000;

/** @throws ClusterError */
export async function karpenterLeads(
  { client, clock }: { readonly client: ClusterClient; readonly clock: Clock },
  signal?: AbortSignal,
): Promise<boolean> {
  const leases = await leasesOf(client, signal);
  return leases.some((lease) => isHeldByTimes(lease, clock.nowMs()));
}

export interface KarpenterWatchOptions {
  readonly client: ClusterClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** Called with the first answer and with every change. Must not throw. */
  readonly onChange?: (isLeading: boolean) => void;
  readonly onFailure?: (error: ClusterError) => void;
}

export interface KarpenterWatch {
  /** As of the last look; true until the first has succeeded, which is the careful side. */
  readonly isLeading: boolean;
  /** Resolves after the first look that succeeded. */
  readonly known: Promise<void>;
  /** Resolves after the signal; rejects on a bug. */
  readonly done: Promise<void>;
}

/** Looks until the signal. */
export function watchKarpenter(options: KarpenterWatchOptions): KarpenterWatch {
  const { client, clock, random, signal, onChange, onFailure } = options;
  const known: PromiseWithResolvers<void> = Promise.withResolvers();
  /** By UID; `changedMs` is undefined as long as it has not changed before our eyes. */
  const seen = new Map<
    string,
    { readonly version: string; readonly changedMs: number | undefined }
  >();
  let isLeading: boolean | undefined;

  /** By what we have seen of it, where the times on it mislead. */
  function isRenewed(lease: Live<'Lease'>): boolean {
    const { uid, resourceVersion: version } = lease.metadata;
    const nowMs = clock.monotonicMs();
    const before = seen.get(uid);
    const hasChanged = before !== undefined && before.version !== version;
    const changedMs = hasChanged ? nowMs : before?.changedMs;
    seen.set(uid, { version, changedMs });
    return changedMs !== undefined && nowMs < changedMs + holderOf(lease).durationMs + lookMs;
  }

  async function look(): Promise<void> {
    const leases = await leasesOf(client, signal);
    const uids = new Set(leases.map(({ metadata }) => metadata.uid));
    for (const uid of seen.keys()) if (!uids.has(uid)) seen.delete(uid);
    const held = leases.filter((lease) => {
      const renewed = isRenewed(lease);
      return holderOf(lease).identity !== '' && (renewed || isHeldByTimes(lease, clock.nowMs()));
    });
    const wasLeading = isLeading;
    isLeading = held.length > 0;
    known.resolve();
    if (isLeading !== wasLeading) onChange?.(isLeading);
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      try {
        await look();
        await clock.sleep(lookMs * (0.9 + random.float() / 5), signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof ClusterError)) throw error;
        onFailure?.(error);
        await clock.sleep(leaseTiming.retryMs, signal).catch(() => undefined);
      }
    }
  }

  const done = run();
  // Awaited by whoever runs the process; an early failure must not be taken for unhandled.
  done.catch(() => undefined);
  return {
    get isLeading() {
      return isLeading ?? true;
    },
    known: known.promise,
    done,
  };
}

async function leasesOf(
  client: ClusterClient,
  signal: AbortSignal | undefined,
): Promise<readonly Live<'Lease'>[]> {
  const { items } = await client.list('Lease', {
    fieldSelector: `metadata.name=${karpenterLeaseName}`,
    ...(signal === undefined ? {} : { signal }),
  });
  return items;
}

function isHeldByTimes(lease: Live<'Lease'>, nowMs: number): boolean {
  const { identity, renewedMs, durationMs } = holderOf(lease);
  return identity !== '' && nowMs < renewedMs + durationMs + skewMs;
}
