/**
 * Acts on what the cloud says of instances before and while it takes them away.
 *
 * In: sources of news, NodeClaims. Out: nodes closed within moments, offerings marked unavailable,
 * replacements planned, claims ended in time; messages acknowledged when that much is written down.
 * A source that cannot be asked is told of, for every node class to say so, and asked again.
 */
import type { CloudError } from '../../../core/cloud-port.ts';
import type { EventSource } from '../../../core/interruption-port.ts';
import type { Controller, ControllerContext } from '../context.ts';
import { ClaimIndex } from './claim-index.ts';
import { actOn } from './event-action.ts';
import { startInterruptedClaims } from './interrupted-claims.ts';
import { takeMessages } from './message-intake.ts';
import type { SourceHealth } from './source-health.ts';

/** Claims of one event acted on at once. */
const claimsAtOnce = 10;

/**
 * Starts at once; ends with the context's signal. Without sources it still brings to their end those
 * claims that were interrupted before.
 */
export function startInterruption(
  context: ControllerContext,
  sources: readonly EventSource[],
  health: SourceHealth,
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
      asked: ({ name }, error) =>
        health.note(name, error === undefined ? undefined : problemOf(source, error)),
    }),
  );
  const done = Promise.all([claims.done, ...intakes])
    .then(() => undefined)
    .finally(() => index.close());
  // Awaited by whoever runs the process; an early failure must not be taken for unhandled.
  done.catch(() => undefined);
  return { name: claims.name, done };
}

function problemOf({ name }: EventSource, { code, message }: CloudError): string {
  const what = code === 'unauthorized' ? 'may not be read' : 'cannot be reached';
  const fix =
    code === 'unauthorized'
      ? "check the controller's credentials and its IAM policy"
      : 'check its name and region, or leave it out';
  return `the ${name} of interruptions ${what}: ${message}; nodes are lost without warning until it can: ${fix}`;
}
