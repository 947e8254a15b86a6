/**
 * Which NodeClaims hold a node for which pods.
 *
 * In: the view. Out: the claims of a pod, and the one among them that it belongs to: the first by
 * creation; a gauge of registered nodes that are held. It holds what the annotations say and nothing
 * else.
 */
import { isTrue } from '../../../core/api/conditions.ts';
import type { Live } from '../../../core/api/kinds.ts';
import type { Fence, NodeReservation } from '../../../core/scheduling/reservation.ts';
import { reservationOf } from '../../../core/scheduling/reservation-record.ts';
import type { ClusterView } from '../../../core/state/view.ts';
import type { Metrics } from '../../metrics.ts';

const fences: readonly Fence[] = ['binding', 'devices', 'claims'];
const none: ReadonlySet<string> = new Set();

export class HeldClaims {
  readonly #view: ClusterView;
  readonly #gauge: Metrics['reservations']['nodes'];
  readonly #parsed = new WeakMap<Live<'NodeClaim'>, { readonly value?: NodeReservation }>();
  /** UID of a pod -> names of claims. */
  readonly #claims = new Map<string, Set<string>>();
  readonly #counts = new Map<Fence, number>(fences.map((fence) => [fence, 0]));
  readonly #stop: () => void;

  constructor(view: ClusterView, gauge: Metrics['reservations']['nodes']) {
    this.#view = view;
    this.#gauge = gauge;
    this.#stop = view.listen('NodeClaim', ({ type, object, previous }) => {
      if (previous !== undefined) this.#count(previous, -1);
      if (type !== 'deleted') this.#count(object, 1);
      this.#publish();
    });
    for (const claim of view.all('NodeClaim')) this.#count(claim, 1);
    this.#publish();
  }

  reservation(claim: Live<'NodeClaim'>): NodeReservation | undefined {
    let found = this.#parsed.get(claim);
    if (found === undefined) {
      const value = reservationOf(claim.metadata.annotations);
      found = value === undefined ? {} : { value };
      this.#parsed.set(claim, found);
    }
    return found.value;
  }

  /** Names of all claims whose reservation names the pod. */
  claimsOf(podUid: string): ReadonlySet<string> {
    return this.#claims.get(podUid) ?? none;
  }

  /** The claim that the pod belongs to. Claims that go and reservations that have ended do not count. */
  claimOf(podUid: string, nowMs: number): string | undefined {
    let first: Live<'NodeClaim'> | undefined;
    for (const name of this.claimsOf(podUid)) {
      const claim = this.#view.get('NodeClaim', { name });
      if (claim === undefined || claim.metadata.deletionTimestamp !== undefined) continue;
      if (nowMs >= (this.reservation(claim)?.expiresAtMs ?? 0)) continue;
      if (first === undefined || isOlder(claim, first)) first = claim;
    }
    return first?.metadata.name;
  }

  close(): void {
    this.#stop();
    for (const fence of fences) this.#gauge.set({ fence }, 0);
  }

  #count(claim: Live<'NodeClaim'>, sign: 1 | -1): void {
    const reservation = this.reservation(claim);
    if (reservation === undefined) return;
    const { name } = claim.metadata;
    for (const uid of reservation.owners) {
      const names = this.#claims.get(uid) ?? new Set();
      if (sign === 1) names.add(name);
      else names.delete(name);
      if (names.size === 0) this.#claims.delete(uid);
      else this.#claims.set(uid, names);
    }
    if (!isTrue(claim, 'Registered')) return;
    this.#counts.set(reservation.fence, (this.#counts.get(reservation.fence) ?? 0) + sign);
  }

  #publish(): void {
    for (const [fence, count] of this.#counts) this.#gauge.set({ fence }, count);
  }
}

function isOlder({ metadata: a }: Live<'NodeClaim'>, { metadata: b }: Live<'NodeClaim'>): boolean {
  if (a.creationTimestamp === b.creationTimestamp) return a.name < b.name;
  return Date.parse(a.creationTimestamp) < Date.parse(b.creationTimestamp);
}
