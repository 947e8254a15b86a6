/**
 * The Lease that says who leads: taking it, keeping it, giving it back, and reading it.
 *
 * In: a client, the names. Out: whether this replica holds the Lease, and since when that is
 * certain. Every write carries the resourceVersion that was read, so that of two that take the Lease
 * at once one loses. Whether another's hold has run out is judged by how long this process has seen
 * the same version, never by the times written on it: clocks of machines differ (as client-go). It
 * does not know what leading means, and sleeps nowhere.
 */
import type { Live } from '../../core/api/kinds.ts';
import {
  type CallOptions,
  type Clock,
  type ClusterClient,
  isClusterError,
} from '../../core/ports.ts';
import { fieldManager } from '../controllers/context.ts';

const second = 1_000;

/**
 * How long the Lease speaks for its holder, when a holder that could not renew stops, and how often
 * is tried. As Karpenter and kube-controller-manager. The time between the first two is what a
 * leader has for stopping before another can lead.
 */
export const leaseTiming = {
  durationMs: 15 * second,
  renewDeadlineMs: 10 * second,
  retryMs: 2 * second,
} as const;

/** Who holds a Lease, as it is written there. */
export interface LeaseHolder {
  /** '' while nobody does. */
  readonly identity: string;
  /** By the holder's clock; 0 if unknown. */
  readonly acquiredMs: number;
  /** By the holder's clock; 0 if unknown. */
  readonly renewedMs: number;
  readonly durationMs: number;
  /** How often the Lease has changed hands. */
  readonly transitions: number;
}

export interface LeaseLockOptions {
  readonly client: ClusterClient;
  readonly clock: Clock;
  readonly namespace: string;
  readonly name: string;
  /** Of this process and no other, now or before: a namesake would take it for its own. */
  readonly identity: string;
}

/** What a try came to. `sentMs`: monotonic time before the write; held from then on. */
export type LeaseAttempt =
  | { readonly isHeld: true; readonly sentMs: number }
  | { readonly isHeld: false; readonly holder: string };

/** The holder that a Lease names. */
export function holderOf(lease: Live<'Lease'>): LeaseHolder {
  const { spec } = lease;
  return {
    identity: spec?.holderIdentity ?? '',
    acquiredMs: millisecondsOf(spec?.acquireTime),
    renewedMs: millisecondsOf(spec?.renewTime),
    durationMs: (spec?.leaseDurationSeconds ?? leaseTiming.durationMs / second) * second,
    transitions: spec?.leaseTransitions ?? 0,
  };
}

/** Who leads now; undefined if there is no such Lease. */
export async function readLeader(
  client: ClusterClient,
  lease: { readonly namespace: string; readonly leaseName: string },
  options?: CallOptions,
): Promise<LeaseHolder | undefined> {
  const name = { namespace: lease.namespace, name: lease.leaseName };
  const found = await client.get('Lease', name, options);
  return found === undefined ? undefined : holderOf(found);
}

/** One replica's hand on the Lease. Calls must not overlap. */
export class LeaseLock {
  readonly #options: LeaseLockOptions;
  /** As we wrote it last; undefined where another may have written since. */
  #own: Live<'Lease'> | undefined;
  #observed: { readonly version: string; readonly atMs: number } | undefined;
  #holder: LeaseHolder | undefined;

  constructor(options: LeaseLockOptions) {
    this.#options = options;
  }

  /** As of the last look or write; undefined before the first. */
  get holder(): LeaseHolder | undefined {
    return this.#holder;
  }

