/**
 * What is to be done next about a node that is held, or was.
 *
 * In: how its NodeClaim, its Node and its owners stand, the time. Out: one step. Every step is safe
 * to repeat and leaves something from which the next one follows, so that a process that dies between
 * two steps needs no memory: the taint goes before the reservation, so that what is found half done
 * is a reservation without taint, which the filter still honours and which ends here or by its time.
 * It carries nothing out.
 *
 * Source: design section 7; `reference/extender.md` 2.4.
 */

import type { Node } from '../api/kubernetes.ts';
import type { NodeReservation } from '../scheduling/reservation.ts';
import { hasReservedTaint, isEphemeralTaint } from '../scheduling/taints.ts';
import type { Owner } from './owners.ts';

/**
 * Steps with `quietMs` are carried out when they have been the next one for so long without a pause:
 * schedulers hear of changes a little later than we do.
 */
export type Step =
  /** Nothing before something changes, or before that wall-clock time. */
  | { readonly type: 'wait'; readonly untilMs?: number }
  /** Write the reservation with other owners or another end. */
  | {
      readonly type: 'rewrite';
      readonly reservation: NodeReservation;
      readonly released: readonly Owner[];
    }
  /** Put the taint on. */
  | { readonly type: 'fence' }
  /** Take the taint off; the reservation stays. */
  | { readonly type: 'unfence'; readonly quietMs: number }
  /** Check the waiting owners against the node and bind those that fit. */
  | { readonly type: 'bind'; readonly quietMs: number }
  /** Take the taint off, then the reservation away. */
  | { readonly type: 'end'; readonly quietMs: number; readonly hasExpired: boolean };

export interface HeldNode {
  readonly isRegistered: boolean;
  readonly isInitialized: boolean;
  readonly reservation: NodeReservation | undefined;
  /** Undefined while our watch has not told of it. */
  readonly node: Node | undefined;
  /** Of the reservation. */
  readonly owners: readonly Owner[];
  /** The taint keeps a DaemonSet away that belongs on the node. */
  readonly locksOutDaemons: boolean;
  /** Devices that owners need and that are not allocatable. */
  readonly missingDevices: readonly string[];
}

/** After our own watch has told of every bind: schedulers' watches may be so much slower. */
export const bindMarginMs = 100;
/** After the taint is back on: so long may placements take that were decided before. */
export const fenceMarginMs = 1_000;

/** O(owners). `reservationMs`: how long a registered node is held at most. */
export function nextStep(held: HeldNode, nowMs: number, reservationMs: number): Step {
  const { reservation, owners, isRegistered, node } = held;
  const isFenced = hasReservedTaint(node);
  if (reservation === undefined) {
    // Left by an end that was cut short, or by somebody who took the reservation away.
    return isRegistered && isFenced ? { type: 'unfence', quietMs: 0 } : { type: 'wait' };
  }
  const rewritten = rewriteOf(held, reservation, nowMs, reservationMs);
  if (rewritten !== undefined) return rewritten;
  if (!owners.some(isOpen)) {
    const isBound = owners.some(({ standing }) => standing === 'here');
    const quietMs = isFenced && isBound ? bindMarginMs : 0;
    return { type: 'end', quietMs, hasExpired: false };
  }
  const open = countOpen(owners, isFenced);
  const hasEnded = nowMs >= reservation.expiresAtMs;
  // What was asked of the API server must be known before anybody else may come.
  if (hasEnded && open.answered + open.asked === 0) {
    return { type: 'end', quietMs: 0, hasExpired: true };
  }
  const wakeMs = Math.min(reservation.expiresAtMs, open.unseenUntilMs || Infinity);
  const wait: Step = hasEnded ? { type: 'wait' } : { type: 'wait', untilMs: wakeMs };
  if (!isRegistered || node === undefined) return wait;
  if (open.asked === 0 && !isReady(held, node)) {
    const isInTheWay = held.missingDevices.length > 0 && held.locksOutDaemons;
    return isFenced && isInTheWay ? { type: 'unfence', quietMs: 0 } : wait;
  }
  // Others may have come while the taint was off, and may be on their way.
  const wasOpen = reservation.fence !== 'binding';
  if (open.waiting > 0 && isFenced) return { type: 'bind', quietMs: wasOpen ? fenceMarginMs : 0 };
  if (open.waiting > 0 && wasOpen) return { type: 'fence' };
  if (open.answered > 0) return { type: 'wait' };
  if (open.unseenUntilMs > nowMs) return { type: 'wait', untilMs: open.unseenUntilMs };
  // Whoever is left now is placed by kube-scheduler, which keeps away from the taint.
  return isFenced ? { type: 'unfence', quietMs: open.here > 0 ? bindMarginMs : 0 } : wait;
}

/**
 * Without owners that are let go; of a registered node with an end that counts from now at the latest
 * (before, the reservation lasts for as long as booting may take). Undefined if it may stay.
 */
function rewriteOf(
  { owners, isRegistered }: HeldNode,
  reservation: NodeReservation,
  nowMs: number,
  reservationMs: number,
): Step | undefined {
  const released = owners.filter(({ standing }) => standing === 'released');
  const latestMs = nowMs + reservationMs;
  const isTooLong = isRegistered && reservation.expiresAtMs > latestMs;
  if (released.length === 0 && !isTooLong) return undefined;
  const kept = owners.filter(({ standing }) => standing !== 'released').map(({ uid }) => uid);
  return {
    type: 'rewrite',
    reservation: {
      ...reservation,
      owners: new Set(kept),
      expiresAtMs: isTooLong ? latestMs : reservation.expiresAtMs,
    },
    released,
  };
}

/** Initialized, and not shaken since: a node that has become unready is waited for. */
function isReady({ isInitialized, missingDevices }: HeldNode, node: Node): boolean {
  return (
    isInitialized &&
    missingDevices.length === 0 &&
    !(node.spec?.taints ?? []).some(isEphemeralTaint)
  );
}

function isOpen({ standing }: Owner): boolean {
  return standing !== 'here' && standing !== 'lost' && standing !== 'released';
}

function countOpen(owners: readonly Owner[], isFenced: boolean) {
  const counts = { here: 0, answered: 0, waiting: 0, asked: 0, unseenUntilMs: 0 };
  for (const owner of owners) {
    if (owner.standing === 'here') counts.here += 1;
    if (owner.standing === 'answered') counts.answered += 1;
    if (owner.standing === 'unseen') {
      counts.unseenUntilMs = Math.max(counts.unseenUntilMs, owner.goneAtMs);
    }
    if (owner.standing !== 'waiting') continue;
    counts.waiting += 1;
    if (owner.isAsked && isFenced) counts.asked += 1;
  }
  return counts;
}
