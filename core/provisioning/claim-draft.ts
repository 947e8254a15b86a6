/**
 * The NodeClaim of a planned node.
 *
 * In: a planned node, its NodePool and EC2NodeClass, which of its pods we bind. Out: the object to be created. Its
 * name follows from the pool and from what it is for, so that the same plan made twice (two leaders
 * for a moment, a create whose answer was lost) is one claim. It decides nothing.
 */
import type { EC2NodeClass } from '../api/ec2nodeclass.ts';
import {
  annotationNodePoolHash,
  annotationNodePoolHashVersion,
  annotationPriceOverlayApplied,
  karpenterAwsGroup,
  labelArch,
  labelCapacityType,
  labelInstanceType,
  labelNodePool,
  labelOs,
  labelZone,
  nodeClassLabel,
  normalizedLabelKey,
  reservedTaint,
  stowageGroup,
  terminationFinalizer,
} from '../api/labels.ts';
import type { NodeClaim } from '../api/nodeclaim.ts';
import type { NodePool, NodePoolRequirement } from '../api/nodepool.ts';
import type { LaunchOffering } from '../cloud-port.ts';
import { nodeClassHashAnnotations } from '../ec2/node-class-hash.ts';
import type { PlannedClaim } from '../packing/planned-claims.ts';
import { annotationOfferings, offeringsRecord } from '../scheduling/claim-offerings.ts';
import { reservationLabels, reservationOf } from '../scheduling/offering-labels.ts';
import { pricedBy } from '../scheduling/overlays.ts';
import { formatAmount } from '../scheduling/quantity.ts';
import type { Fence, NodeReservation } from '../scheduling/reservation.ts';
import { annotationReservation, reservationRecord } from '../scheduling/reservation-record.ts';
import { isCloudLabel } from '../scheduling/well-known-labels.ts';
import { annotationNominated } from './nominations.ts';
import { annotationStandsIn, standsInRecord } from './stand-ins.ts';

/** Who gets the node. */
export interface ClaimPods {
  /** UIDs of pods that we bind; the node is held for them. */
  readonly owners: ReadonlySet<string>;
  /** UIDs of pods that others bind. */
  readonly nominated: readonly string[];
  /** UIDs of pods on nodes that are taken away, for whose successors there is room. */
  readonly standsFor?: readonly string[];
  readonly fence: Fence;
}

/** What a node is made from. */
export interface ClaimSource {
  readonly pool: NodePool;
  /** Undefined if it has gone since the plan was made. */
  readonly nodeClass: EC2NodeClass | undefined;
}

/** Labels that a launched node may have otherwise than planned: a substitute may come. */
const placeLabels: ReadonlySet<string> = new Set([labelInstanceType, labelZone, labelCapacityType]);
const nameHashChars = 7;

/**
 * @param expiresAtMs when the reservation ends whatever happens
 * @param hash of a text, lower-case letters and digits
 * @param isTaken whether a claim that is leaving has the name: the same pods may want a node again
 */
