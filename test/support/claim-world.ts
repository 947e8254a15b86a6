/**
 * A simulated world with NodeClaims in it.
 *
 * In: a seed, options of the world. Out: the world, claims as the provisioner writes them, and the
 * controllers that a claim meets between its creation and its end.
 */
import { loadCatalogue } from '../../catalogue/loader.ts';
import type { Live } from '../../core/api/kinds.ts';
import { reservedTaint, terminationFinalizer } from '../../core/api/labels.ts';
import type { NodeClaim, NodeClaimStatus } from '../../core/api/nodeclaim.ts';
import type { LaunchOffering } from '../../core/cloud-port.ts';
import { annotationOfferings, offeringsRecord } from '../../core/scheduling/claim-offerings.ts';
import {
  annotationReservation,
  reservationRecord,
} from '../../core/scheduling/reservation-record.ts';
import type { Controller, ControllerContext } from '../../extender/controllers/context.ts';
import { startNodeClaimExpiration } from '../../extender/controllers/nodeclaims/expiration.ts';
import { startInstanceGarbageCollection } from '../../extender/controllers/nodeclaims/garbage-collection.ts';
import { startNodeClaimLifecycle } from '../../extender/controllers/nodeclaims/lifecycle.ts';
import { startNodeClaimTermination } from '../../extender/controllers/termination/claim-termination.ts';
import { startNodeTermination } from '../../extender/controllers/termination/node-termination.ts';
import { defaultBootModel } from '../../sim/boot-time.ts';
import { endlessCapacity } from '../../sim/ec2-capacity.ts';
import { type InvariantWatch, watchInvariants } from '../../sim/invariants.ts';
import { installSamples } from '../../sim/sample-objects.ts';
import { createWorld, type World, type WorldOptions } from '../../sim/world.ts';

export const claimZones = ['us-east-1a', 'us-east-1b'] as const;
const names = ['m7i.xlarge', 'm7i.2xlarge', 'c7i.2xlarge', 'g5.2xlarge'];
const types = loadCatalogue().types.filter(({ name }) => names.includes(name));

export interface ClaimWorld extends World {
  readonly invariants: InvariantWatch;
  claim(name: string): Live<'NodeClaim'> | undefined;
  /** Instances that cost money. */
  living(): number;
}

/** Every machine joins unless told otherwise. */
export function claimWorld(
  seed: number | string,
  options: Partial<Omit<WorldOptions, 'seed' | 'types'>> = {},
): ClaimWorld {
  const world = createWorld({
    isFrozen: true,
    absentKinds: ['EC2NodeClass.stowage.dev'],
    ...options,
    seed,
    types,
    ec2: {
      capacity: endlessCapacity,
      boot: { ...defaultBootModel, neverJoinsShare: 0 },
      ...options.ec2,
    },
  });
  installSamples(world.cluster, claimZones);
  return {
    ...world,
    invariants: watchInvariants(world, 'karpenter.sh/nodeclaim'),
    claim: (name) => world.cluster.get('NodeClaim', { name }),
    living: () =>
      [...world.engine.instances.values()].filter(
        ({ state }) => state === 'pending' || state === 'running',
      ).length,
  };
}

/** A type in both zones, on demand. */
export function onDemand(instanceType: string): LaunchOffering[] {
  return claimZones.map((zone) => ({ instanceType, zone, capacityType: 'on-demand' as const }));
}

export interface ClaimOptions {
  readonly offerings?: readonly LaunchOffering[];
  readonly spec?: Partial<NodeClaim['spec']>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A claim as a plan makes it, held for one pod. */
export function draftClaim(name: string, options: ClaimOptions = {}): NodeClaim {
  const { offerings = onDemand('m7i.2xlarge'), spec, labels, annotations } = options;
  const reservation = { owners: new Set(['pod-1']), expiresAtMs: 4e12, fence: 'binding' } as const;
  return {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodeClaim',
    metadata: {
      name,
      labels: { 'karpenter.sh/nodepool': 'general', team: 'red', ...labels },
      annotations: {
        [annotationOfferings]: offeringsRecord(offerings),
        [annotationReservation]: reservationRecord(reservation),
        ...annotations,
      },
      finalizers: [terminationFinalizer],
    },
    spec: {
      nodeClassRef: { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass', name: 'default' },
      requirements: [
        {
          key: 'node.kubernetes.io/instance-type',
          operator: 'In',
          values: [...new Set(offerings.map(({ instanceType }) => instanceType))],
        },
        { key: 'karpenter.sh/capacity-type', operator: 'In', values: ['on-demand', 'spot'] },
      ],
      resources: { requests: { cpu: '2', memory: '4Gi' } },
      taints: [{ ...reservedTaint }],
      ...spec,
    },
  };
}

/** A claim as an API server holds it, created at the beginning of 2026. */
export function liveClaim(
  options: ClaimOptions = {},
  status: NodeClaimStatus = {},
): Live<'NodeClaim'> {
  const { metadata, ...rest } = draftClaim('a', options);
  return {
    ...rest,
    status,
    metadata: {
      ...metadata,
      name: 'a',
      uid: '2a1147c6-2b59-4af6-9eeb-402061a09763',
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
    },
  };
}

/** Everything that a claim needs to live and to end. */
export function claimControllers(context: ControllerContext): readonly Controller[] {
  return [
    startNodeClaimLifecycle(context),
    startInstanceGarbageCollection(context),
    startNodeClaimExpiration(context),
    startNodeClaimTermination(context),
    startNodeTermination(context),
  ];
}
