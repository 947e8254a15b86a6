/**
 * Whether a Karpenter runs on the cluster.
 *
 * In: the cluster's Leases of Karpenter's name, in whatever namespace it was installed. Out: whether
 * one of them is held. While it is, the pools of Karpenter's own group are left to it (design section
 * 4). A Lease that changes before our eyes is held, whatever its times say; they count at first sight
 * only, and with room for clocks that are off: a Karpenter is believed rather than fought. One that
 * was given back or has run out may be taken by the next replica in a moment, so that it must have
 * been free for its duration before it counts as free. It decides nothing about any pool.
 */
import type { Live } from '../../core/api/kinds.ts';
import { type Clock, type ClusterClient, ClusterError, type Random } from '../../core/ports.ts';
import { holderOf, leaseTiming } from './lease-lock.ts';

/** Karpenter's default; the name cannot be found out. */
export const karpenterLeaseName = 'karpenter-leader-election';
/** How often is looked: two provisioners act on the same objects for so long at most. */
const lookMs = 3_000;
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
  /** By UID; `atMs`: since when there has been this version, -Infinity if it was old at first sight. */
  const seen = new Map<string, { readonly version: string; readonly atMs: number }>();
  let isLeading: boolean | undefined;
  /** When a Lease was last found held. */
  let heldMs = -Infinity;

  function isHeld(lease: Live<'Lease'>): boolean {
    const { uid, resourceVersion: version } = lease.metadata;
    const { identity, durationMs } = holderOf(lease);
    const nowMs = clock.monotonicMs();
    const before = seen.get(uid);
    let atMs = before?.atMs ?? -Infinity;
    if (before === undefined) {
      if (isHeldByTimes(lease, clock.nowMs())) atMs = nowMs;
      else if (isReleasedLately(lease, clock.nowMs())) heldMs = nowMs;
    } else if (before.version !== version) {
      atMs = nowMs;
    }
    seen.set(uid, { version, atMs });
    return identity !== '' && nowMs < atMs + durationMs + lookMs;
  }

  async function look(): Promise<void> {
    const leases = await leasesOf(client, signal);
    const uids = new Set(leases.map(({ metadata }) => metadata.uid));
    for (const uid of seen.keys()) if (!uids.has(uid)) seen.delete(uid);
    // All of them: what was seen is kept on the way.
    if (leases.filter(isHeld).length > 0) heldMs = clock.monotonicMs();
    const wasLeading = isLeading;
    isLeading = clock.monotonicMs() < heldMs + leaseTiming.durationMs;
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

/** A holder that gives it back writes down when, and a duration of one second. */
function isReleasedLately(lease: Live<'Lease'>, nowMs: number): boolean {
  const { identity, renewedMs } = holderOf(lease);
  return identity === '' && nowMs < renewedMs + leaseTiming.durationMs;
}

function isHeldByTimes(lease: Live<'Lease'>, nowMs: number): boolean {
  const { identity, renewedMs, durationMs } = holderOf(lease);
  return identity !== '' && nowMs < renewedMs + durationMs + skewMs;
}
