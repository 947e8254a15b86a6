/**
 * What the extender's verbs know of the nodes.
 *
 * In: nothing. Out: the contract between the live state, which tells of every change that it has
 * from its watches, and the verbs, which read without waiting. `extender/node-table.ts` stands in
 * between. It decides nothing.
 */
import type { NodeReservation } from './reservation.ts';

/** How a node stands, for packing. Absent facts are undefined. */
export interface NodeStanding {
  /** It is cordoned, disrupted, being deleted, or chosen to go. */
  readonly isLeaving: boolean;
  /** It was launched by us, so that it goes when it is empty; others stay and cost nothing more. */
  readonly isManaged: boolean;
  /** Pods there that keep it: neither of DaemonSets nor finished. */
  readonly workloadPods: number;
  /** Requested share of its scarcest resource, in thousandths of allocatable. */
  readonly fullnessPermille: number;
  /** What a unit of its capacity costs (`unitPriceNanoUsdPerHour`); undefined if it has no price. */
  readonly unitPriceNanoUsdPerHour: number | undefined;
  /** Wall clock: when the last of its pods is expected to end; undefined if one never does. */
  readonly expectedEndMs: number | undefined;
}

/** One node. A changed node is a new value. */
export interface ExtenderNode {
  readonly name: string;
  readonly reservation: NodeReservation | undefined;
  /** Undefined while nothing is known but the reservation. */
  readonly standing: NodeStanding | undefined;
}

/** Where the live state tells of every node that appears, changes or goes. */
export interface ExtenderNodes {
  /** Adds a node, or replaces the one of that name. */
  put(node: ExtenderNode): void;
  /** Forgets a node; has no effect if there is none. */
  delete(name: string): void;
}

/** Every node that is known, at this moment. Reads are from memory and never fail. */
export interface ExtenderView {
  node(name: string): ExtenderNode | undefined;
}
