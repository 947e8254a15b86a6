/**
 * Which NodeClaims an event is about.
 *
 * In: NodeClaims as the view tells of them. Out: names of claims by the ID of their instance, or by
 * their capacity reservation. Holds an entry per claim; follows the view until it is closed.
 */
import type { Live } from '../../../core/api/kinds.ts';
import { labelCapacityReservationId } from '../../../core/api/labels.ts';
import type { CloudEvent } from '../../../core/interruption/cloud-event.ts';
import type { ClusterView } from '../../../core/state/view.ts';

export class ClaimIndex {
  readonly #view: ClusterView;
  readonly #byInstance = new Map<string, string>();
  readonly #stop: () => void;

  constructor(view: ClusterView) {
    this.#view = view;
    for (const claim of view.all('NodeClaim')) this.#note(claim);
    this.#stop = view.listen('NodeClaim', ({ type, object }) => {
      if (type === 'deleted') this.#byInstance.delete(instanceIdOf(object));
      else this.#note(object);
    });
  }

  /** O(instances named), and O(claims) where a reservation is meant. */
  claimsOf({ instanceIds, reservationId }: CloudEvent): readonly Live<'NodeClaim'>[] {
    const named = instanceIds.flatMap((id) => {
      const name = this.#byInstance.get(id);
      return name === undefined ? [] : (this.#view.get('NodeClaim', { name }) ?? []);
    });
    if (reservationId === undefined) return named;
    const reserved = [...this.#view.all('NodeClaim')].filter(
      ({ metadata }) => metadata.labels?.[labelCapacityReservationId] === reservationId,
    );
    return [...new Set([...named, ...reserved])];
  }

  close(): void {
    this.#stop();
  }

  #note(claim: Live<'NodeClaim'>): void {
    const id = instanceIdOf(claim);
    if (id !== '') this.#byInstance.set(id, claim.metadata.name);
  }
}

/** '' while the claim has none. */
function instanceIdOf({ status }: Live<'NodeClaim'>): string {
  const { providerID = '' } = status ?? {};
  return providerID.slice(providerID.lastIndexOf('/') + 1);
}
