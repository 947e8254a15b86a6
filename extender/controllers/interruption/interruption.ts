/**
 * Acts on what the cloud says of instances before and while it takes them away.
 *
 * In: sources of news, NodeClaims. Out: nodes closed within moments, offerings marked unavailable,
 * replacements planned, claims ended in time; messages acknowledged when that much is written down.
 * A source that cannot be asked is told of on every node class and asked again.
 */
import type { CloudError } from '../../../core/cloud-port.ts';
import type { EventSource } from '../../../core/interruption-port.ts';
import type { Controller, ControllerContext } from '../context.ts';
import { reference } from '../termination/reports.ts';
import { ClaimIndex } from './claim-index.ts';
import { actOn } from './event-action.ts';
import { startInterruptedClaims } from './interrupted-claims.ts';
import { takeMessages } from './message-intake.ts';

/** Claims of one event acted on at once. */
const claimsAtOnce = 10;

/**
 * Starts at once; ends with the context's signal. Without sources it still brings to their end those
 * claims that were interrupted before.
 */
export function startInterruption(
  context: ControllerContext,
  sources: readonly EventSource[],
): Controller {
  const index = new ClaimIndex(context.view);
  const claims = startInterruptedClaims(context);
  const intakes = sources.map((source) =>
    takeMessages(context, {
      source,
      act: async (event, signal) => {
        const concerned = [...index.claimsOf(event)];
        while (concerned.length > 0) {
          const some = concerned.splice(0, claimsAtOnce);
          await Promise.all(some.map((claim) => actOn(context, event, claim, signal)));
        }
      },
      complain: (failing, error) => tellUnreachable(context, failing, error),
    }),
  );
  const done = Promise.all([claims.done, ...intakes])
    .then(() => undefined)
    .finally(() => index.close());
  // Awaited by whoever runs the process; an early failure must not be taken for unhandled.
  done.catch(() => undefined);
  return { name: claims.name, done };
}

function tellUnreachable(
  { view, recorder }: ControllerContext,
  { name }: EventSource,
  { code, message }: CloudError,
): void {
  const what = code === 'unauthorized' ? 'may not be read' : 'cannot be reached';
  const text = `the ${name} of interruptions ${what}: ${message}; nodes are lost without warning until it can`;
  const told = 'InterruptionSourceUnavailable';
  for (const kind of ['EC2NodeClass', 'EC2NodeClass.stowage.dev'] as const) {
    for (const nodeClass of view.all(kind)) {
      recorder.event(reference(kind, nodeClass), 'Warning', told, text);
    }
  }
}