export function claimDraft(
  planned: PlannedClaim,
  { pool, nodeClass }: ClaimSource,
  pods: ClaimPods,
  expiresAtMs: number,
  hash: (text: string) => string,
  isTaken: (name: string) => boolean,
): NodeClaim {
  const { metadata, spec } = pool.spec.template;
  const poolName = pool.metadata.name ?? '';
  const offerings: LaunchOffering[] = [planned.offering, ...planned.substitutes].map(
    ({ instanceType, zone, capacityType, reservationId }) => ({
      instanceType,
      zone,
      capacityType,
      ...(reservationId === undefined ? {} : { reservationId }),
    }),
  );
  const reservation: NodeReservation = { owners: pods.owners, expiresAtMs, fence: pods.fence };
  const overlay = pricedBy(planned.type, planned.offering);
  const isHeld = pods.owners.size > 0;
  const { nominated, standsFor = [] } = pods;
  const purpose = [poolName, [...pods.owners, ...nominated].toSorted(), offerings[0]];
  // Whom it stands in for is named apart: those pods' own claim was made for the same pods.
  const wanted = standsFor.length === 0 ? purpose : [...purpose, standsFor.toSorted()];
  const nameOf = (text: string): string => `${poolName}-${hash(text).slice(0, nameHashChars)}`;
  let name = nameOf(JSON.stringify(wanted));
  while (isTaken(name)) name = nameOf(name);
  return {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodeClaim',
    metadata: {
      name,
      labels: claimLabels(planned, pool),
      annotations: {
        ...metadata?.annotations,
        ...poolHash(pool),
        ...(nodeClass === undefined ? {} : nodeClassHashAnnotations(nodeClass)),
        [annotationOfferings]: offeringsRecord(offerings),
        ...(overlay === undefined ? {} : { [annotationPriceOverlayApplied]: overlay }),
        ...(isHeld ? { [annotationReservation]: reservationRecord(reservation) } : {}),
        ...(nominated.length === 0
          ? {}
          : { [annotationNominated]: JSON.stringify(nominated.toSorted()) }),
        ...(standsFor.length === 0 ? {} : { [annotationStandsIn]: standsInRecord(standsFor) }),
      },
      finalizers: [terminationFinalizer],
      ownerReferences: [
        {
          apiVersion: pool.apiVersion,
          kind: 'NodePool',
          name: poolName,
          uid: pool.metadata.uid ?? '',
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      nodeClassRef: spec.nodeClassRef,
      requirements: claimRequirements(spec.requirements, offerings),
      resources: { requests: quantities(planned.requests) },
      ...taintsOf(spec.taints ?? [], isHeld),
      ...(spec.startupTaints === undefined ? {} : { startupTaints: spec.startupTaints }),
      ...(spec.terminationGracePeriod === undefined
        ? {}
        : { terminationGracePeriod: spec.terminationGracePeriod }),
      ...(spec.expireAfter === undefined ? {} : { expireAfter: spec.expireAfter }),
    },
  };
}

/** What the node will carry if it becomes what the plan says; corrected when it is launched. */
function claimLabels({ type, offering, chosenLabels }: PlannedClaim, pool: NodePool) {
  const { metadata, spec } = pool.spec.template;
  const single = spec.requirements.flatMap(({ key, operator, values }) => {
    const [value] = values ?? [];
    return operator === 'In' && values?.length === 1 && value !== undefined
      ? [[normalizedLabelKey(key), value] as const]
      : [];
  });
  const ref = spec.nodeClassRef;
  const reservation = reservationOf(type, offering.reservationId);
  return {
    ...type.labels,
    ...Object.fromEntries(single),
    ...metadata?.labels,
    ...chosenLabels,
    [labelInstanceType]: offering.instanceType,
    [labelZone]: offering.zone,
    [labelCapacityType]: offering.capacityType,
    ...(reservation === undefined ? {} : reservationLabels(reservation)),
    [labelNodePool]: pool.metadata.name ?? '',
    ...(ref.group === karpenterAwsGroup || ref.group === stowageGroup
      ? { [nodeClassLabel(ref.group)]: ref.name }
      : {}),
  };
}

/** The pool's own requirements, with type, zone and capacity type narrowed to what may be launched. */
function claimRequirements(
  requirements: readonly NodePoolRequirement[],
  offerings: readonly LaunchOffering[],
): NodePoolRequirement[] {
  const kept = requirements.filter(({ key }) => {
    const normal = normalizedLabelKey(key);
    return !placeLabels.has(normal) && (!isCloudLabel(normal) || isAboutSystem(normal));
  });
  const minValues = new Map(
    requirements.flatMap(({ key, minValues: count }) =>
      count === undefined ? [] : [[normalizedLabelKey(key), count] as const],
    ),
  );
  const narrowed = (key: string, of: (offering: LaunchOffering) => string): NodePoolRequirement => {
    const values = [...new Set(offerings.map(of))].sort();
    const count = minValues.get(key);
    return {
      key,
      operator: 'In',
      values,
      ...(count === undefined || count > values.length ? {} : { minValues: count }),
    };
  };
  return [
    ...kept,
    narrowed(labelInstanceType, ({ instanceType }) => instanceType),
    narrowed(labelZone, ({ zone }) => zone),
    narrowed(labelCapacityType, ({ capacityType }) => capacityType),
  ];
}

/** Requirements that people read on claims although the type implies them. */
function isAboutSystem(key: string): boolean {
  return key === labelArch || key === labelOs;
}

function taintsOf(taints: NonNullable<NodeClaim['spec']['taints']>, isHeld: boolean) {
  const all = isHeld ? [...taints, { ...reservedTaint }] : [...taints];
  return all.length === 0 ? {} : { taints: all };
}

function poolHash({ metadata }: NodePool): Record<string, string> {
  const entries = [annotationNodePoolHash, annotationNodePoolHashVersion].flatMap((key) => {
    const value = metadata.annotations?.[key];
    return value === undefined ? [] : [[key, value] as const];
  });
  return Object.fromEntries(entries);
}

function quantities(amounts: Readonly<Record<string, number>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(amounts)
      .filter(([, amount]) => amount > 0)
      .map(([resource, amount]) => [resource, formatAmount(resource, amount)]),
  );
}
