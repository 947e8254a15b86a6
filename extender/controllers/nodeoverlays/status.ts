/**
 * Keeps the status of NodeOverlays: whether each is applied.
 *
 * In: overlays, pools and node classes as they change, and time, because types come and go. Out:
 * conditions on the overlays; a line in the log for one that came with the process and is not applied.
 * All are judged together. It changes no price: `price-book.ts` does, for whoever plans.
 */
import { withConditions } from '../../../core/api/conditions.ts';
import type { Live } from '../../../core/api/kinds.ts';
import type { NodeOverlay } from '../../../core/api/nodeoverlay.ts';
import { overlayConditions } from '../../../core/scheduling/overlay-conditions.ts';
import { type Controller, type ControllerContext, fieldManager } from '../context.ts';
import type { PriceBook } from '../price-book.ts';
import { startReconciler } from '../reconciler.ts';

/** Changes that come together are judged together. */
const settleMs = 1_000;
const lookEveryMs = 10 * 60_000;
const everyOverlay = 'all';

type Context = Omit<ControllerContext, 'cloud' | 'recorder'>;

/** Starts at once; ends with the context's signal. */
export function startNodeOverlayStatus(context: Context, prices: PriceBook): Controller {
  const { view, signal } = context;
  const complained = new Set<NodeOverlay>();
  return startReconciler(context, {
    name: 'nodeoverlay-status',
    concurrency: 1,
    reconcile: async () => {
      const overlays = [...view.all('NodeOverlay')];
      if (overlays.length === 0 && prices.ownOverlays.length === 0) return undefined;
      await prices.types(signal);
      for (const overlay of prices.ownOverlays) complain(context, prices, overlay, complained);
      for (const overlay of overlays) {
        await writeStatus(context, overlay, prices.overlayConflicts.get(overlay));
      }
      return { againAfterMs: lookEveryMs };
    },
    watch: (add) => {
      add(everyOverlay);
      const stops = (
        ['NodeOverlay', 'NodePool', 'EC2NodeClass', 'EC2NodeClass.stowage.dev'] as const
      ).map((kind) =>
        view.listen(kind, ({ type, object, previous }) => {
          if (type === 'deleted' || object.metadata.generation !== previous?.metadata.generation) {
            add(everyOverlay, settleMs);
          }
        }),
      );
      return () => {
        for (const stop of stops) stop();
      };
    },
  });
}

/** Nobody sees conditions of an overlay that is in no cluster. */
function complain(
  { log }: Context,
  prices: PriceBook,
  overlay: NodeOverlay,
  complained: Set<NodeOverlay>,
): void {
  const [condition] = overlayConditions(overlay, prices.overlayConflicts.get(overlay));
  if (condition?.status !== 'False') complained.delete(overlay);
  else if (!complained.has(overlay)) {
    complained.add(overlay);
    log.warn({ overlay: overlay.metadata.name }, condition.message ?? '');
  }
}

async function writeStatus(
  { client, clock, signal }: Context,
  overlay: Live<'NodeOverlay'>,
  conflictsWith: string | undefined,
): Promise<void> {
  const { name, generation, resourceVersion, deletionTimestamp } = overlay.metadata;
  if (deletionTimestamp !== undefined) return;
  const known = overlay.status?.conditions ?? [];
  const updates = overlayConditions(overlay, conflictsWith);
  const conditions = withConditions(known, updates, generation, clock.nowMs());
  if (conditions === known) return;
  await client.patch(
    'NodeOverlay',
    { name },
    { type: 'merge', body: { status: { conditions: [...conditions] } } },
    // Conditions are written as a whole list: nobody's may be lost.
    { subresource: 'status', fieldManager, resourceVersion, signal },
  );
}
