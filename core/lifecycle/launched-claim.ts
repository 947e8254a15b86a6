/**
 * What a NodeClaim says once its instance is there.
 *
 * In: a claim, the instance, its type under the node class. Out: changes to its labels, fields of its
 * status. The instance may be another one than planned, so labels of the planned type give way to
 * those of the real one; labels that are not the cloud's to decide stay.
 */
import {
  karpenterAwsGroup,
  labelCapacityReservationId,
  labelCapacityReservationType,
  labelCapacityType,
  labelInstanceType,
  labelRegion,
  labelZone,
} from '../api/labels.ts';
import type { NodeClaim, NodeClaimStatus } from '../api/nodeclaim.ts';
import type { CloudInstance } from '../cloud-port.ts';
import { reservationLabels, reservationOf } from '../scheduling/offering-labels.ts';
import { formatAmount } from '../scheduling/quantity.ts';
import type { Resources } from '../scheduling/resources.ts';
import { regionOfZone } from '../scheduling/well-known-labels.ts';
import type { InstanceType } from '../state/instance-type.ts';

/** Labels of an instance type by their spelling. */
const instanceLabelPrefix = `${karpenterAwsGroup}/instance-`;

/**
 * Labels to set, and `null` for those to remove; only what differs.
 *
 * @param type undefined if the type is not known any more: then its place alone is told
 */
export function launchedLabels(
  claim: NodeClaim,
  instance: CloudInstance,
  type: InstanceType | undefined,
): Record<string, string | null> {
  const { zone, capacityType, reservationId } = instance;
  const region = regionOfZone(zone);
  const reservation = type === undefined ? undefined : reservationOf(type, reservationId);
  const real: Record<string, string> = {
    ...type?.labels,
    [labelInstanceType]: instance.instanceType,
    [labelZone]: zone,
    [labelCapacityType]: capacityType,
    ...(region === undefined ? {} : { [labelRegion]: region }),
    ...(reservationId === undefined ? {} : { [labelCapacityReservationId]: reservationId }),
    ...(reservation === undefined ? {} : reservationLabels(reservation)),
  };
  const present = claim.metadata.labels ?? {};
  const changes: Record<string, string | null> = {};
  for (const [key, value] of Object.entries(real)) {
    if (present[key] !== value) changes[key] = value;
  }
  for (const key of Object.keys(present)) {
    if (isReal(key) && real[key] === undefined) changes[key] = null;
  }
  return changes;
}

/** Whether only what was launched decides the label. */
function isReal(key: string): boolean {
  return (
    key.startsWith(instanceLabelPrefix) ||
    key === labelCapacityReservationId ||
    key === labelCapacityReservationType
  );
}

/** Fields of the status, conditions apart. */
export function launchedStatus(
  instance: CloudInstance,
  type: InstanceType | undefined,
): Pick<NodeClaimStatus, 'providerID' | 'imageID' | 'capacity' | 'allocatable'> {
  return {
    providerID: instance.providerID,
    imageID: instance.imageId,
    ...(type === undefined
      ? {}
      : { capacity: quantities(type.capacity), allocatable: quantities(type.allocatable) }),
  };
}

function quantities(resources: Resources): Record<string, string> {
  return Object.fromEntries(
    Object.entries(resources)
      .filter(([, amount]) => amount > 0)
      .map(([resource, amount]) => [resource, formatAmount(resource, amount)]),
  );
}
