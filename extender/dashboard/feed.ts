/**
 * The dashboard's stream of server-sent events.
 *
 * In: a collector, a clock of the real world, clients that connect and go. Out: to each client the
 * whole state and then diffs, at most four a second, the same text for all; a beat when there is
 * nothing to say (an event, since pages never see comments). Bounded: clients in number, what may wait for a slow one in bytes (it
 * is cut off, and gets the whole state when it comes again). Without clients it looks on once a
 * second, so that the curves go on. It knows nothing of HTTP.
 */
import type { Clock, Timer } from '../../core/ports.ts';
import type { Collector } from './collector.ts';
import type { DashboardState } from './state.ts';

/** Where a client's text goes: a socket. */
export interface FeedSink {
  /** Bytes that were written and are not on their way yet. */
  readonly backlogBytes: number;
  write(text: string): void;
  /** After this nothing is written. */
  end(): void;
}

export interface Feed {
  /** Undefined where there are too many clients; else how the client leaves. */
  join(sink: FeedSink): (() => void) | undefined;
  /** The state of now, a quarter of a second ago at the most. */
  state(): DashboardState;
  readonly clientCount: number;
  /** Ends all clients and the looking on. */
  close(): void;
}

export interface FeedOptions {
  readonly collector: Collector;
  /** Real time, also where the cluster's is simulated: people read at their own speed. */
  readonly clock: Clock;
  /** Marks this run: event ids of another are of no use. */
  readonly run: string;
}

export const feedClientsMax = 64;
/** A cluster of 5,000 nodes is about 2 MB as a whole. */
export const feedBacklogBytesMax = 16 * 1024 * 1024;
const diffMs = 250;
const idleMs = 1_000;
const heartbeatMs = 15_000;
/** How soon browsers connect again. */
const retryMs = 1_000;

/** Begins to look on. */
export function startFeed({ collector, clock, run }: FeedOptions): Feed {
  const clients = new Set<FeedSink>();
  let timer: Timer | undefined;
  let lookedMs = clock.monotonicMs();
  let spokeMs = clock.monotonicMs();
  let isClosed = false;

  function leave(sink: FeedSink): void {
    if (!clients.delete(sink)) return;
    sink.end();
  }

  function broadcast(text: string): void {
    spokeMs = clock.monotonicMs();
    for (const sink of clients) {
      if (sink.backlogBytes > feedBacklogBytesMax) leave(sink);
      else sink.write(text);
    }
  }

  function look(): void {
    lookedMs = clock.monotonicMs();
    const look = collector.look();
    if (clients.size === 0) return;
    if (look === 'again') broadcast(wholeState());
    else if (look !== undefined) broadcast(eventText('diff', look.diff.revision, look.diff));
    else if (clock.monotonicMs() - spokeMs >= heartbeatMs)
      broadcast('event: beat\ndata: still here\n\n');
  }

  function wholeState(): string {
    const state = collector.state();
    return eventText('state', state.revision, state);
  }

  function eventText(event: string, revision: number, data: object): string {
    return `event: ${event}\nid: ${run}-${revision}\ndata: ${JSON.stringify(data)}\n\n`;
  }

  function arm(): void {
    timer?.cancel();
    const waitMs = clients.size > 0 || collector.isBehind ? diffMs : idleMs;
    timer = clock.schedule(Math.max(0, lookedMs + waitMs - clock.monotonicMs()), () => {
      look();
      if (!isClosed) arm();
    });
  }
  arm();

  function refresh(): void {
    if (clock.monotonicMs() - lookedMs < diffMs) return;
    look();
    arm();
  }

  return {
    get clientCount() {
      return clients.size;
    },
    join: (sink) => {
      if (isClosed || clients.size >= feedClientsMax) return undefined;
      refresh();
      sink.write(`retry: ${retryMs}\n\n${wholeState()}`);
      clients.add(sink);
      arm();
      return () => leave(sink);
    },
    state: () => {
      refresh();
      return collector.state();
    },
    close: () => {
      isClosed = true;
      timer?.cancel();
      for (const sink of clients) leave(sink);
      collector.close();
    },
  };
}
