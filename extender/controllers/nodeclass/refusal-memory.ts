/**
 * Keeps what EC2 has refused over restarts and changes of the leader.
 *
 * In: the refusals that the process knows. Out: an annotation on one EC2NodeClass, written soon after
 * a refusal and rarely; at the start the refusals that classes carry, taken in before anything is
 * launched. Losing the annotation costs some calls and nothing else.
 */
import type { Live } from '../../../core/api/kinds.ts';
import {
  annotationRefusals,
  refusalsOf,
  refusalsRecord,
} from '../../../core/ec2/refusal-record.ts';
import type { RefusalMemory } from '../../../core/ec2/unavailable-offerings.ts';
import { type NodeClassKind, nodeClassKindOf } from '../../../core/lifecycle/ownership.ts';
import { type Controller, type ControllerContext, fieldManager } from '../context.ts';
import { startReconciler } from '../reconciler.ts';

/** How soon a first refusal is written; reading memory is all that a look costs. */
const lookEveryMs = 1_000;
/** Between two writes: in a drought refusals come by the second. */
const writeEveryMs = 10_000;
const kinds: readonly NodeClassKind[] = ['EC2NodeClass', 'EC2NodeClass.stowage.dev'];

type Context = Omit<ControllerContext, 'cloud' | 'recorder' | 'metrics' | 'settings'>;

/** What is known is taken in at once, before this returns; ends with the context's signal. */
export function startRefusalMemory(context: Context, memory: RefusalMemory): Controller {
  for (const { nodeClass } of servedClasses(context)) {
    memory.restore(refusalsOf(nodeClass.metadata.annotations));
  }
  let writtenMs = Number.NEGATIVE_INFINITY;
  return startReconciler(context, {
    name: 'refusal-memory',
    concurrency: 1,
    watch: (add) => {
      add('refusals');
      return () => undefined;
    },
    reconcile: async () => {
      const nowMs = context.clock.monotonicMs();
      if (nowMs - writtenMs >= writeEveryMs && (await writeDown(context, memory))) {
        writtenMs = nowMs;
      }
      return { againAfterMs: lookEveryMs };
    },
  });
}

/** True if something was written. Only the first class carries them; others lose what they carry. */
async function writeDown(context: Context, memory: RefusalMemory): Promise<boolean> {
  const { client, signal } = context;
  let text = refusalsRecord(memory.records());
  let hasWritten = false;
  for (const { kind, nodeClass } of servedClasses(context)) {
    const { name, uid, annotations } = nodeClass.metadata;
    if (annotations?.[annotationRefusals] !== text) {
      const body = { metadata: { annotations: { [annotationRefusals]: text ?? null } } };
      await client.patch(kind, { name }, { type: 'merge', body }, { fieldManager, uid, signal });
      hasWritten = true;
    }
    text = undefined;
  }
  return hasWritten;
}

/** Those that are ours and stay, always in the same order. */
function servedClasses({ view, owns }: Pick<Context, 'view' | 'owns'>): readonly {
  readonly kind: NodeClassKind;
  readonly nodeClass: Live<NodeClassKind>;
}[] {
  return kinds.flatMap((kind) =>
    [...view.all(kind)]
      .filter(({ apiVersion, metadata }) => {
        const reference = { group: apiVersion.split('/')[0] ?? '', kind: 'EC2NodeClass' };
        return (
          metadata.deletionTimestamp === undefined &&
          nodeClassKindOf(reference) === kind &&
          owns(reference)
        );
      })
      .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
      .map((nodeClass) => ({ kind, nodeClass })),
  );
}
