/**
 * The door through which the cloud warns us.
 *
 * In: nothing. Out: the interface that a queue, a poll or a simulation offers to the controller. A
 * source delivers at least once, in any order, and forgets a message only when it is acknowledged;
 * what it cannot read it still delivers, so that it is counted and taken off the queue.
 */
import type { CloudEvent } from './interruption/cloud-event.ts';

/** What a message turned out to be. */
export type MessageContent =
  | { readonly type: 'event'; readonly event: CloudEvent }
  /** Understood, and nothing to act on: an instance that starts, maintenance of another service. */
  | { readonly type: 'ignored'; readonly why: string }
  /** Of a kind that we do not know. */
  | { readonly type: 'unknown'; readonly detailType: string }
  | { readonly type: 'malformed'; readonly problem: string };

export interface CloudMessage {
  /** The same whenever the same news is delivered again; '' where the message has none. */
  readonly id: string;
  /** What {@link EventSource.acknowledge} takes; another one with every delivery. */
  readonly receipt: string;
  /** Wall clock at which it was sent; undefined if that cannot be read. */
  readonly sentMs: number | undefined;
  readonly content: MessageContent;
}

/** Where news of instances comes from. Both methods throw {@link CloudError}. */
export interface EventSource {
  /** For logs and metrics, such as `queue`. */
  readonly name: string;
  /** Messages in one answer at most: a full answer means that more are waiting. */
  readonly batchMax: number;
  /**
   * Waits for messages, for up to some tens of seconds, and answers those that are there; none if
   * nothing came. Several calls may wait side by side. Rejects with the signal's reason.
   */
  receive(signal: AbortSignal): Promise<readonly CloudMessage[]>;
  /** These are done with. Receipts that have expired are no error: the message comes again. */
  acknowledge(receipts: readonly string[], signal: AbortSignal): Promise<void>;
}
