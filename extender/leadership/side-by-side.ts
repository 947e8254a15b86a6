/**
 * Leading beside a Karpenter: what is its own is left to it for as long as it runs.
 *
 * In: whether Karpenter's Lease is held, what a leader runs. Out: that work, told what is ours, ended
 * and begun anew when the answer changes; nothing that works needs to know that it can. Where Stowage
 * replaces Karpenter no Lease is looked at, and everything that we serve is ours.
 */
import type { Logger } from 'pino';
import { karpenterAwsGroup } from '../../core/api/labels.ts';
import { type Ownership, ownership } from '../../core/lifecycle/ownership.ts';
import type { Clock, ClusterClient, Random } from '../../core/ports.ts';
import type { ServiceSettings } from '../settings.ts';
import { type KarpenterWatch, watchKarpenter } from './karpenter-lease.ts';

export interface SideBySideOptions {
  readonly client: ClusterClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly settings: Pick<ServiceSettings, 'sideBySide'>;
  /** Ends looking. */
  readonly signal: AbortSignal;
}

/** A leader that cannot find out within this begins with what is ours in any case. */
const knownMaxMs = 5_000;
/** An API server that is away is worth a line now and then. */
const complainEveryMs = 60_000;

/** The answer changed: the next run knows what is ours now. */
class OwnershipChanged extends Error {
  override readonly name = 'OwnershipChanged';
}

export class SideBySide {
  readonly #clock: Clock;
  readonly #watch: KarpenterWatch | undefined;
  #turn: { readonly end: AbortController; readonly karpenterLeads: boolean } | undefined;

  /** Begins to look. */
  constructor(options: SideBySideOptions) {
    this.#clock = options.clock;
    this.#watch = options.settings.sideBySide === 'replace' ? undefined : this.#follow(options);
  }

  /** As of the last look; true until the first has succeeded, which is the careful side. */
  get karpenterLeads(): boolean {
    return this.#watch?.isLeading ?? false;
  }

  /** Resolves after the signal; rejects on a bug. */
  get done(): Promise<void> {
    return this.#watch?.done ?? Promise.resolve();
  }

  /**
   * Runs the work until the signal, again whenever what is ours has changed. Ends with the work where
   * that ends by itself; rejects with what the work threw for any other reason than its signal.
   */
  async lead(
    signal: AbortSignal,
    run: (owns: Ownership, signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    await this.#untilKnown(signal);
    while (!signal.aborted) {
      const { karpenterLeads } = this;
      const end = new AbortController();
      this.#turn = { end, karpenterLeads };
      try {
        await run(ownership(karpenterLeads), AbortSignal.any([signal, end.signal]));
      } catch (error) {
        if (error !== end.signal.reason) throw error;
      } finally {
        this.#turn = undefined;
      }
      if (!end.signal.aborted) return;
    }
  }

  #follow({ client, clock, random, log, signal }: SideBySideOptions): KarpenterWatch {
    let complainedMs = -Infinity;
    return watchKarpenter({
      client,
      clock,
      random,
      signal,
      onChange: (karpenterLeads) => {
        log.info(
          { karpenterLeads },
          karpenterLeads
            ? `a Karpenter leads: NodePools, NodeClaims and nodes of group ${karpenterAwsGroup} are left to it`
            : `no Karpenter leads: NodePools, NodeClaims and nodes of group ${karpenterAwsGroup} are ours`,
        );
        const turn = this.#turn;
        if (turn === undefined || turn.karpenterLeads === karpenterLeads) return;
        turn.end.abort(new OwnershipChanged('what is ours has changed'));
      },
      onFailure: ({ code, message }) => {
        if (clock.monotonicMs() < complainedMs + complainEveryMs) return;
        complainedMs = clock.monotonicMs();
        log.warn({ code }, `whether a Karpenter leads cannot be found out: ${message}`);
      },
    });
  }

  async #untilKnown(signal: AbortSignal): Promise<void> {
    if (this.#watch === undefined) return;
    const over = new AbortController();
    const limits = AbortSignal.any([signal, over.signal]);
    // Rejects for its signal only, which is as good an end as any.
    const limit = this.#clock.sleep(knownMaxMs, limits).catch(() => undefined);
    await Promise.race([this.#watch.known, limit]);
    over.abort();
  }
}
