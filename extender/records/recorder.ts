/**
 * The record of what was decided and why: Events on objects, decisions in a ring.
 *
 * In: Events and decisions, from anywhere. Out: Events in the cluster, decisions for `explain` and
 * the dashboard. It never waits and never throws: what cannot be kept is counted as dropped. It
 * decides nothing.
 */
import type { Logger } from 'pino';
import type { ObjectReference } from '../../core/api/control-objects.ts';
import type { Clock, ClusterClient, DecisionRecord, Random, Recorder } from '../../core/ports.ts';
import type { Metrics } from '../metrics.ts';
import { DecisionRing } from './decision-ring.ts';
import { EventWriter } from './event-writer.ts';

export interface RecorderOptions {
  readonly client: ClusterClient;
  readonly clock: Clock;
  readonly random: Random;
  /** Name of this replica. */
  readonly identity: string;
  readonly metrics: { readonly cluster: Pick<Metrics['cluster'], 'droppedRecords'> };
  readonly log: Logger;
  /** Whether a decision still stands for its subject, which waits: it is kept longer. */
  readonly isStanding?: (record: DecisionRecord) => boolean;
}

/** Listeners at most: a dashboard has one for all its viewers. */
const listenersMax = 64;

type Listener = (record: DecisionRecord) => void;

export class ClusterRecorder implements Recorder {
  readonly ring: DecisionRing;
  readonly #events: EventWriter;
  readonly #options: RecorderOptions;
  readonly #listeners = new Set<Listener>();

  constructor(options: RecorderOptions) {
    const { client, clock, random, identity, metrics, isStanding } = options;
    this.#options = options;
    this.ring = new DecisionRing(isStanding === undefined ? {} : { isStanding });
    const onDropped = (): void => metrics.cluster.droppedRecords.inc({ kind: 'event' });
    this.#events = new EventWriter({ client, clock, random, identity, onDropped });
  }

  event(
    regarding: ObjectReference,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
  ): void {
    this.#events.add(regarding, type, reason, message);
  }

  decide(record: DecisionRecord): void {
    const { isNew, hasForgotten } = this.ring.add(record);
    if (hasForgotten) this.#options.metrics.cluster.droppedRecords.inc({ kind: 'decision' });
    if (!isNew) return;
    for (const listener of this.#listeners) {
      try {
        listener(record);
      } catch (error) {
        // Whoever decides must not suffer for whoever looks on.
        this.#options.log.error({ err: error }, 'a listener for decisions failed');
      }
    }
  }

  /** The last so many at most, in the order in which they were made. */
  recent(limit: number): readonly DecisionRecord[] {
    return this.ring.recent(limit);
  }

  /**
   * Calls `listener` with every new decision, repetitions left out, inside the turn that made it.
   * Returns how to end it.
   *
   * @throws RangeError beyond {@link listenersMax}
   */
  subscribe(listener: Listener): () => void {
    if (this.#listeners.size >= listenersMax) throw new RangeError('too many listeners');
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Writes the Events that wait, for so long at most. The last call: later Events are dropped. */
  async flush(limitMs: number): Promise<void> {
    await this.#events.flush(limitMs);
  }

  /** Resolves after {@link flush}; rejects on a bug. */
  get done(): Promise<void> {
    return this.#events.done;
  }
}
