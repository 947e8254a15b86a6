/**
 * What may be launched for a NodeClaim, as it is written on it.
 *
 * In: offerings in order of preference, or annotations. Out: the annotation, or the offerings. The
 * plan's choice comes first, its substitutes after it, so that a dry pool needs no new plan and a
 * restart launches what was planned. What cannot be read is no offering: the claim is then launched
 * by its requirements alone.
 */
import { type Annotations, annotationStrings } from '../api/annotation-json.ts';
import { type CapacityType, capacityTypes } from '../api/labels.ts';
import type { LaunchOffering } from '../cloud-port.ts';

/** JSON list of `type/zone/capacity type`, then `/reservation` where there is one. */
export const annotationOfferings = 'stowage.dev/offerings';

/** Offerings kept on a claim: CreateFleet takes 300 overrides, the launch tries the best. */
export const offeringsPerClaimMax = 60;

/** The value of {@link annotationOfferings}. */
export function offeringsRecord(offerings: readonly LaunchOffering[]): string {
  const texts = offerings
    .slice(0, offeringsPerClaimMax)
    .map(({ instanceType, zone, capacityType, reservationId }) =>
      [
        instanceType,
        zone,
        capacityType,
        ...(reservationId === undefined ? [] : [reservationId]),
      ].join('/'),
    );
  return JSON.stringify(texts);
}

/** The offerings that annotations name, in order; empty if none can be read. */
export function offeringsOf(annotations: Annotations): readonly LaunchOffering[] {
  return annotationStrings(annotations, annotationOfferings)
    .slice(0, offeringsPerClaimMax)
    .flatMap((text) => offeringOf(text) ?? []);
}

function offeringOf(text: string): LaunchOffering | undefined {
  const [instanceType = '', zone = '', capacityType = '', reservationId] = text.split('/');
  if (instanceType === '' || zone === '' || !isCapacityType(capacityType)) return undefined;
  return {
    instanceType,
    zone,
    capacityType,
    ...(reservationId === undefined ? {} : { reservationId }),
  };
}

function isCapacityType(text: string): text is CapacityType {
  return (capacityTypes as readonly string[]).includes(text);
}
