/**
 * Keeps the extender's table in step with the live state.
 *
 * In: the live view, prices. Out: a `put` or a `delete` for every node that has changed, pods and
 * NodeClaims included. Changes of one turn of the event loop are put together, so that a node with
 * a hundred new pods is looked at once. It decides nothing.
 */
import type { Live } from '../core/api/kinds.ts';
import type { Clock, Timer } from '../core/ports.ts';
import type { ExtenderNodes } from '../core/scheduling/extender-view.ts';
import { standingOf } from '../core/scheduling/node-standing.ts';
import { offeredResources } from '../core/scheduling/quantity.ts';
import { reservationOf } from '../core/scheduling/reservation-record.ts';
import type { Resources } from '../core/scheduling/resources.ts';
import type { ClusterView } from '../core/state/view.ts';

export interface NodeFeedOptions {
  readonly view: ClusterView;
  readonly nodes: ExtenderNodes;
  readonly clock: Clock;
  /** What the node costs, nano-USD per hour; undefined if that is not known. */
  readonly priceOf: (node: Live<'Node'>) => number | undefined;
}

/** Follows the view until the returned function is called; what is there now comes first. */
export function feedNodes({ view, nodes, clock, priceOf }: NodeFeedOptions): () => void {
  const changed = new Set<string>();
  const parsed = new WeakMap<Live<'Node'>, Resources>();
  let timer: Timer | undefined;

  function flush(): void {
    timer = undefined;
    for (const name of changed) {
      update(name);
    }
    changed.clear();
  }

  function update(name: string): void {
    const node = view.get('Node', { name });
    if (node === undefined) {
      nodes.delete(name);
      return;
    }
    // The claim names its instance before it names its node.
    const claim = view.claimByNodeName(name) ?? view.claimByProviderID(node.spec?.providerID ?? '');
    const allocatable = parsed.get(node) ?? offeredResources(node.status?.allocatable ?? {});
    parsed.set(node, allocatable);
    const facts = {
      node,
      allocatable,
      usage: view.usageOf(name),
      claim,
      priceNanoUsdPerHour: priceOf(node),
    };
    nodes.put({
      name,
      reservation: reservationOf(claim?.metadata.annotations),
      standing: standingOf(facts, clock.nowMs()),
    });
  }

  function mark(name: string | undefined): void {
    if (name === undefined || name === '') {
      return;
    }
    changed.add(name);
    timer ??= clock.schedule(0, flush);
  }

  const stops = [
    view.listen('Node', ({ object }) => mark(object.metadata.name)),
    view.listen('NodeClaim', ({ object, previous }) => {
      for (const status of [object.status, previous?.status]) {
        mark(status?.nodeName);
        mark(view.nodeByProviderID(status?.providerID ?? '')?.metadata.name);
      }
    }),
    view.listen('Pod', ({ object, previous }) => {
      mark(object.nodeName);
      mark(previous?.nodeName);
    }),
  ];
  for (const { metadata } of view.all('Node')) {
    changed.add(metadata.name);
  }
  flush();
  return () => {
    timer?.cancel();
    for (const stop of stops) {
      stop();
    }
  };
}