  /**
   * Takes the Lease if it is free or its holder has not renewed it for its duration, or renews it.
   * @throws ClusterError if nothing is certain, also where the write may have happened
   */
  async attempt(options: CallOptions): Promise<LeaseAttempt> {
    if (this.#own !== undefined) {
      const renewed = await this.#renew(this.#own, options);
      if (renewed !== undefined) return renewed;
    }
    const { client, clock, namespace, name, identity } = this.#options;
    const found = await client.get('Lease', { namespace, name }, options);
    if (found !== undefined) this.#observe(found);
    const holder = this.#holder;
    const isOthers = holder !== undefined && ![identity, ''].includes(holder.identity);
    // A Lease that was deleted under its holder still speaks for it until its time is over.
    if (isOthers && !this.#hasRunOut(holder)) return { isHeld: false, holder: holder.identity };
    const sentMs = clock.monotonicMs();
    try {
      this.#wrote(
        found === undefined
          ? await client.create('Lease', this.#fresh(), { ...options, fieldManager })
          : await client.replace('Lease', this.#taken(found), { ...options, fieldManager }),
      );
    } catch (error) {
      // Nowhere to create it is no lost race: there is no such namespace, and somebody must be told.
      const isGone = found !== undefined && isClusterError(error, 'NotFound');
      if (!isGone && !isClusterError(error, 'Conflict', 'AlreadyExists')) throw error;
      return { isHeld: false, holder: holder?.identity ?? '' };
    }
    return { isHeld: true, sentMs };
  }

  /** From now on others may have written: the next attempt reads first. */
  forget(): void {
    this.#own = undefined;
  }

  /**
   * Frees the Lease at once if it is still ours, so that another need not wait.
   * @throws ClusterError if that is not certain
   */
  async release(options: CallOptions): Promise<void> {
    const { client, namespace, name, identity } = this.#options;
    const found = await client.get('Lease', { namespace, name }, options);
    this.#own = undefined;
    if (found === undefined || holderOf(found).identity !== identity) return;
    const spec = { ...found.spec, holderIdentity: '', renewTime: this.#now() };
    try {
      const freed = await client.replace('Lease', { ...found, spec }, { ...options, fieldManager });
      this.#holder = holderOf(freed);
    } catch (error) {
      // Another has it by now: that is as good.
      if (!isClusterError(error, 'Conflict', 'NotFound')) throw error;
    }
  }

  async #renew(own: Live<'Lease'>, options: CallOptions): Promise<LeaseAttempt | undefined> {
    const { client, clock } = this.#options;
    const sentMs = clock.monotonicMs();
    const spec = { ...own.spec, renewTime: this.#now() };
    try {
      const write = { ...options, fieldManager };
      this.#wrote(await client.replace('Lease', { ...own, spec }, write));
      return { isHeld: true, sentMs };
    } catch (error) {
      if (!isClusterError(error, 'Conflict', 'NotFound')) throw error;
      // An earlier write of ours without answer, or somebody else: reading tells.
      this.#own = undefined;
      return undefined;
    }
  }

  #fresh() {
    const { namespace, name } = this.#options;
    const time = this.#now();
    return {
      metadata: { namespace, name },
      spec: { ...this.#signature(), acquireTime: time, renewTime: time, leaseTransitions: 0 },
    };
  }

  #taken(found: Live<'Lease'>): Live<'Lease'> {
    const before = holderOf(found);
    const isOurs = before.identity === this.#options.identity;
    const time = this.#now();
    return {
      ...found,
      spec: {
        ...found.spec,
        ...this.#signature(),
        acquireTime: isOurs ? (found.spec?.acquireTime ?? time) : time,
        renewTime: time,
        leaseTransitions: before.transitions + (isOurs ? 0 : 1),
      },
    };
  }

  #signature() {
    return {
      holderIdentity: this.#options.identity,
      leaseDurationSeconds: leaseTiming.durationMs / second,
    };
  }

  #wrote(lease: Live<'Lease'>): void {
    this.#own = lease;
    this.#holder = holderOf(lease);
  }

  #observe(lease: Live<'Lease'>): void {
    this.#holder = holderOf(lease);
    const version = `${lease.metadata.uid} ${lease.metadata.resourceVersion}`;
    if (this.#observed?.version === version) return;
    this.#observed = { version, atMs: this.#options.clock.monotonicMs() };
  }

  #hasRunOut({ durationMs }: LeaseHolder): boolean {
    const seenMs = this.#observed?.atMs ?? this.#options.clock.monotonicMs();
    return this.#options.clock.monotonicMs() >= seenMs + durationMs;
  }

  /** RFC 3339 with microseconds, as the kind demands. */
  #now(): string {
    return new Date(this.#options.clock.nowMs()).toISOString().replace('Z', '000Z');
  }
}

function millisecondsOf(time: string | undefined): number {
  return time === undefined ? 0 : Date.parse(time);
}
