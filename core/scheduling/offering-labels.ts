/**
 * The labels that an offering decides: where a node is, and what its capacity is paid as.
 *
 * In: an offering, zone ids. Out: labels, and which keys are of this kind. Everything else that a node
 * carries is decided by its type or its NodePool.
 */
import {
  labelCapacityReservationId,
  labelCapacityReservationType,
  labelCapacityType,
  labelRegion,
  labelZone,
  labelZoneId,
} from '../api/labels.ts';
import type { InstanceType, Offering, ReservedCapacity } from '../state/instance-type.ts';
import { regionOfZone } from './well-known-labels.ts';

type Labels = Readonly<Record<string, string>>;

/** Keys of labels that offerings of one type may differ in. */
export const offeringLabelKeys: ReadonlySet<string> = new Set([
  labelZone,
  labelZoneId,
  labelRegion,
  labelCapacityType,
  labelCapacityReservationId,
  labelCapacityReservationType,
]);

/** What of an offering shows in labels. */
export interface OfferingPlace extends Pick<Offering, 'zone' | 'capacityType'> {
  readonly reservation?: ReservedCapacity | undefined;
}

/** `zoneIds`: zone name -> zone id. What is not known is left out. */
export function offeringLabels(
  { zone, capacityType, reservation }: OfferingPlace,
  zoneIds: ReadonlyMap<string, string>,
): Labels {
  const region = regionOfZone(zone);
  const zoneId = zoneIds.get(zone);
  return {
    [labelZone]: zone,
    [labelCapacityType]: capacityType,
    ...(region === undefined ? {} : { [labelRegion]: region }),
    ...(zoneId === undefined ? {} : { [labelZoneId]: zoneId }),
    ...(reservation === undefined ? {} : reservationLabels(reservation)),
  };
}

/** Labels of nodes that run in a reservation. */
export function reservationLabels({ id, kind }: Pick<ReservedCapacity, 'id' | 'kind'>): Labels {
  return { [labelCapacityReservationId]: id, [labelCapacityReservationType]: kind };
}

/** The reservation of that id among the offerings of a type. */
export function reservationOf(
  type: Pick<InstanceType, 'offerings'>,
  reservationId: string | undefined,
): ReservedCapacity | undefined {
  if (reservationId === undefined) return undefined;
  return type.offerings.find(({ reservation }) => reservation?.id === reservationId)?.reservation;
}
