/**
 * Takes messages from a source and sees each of them through.
 *
 * In: a source of news, what to do with an event. Out: every message counted; acknowledged once it
 * was acted on, or there is nothing to act on. What fails is left to come again. While answers are
 * full the source is asked by several at once, so that a backlog of thousands takes seconds.
 */
import { CloudError } from '../../../core/cloud-port.ts';
import type { CloudEvent } from '../../../core/interruption/cloud-event.ts';
import { RecentEvents } from '../../../core/interruption/recent-events.ts';
import type { CloudMessage, EventSource } from '../../../core/interruption-port.ts';
import { ClusterError } from '../../../core/ports.ts';
import type { ControllerContext } from '../context.ts';

/** Receivers at once when there is a backlog. */
const receiversMax = 8;
const backoffFirstMs = 1_000;
const backoffMaxMs = 30_000;
/** Malformed messages are logged, but not thousands of them. */
const complaintsPerBatchMax = 3;

export interface IntakeOptions {
  readonly source: EventSource;
  /** Throws ClusterError where the message is to come again. */
  readonly act: (event: CloudEvent, signal: AbortSignal) => Promise<void>;
  /** Told whenever the source was asked: why it could not be, or that it has answered. */
  readonly asked: (source: EventSource, error: CloudError | undefined) => void;
}

/** Runs until the context's signal. Rejects on a bug. */
export async function takeMessages(
  context: ControllerContext,
  options: IntakeOptions,
): Promise<void> {
  const { clock, random, metrics, log, signal } = context;
  const { source, asked } = options;
  const recent = new RecentEvents();
  let receivers = 1;
  let failures = 0;
  while (!signal.aborted) {
    try {
      const counts = await Promise.all(
        Array.from({ length: receivers }, () => takeBatch(context, options, recent)),
      );
      failures = 0;
      asked(source, undefined);
      const isBacklog = counts.every((count) => count >= source.batchMax);
      receivers = isBacklog ? Math.min(receiversMax, receivers * 2) : 1;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof CloudError)) throw error;
      metrics.interruption.sourceErrors.inc({ source: source.name, error: error.code });
      asked(source, error);
      failures += 1;
      receivers = 1;
      const ceilingMs = Math.min(backoffFirstMs * 2 ** (failures - 1), backoffMaxMs);
      const waitMs = ceilingMs * (0.5 + random.float() / 2);
      log.warn({ source: source.name, code: error.code, waitMs }, error.message);
      await clock.sleep(waitMs, signal).catch(() => undefined);
    }
  }
}

/** How many messages there were. @throws CloudError */
async function takeBatch(
  context: ControllerContext,
  { source, act }: IntakeOptions,
  recent: RecentEvents,
): Promise<number> {
  const { signal, clock, metrics } = context;
  const messages = await source.receive(signal);
  if (messages.length === 0) return 0;
  complainOf(context, source, messages);
  const receivedMs = clock.nowMs();
  const done = await Promise.all(
    messages.map((message) => see(context, message, act, recent, receivedMs)),
  );
  const settled = messages.filter((_, index) => done[index]);
  if (settled.length > 0) {
    await source.acknowledge(
      settled.map(({ receipt }) => receipt),
      signal,
    );
  }
  metrics.interruption.deleted.inc(settled.length);
  for (const { sentMs } of settled) {
    if (sentMs === undefined) continue;
    const seconds = Math.max(0, clock.nowMs() - sentMs) / 1_000;
    metrics.interruption.queueSeconds.observe(seconds);
  }
  return messages.length;
}

/** Whether the message is done with. */
async function see(
  { metrics, log, signal, clock }: ControllerContext,
  { id, content }: CloudMessage,
  act: IntakeOptions['act'],
  recent: RecentEvents,
  receivedMs: number,
): Promise<boolean> {
  const messageType = content.type === 'event' ? content.event.kind : 'no_op';
  metrics.interruption.received.inc({ message_type: messageType });
  if (content.type !== 'event' || recent.has(id)) return true;
  if (content.event.kind === 'instance_unhealthy') metrics.interruption.unhealthy.inc();
  try {
    await act(content.event, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ClusterError)) throw error;
    log.warn({ id, code: error.code }, `an interruption will come again: ${error.message}`);
    return false;
  }
  recent.add(id);
  metrics.interruption.cordonSeconds.observe((clock.nowMs() - receivedMs) / 1_000);
  return true;
}

function complainOf(
  { log }: ControllerContext,
  { name }: EventSource,
  messages: readonly CloudMessage[],
): void {
  const strange = messages.flatMap(({ id, content }) =>
    content.type === 'unknown' || content.type === 'malformed' ? [{ id, ...content }] : [],
  );
  for (const one of strange.slice(0, complaintsPerBatchMax)) {
    log.warn({ source: name, ...one }, 'a message was not understood and is dropped');
  }
}
