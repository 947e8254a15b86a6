/**
 * What to ask the cloud for on behalf of a NodeClaim.
 *
 * In: a claim, the instance types of its node class with their availability, offerings that have just
 * turned out to be dry. Out: offerings in order of preference. The plan's own list comes first, as far
 * as it can be had now; where nothing of it is left, everything that the claim's requirements admit
 * and that holds its requests, the cheapest first. It asks nobody and remembers nothing.
 */
import {
  labelCapacityType,
  labelNodeClass,
  labelNodePool,
  labelStowageNodeClass,
  labelZone,
  nodeClassLabel,
  normalizedLabelKey,
} from '../api/labels.ts';
import type { NodeClaim } from '../api/nodeclaim.ts';
import type { LaunchOffering } from '../cloud-port.ts';
import { offeringsOf, offeringsPerClaimMax } from '../scheduling/claim-offerings.ts';
import { requestedResources } from '../scheduling/quantity.ts';
import {
  admitsValue,
  isUnsatisfiable,
  type Requirement,
  requirementsOf,
} from '../scheduling/requirements.ts';
import type { Resources } from '../scheduling/resources.ts';
import { isCloudLabel } from '../scheduling/well-known-labels.ts';
import type { InstanceType, Offering } from '../state/instance-type.ts';

/** A text that two offerings share if and only if they are the same. */
export function offeringKey(offering: LaunchOffering): string {
  const { instanceType, zone, capacityType, reservationId = '' } = offering;
  return `${instanceType}/${zone}/${capacityType}/${reservationId}`;
}

/**
 * At most {@link offeringsPerClaimMax} offerings; none if nothing is left.
 * O(types x offerings x requirements).
 *
 * @param exhausted keys ({@link offeringKey}) not to be asked for again
 */
export function launchOfferings(
  claim: NodeClaim,
  types: readonly InstanceType[],
  exhausted: ReadonlySet<string>,
): readonly LaunchOffering[] {
  const isLeft = (offering: LaunchOffering): boolean => !exhausted.has(offeringKey(offering));
  const byName = new Map(types.map((type) => [type.name, type]));
  const planned = offeringsOf(claim.metadata.annotations).filter(
    (offering) => isLeft(offering) && isAvailable(byName.get(offering.instanceType), offering),
  );
  return planned.length > 0 ? planned : admitted(claim, types).filter(isLeft);
}

function isAvailable(type: InstanceType | undefined, wanted: LaunchOffering): boolean {
  return (
    type?.offerings.some(
      ({ zone, capacityType, available, reservation }) =>
        available &&
        zone === wanted.zone &&
        capacityType === wanted.capacityType &&
        (reservation === undefined ||
          (reservation.id === wanted.reservationId && reservation.availableCount > 0)),
    ) ?? false
  );
}

/** By price, then by name, so that the same question always has the same answer. */
function admitted(claim: NodeClaim, types: readonly InstanceType[]): readonly LaunchOffering[] {
  const requirements = [...requirementsOf(claim.spec.requirements, normalizedLabelKey).values()];
  const ofPlace = requirements.filter(({ key }) => isOfPlace(key));
  const ofType = requirements.filter(({ key }) => !isOfPlace(key));
  const requests = requestedResources(claim.spec.resources?.requests ?? {});
  return types
    .filter(
      (type) =>
        holds(type.allocatable, requests) &&
        ofType.every((requirement) => admitsType(requirement, type, claim)),
    )
    .flatMap((type) =>
      type.offerings
        // How much of a reservation others are planned to use only a plan knows.
        .filter(({ available, capacityType }) => available && capacityType !== 'reserved')
        .filter((offering) => ofPlace.every((one) => admitsValue(one, placeValue(one, offering))))
        .map((offering) => ({ type, offering })),
    )
    .toSorted(
      (a, b) =>
        a.offering.priceNanoUsdPerHour - b.offering.priceNanoUsdPerHour ||
        compare(a.type.name, b.type.name) ||
        compare(a.offering.zone, b.offering.zone),
    )
    .slice(0, offeringsPerClaimMax)
    .map(({ type, offering: { zone, capacityType } }) => ({
      instanceType: type.name,
      zone,
      capacityType,
    }));
}

function isOfPlace(key: string): boolean {
  return key === labelZone || key === labelCapacityType;
}

function placeValue({ key }: Requirement, offering: Offering): string {
  return key === labelZone ? offering.zone : offering.capacityType;
}

/** What the claim says of itself stands; what only the cloud knows must be admitted as it is. */
function admitsType(requirement: Requirement, type: InstanceType, claim: NodeClaim): boolean {
  const { key } = requirement;
  if (key === labelNodePool) return admitsValue(requirement, claim.metadata.labels?.[key]);
  if (key === labelNodeClass || key === labelStowageNodeClass) {
    const { group, name } = claim.spec.nodeClassRef;
    return admitsValue(requirement, key === nodeClassLabel(group) ? name : undefined);
  }
  if (isCloudLabel(key)) return admitsValue(requirement, type.labels[key]);
  return !isUnsatisfiable(requirement);
}

function holds(allocatable: Resources, requests: Resources): boolean {
  return Object.entries(requests).every(
    ([resource, amount]) => amount <= (allocatable[resource] ?? 0),
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
