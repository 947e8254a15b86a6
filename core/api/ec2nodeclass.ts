/**
 * EC2NodeClass, `karpenter.k8s.aws/v1` and `stowage.dev/v1`: how the nodes of a pool are made.
 *
 * In: nothing. Out: TypeBox schemas with the defaults and ranges of the published API, and their
 * static types. One schema serves both groups. Unknown fields below `spec` are refused, so that a
 * misspelt setting is never silently ignored. Rules that tie several fields together are in
 * `ec2nodeclass-rules.ts`.
 */
import { type Static, Type } from 'typebox';
import { KubeletConfiguration } from './kubelet-configuration.ts';
import { Condition, NodeSelectorRequirement, ObjectMeta } from './kubernetes.ts';
import { Time } from './scalars.ts';

const strict = { additionalProperties: false };

const NonEmptyString = Type.String({ minLength: 1 });

/** `*` as value matches any value of the tag. */
const TagSelector = Type.Record(NonEmptyString, NonEmptyString, { maxProperties: 20 });

function resourceId(prefix: string) {
  return Type.String({
    pattern: `^${prefix}-[0-9a-z]+$`,
    expected: `an id such as ${prefix}-0123`,
  });
}

export const SubnetSelectorTerm = Type.Object(
  { tags: Type.Optional(TagSelector), id: Type.Optional(resourceId('subnet')) },
  strict,
);
export type SubnetSelectorTerm = Static<typeof SubnetSelectorTerm>;

export const SecurityGroupSelectorTerm = Type.Object(
  {
    tags: Type.Optional(TagSelector),
    id: Type.Optional(resourceId('sg')),
    name: Type.Optional(NonEmptyString),
  },
  strict,
);
export type SecurityGroupSelectorTerm = Static<typeof SecurityGroupSelectorTerm>;

const AccountId = Type.String({ pattern: '^[0-9]{12}$', expected: 'an account id of 12 digits' });
const MatchCriteria = Type.Enum(['open', 'targeted'], { type: 'string' });

export const CapacityReservationSelectorTerm = Type.Object(
  {
    tags: Type.Optional(TagSelector),
    id: Type.Optional(resourceId('cr')),
    ownerID: Type.Optional(AccountId),
    instanceMatchCriteria: Type.Optional(MatchCriteria),
  },
  strict,
);
export type CapacityReservationSelectorTerm = Static<typeof CapacityReservationSelectorTerm>;

export const PlacementGroupSelector = Type.Object(
  { name: Type.Optional(NonEmptyString), id: Type.Optional(resourceId('pg')) },
  strict,
);
export type PlacementGroupSelector = Static<typeof PlacementGroupSelector>;

export const NetworkInterface = Type.Object(
  {
    networkCardIndex: Type.Integer({ minimum: 0 }),
    deviceIndex: Type.Integer({ minimum: 0 }),
    interfaceType: Type.Enum(['interface', 'efa-only'], { type: 'string' }),
  },
  strict,
);
export type NetworkInterface = Static<typeof NetworkInterface>;

export const AMISelectorTerm = Type.Object(
  {
    alias: Type.Optional(
      Type.String({
        maxLength: 30,
        pattern: '^(al2|al2023|bottlerocket|windows2019|windows2022|windows2025)@.+$',
        expected:
          'family@version such as al2023@latest (al2, al2023, bottlerocket, windows2019, windows2022, windows2025)',
      }),
    ),
    tags: Type.Optional(TagSelector),
    id: Type.Optional(resourceId('ami')),
    name: Type.Optional(NonEmptyString),
    owner: Type.Optional(NonEmptyString),
    ssmParameter: Type.Optional(NonEmptyString),
  },
  strict,
);
export type AMISelectorTerm = Static<typeof AMISelectorTerm>;

export const AMIFamily = Type.Enum(
  ['AL2', 'AL2023', 'Bottlerocket', 'Custom', 'Windows2019', 'Windows2022', 'Windows2025'],
  { type: 'string' },
);
export type AMIFamily = Static<typeof AMIFamily>;

export const BlockDevice = Type.Object(
  {
    deleteOnTermination: Type.Optional(Type.Boolean()),
    encrypted: Type.Optional(Type.Boolean()),
    iops: Type.Optional(Type.Integer({ minimum: 0 })),
    kmsKeyID: Type.Optional(Type.String()),
    snapshotID: Type.Optional(Type.String()),
    throughput: Type.Optional(Type.Integer({ minimum: 0 })),
    volumeInitializationRate: Type.Optional(Type.Integer({ minimum: 100, maximum: 300 })),
    volumeSize: Type.Optional(
      Type.String({
        pattern: '^[0-9]{1,5}(Gi|G|Ti|T)$',
        expected: 'a size such as 20Gi (Gi, G, Ti or T)',
      }),
    ),
    volumeType: Type.Optional(
      Type.Enum(['standard', 'io1', 'io2', 'gp2', 'gp3', 'sc1', 'st1'], { type: 'string' }),
    ),
  },
  strict,
);
export type BlockDevice = Static<typeof BlockDevice>;

export const BlockDeviceMapping = Type.Object(
  {
    deviceName: Type.Optional(NonEmptyString),
    ebs: Type.Optional(BlockDevice),
    /** Marks the device whose size is the node's ephemeral storage. */
    rootVolume: Type.Optional(Type.Boolean()),
  },
  strict,
);
export type BlockDeviceMapping = Static<typeof BlockDeviceMapping>;

const Switch = Type.Enum(['enabled', 'disabled'], { type: 'string' });

export const MetadataOptions = Type.Object(
  {
    httpEndpoint: Type.Optional({ ...Switch, default: 'enabled' }),
    httpProtocolIPv6: Type.Optional({ ...Switch, default: 'disabled' }),
    httpPutResponseHopLimit: Type.Optional(Type.Integer({ minimum: 1, maximum: 64, default: 1 })),
    httpTokens: Type.Optional(
      Type.Enum(['required', 'optional'], { type: 'string', default: 'required' }),
    ),
  },
  {
    ...strict,
    default: {
      httpEndpoint: 'enabled',
      httpProtocolIPv6: 'disabled',
      httpPutResponseHopLimit: 1,
      httpTokens: 'required',
    },
  },
);
export type MetadataOptions = Static<typeof MetadataOptions>;

/** Timeouts in seconds, as in the published API, which carries no unit in the name. */
export const ConnectionTracking = Type.Object(
  {
    tcpEstablishedTimeout: Type.Optional(Type.Integer({ minimum: 60, maximum: 432000 })),
    udpStreamTimeout: Type.Optional(Type.Integer({ minimum: 60, maximum: 180 })),
    udpTimeout: Type.Optional(Type.Integer({ minimum: 30, maximum: 60 })),
  },
  { ...strict, minProperties: 1 },
);
export type ConnectionTracking = Static<typeof ConnectionTracking>;

export const EC2NodeClassSpec = Type.Object(
  {
    subnetSelectorTerms: Type.Array(SubnetSelectorTerm, { minItems: 1, maxItems: 30 }),
    securityGroupSelectorTerms: Type.Array(SecurityGroupSelectorTerm, {
      minItems: 1,
      maxItems: 30,
    }),
    capacityReservationSelectorTerms: Type.Optional(
      Type.Array(CapacityReservationSelectorTerm, { maxItems: 30 }),
    ),
    placementGroupSelector: Type.Optional(PlacementGroupSelector),
    associatePublicIPAddress: Type.Optional(Type.Boolean()),
    ipPrefixCount: Type.Optional(Type.Integer({ minimum: 0 })),
    networkInterfaces: Type.Optional(Type.Array(NetworkInterface, { maxItems: 150 })),
    amiSelectorTerms: Type.Array(AMISelectorTerm, { minItems: 1, maxItems: 30 }),
    amiFamily: Type.Optional(AMIFamily),
    userData: Type.Optional(Type.String()),
    role: Type.Optional(NonEmptyString),
    instanceProfile: Type.Optional(NonEmptyString),
    tags: Type.Optional(Type.Record(Type.String(), Type.String())),
    kubelet: Type.Optional(KubeletConfiguration),
    blockDeviceMappings: Type.Optional(Type.Array(BlockDeviceMapping, { maxItems: 50 })),
    instanceStorePolicy: Type.Optional(Type.Enum(['RAID0'], { type: 'string' })),
    detailedMonitoring: Type.Optional(Type.Boolean()),
    metadataOptions: Type.Optional(MetadataOptions),
    connectionTracking: Type.Optional(ConnectionTracking),
    cpuOptions: Type.Optional(Type.Object({ nestedVirtualization: Type.Optional(Switch) }, strict)),
    context: Type.Optional(Type.String()),
  },
  strict,
);
export type EC2NodeClassSpec = Static<typeof EC2NodeClassSpec>;

export const CapacityReservation = Type.Object({
  availabilityZone: Type.String(),
  endTime: Type.Optional(Time),
  id: resourceId('cr'),
  instanceMatchCriteria: MatchCriteria,
  instanceType: NonEmptyString,
  ownerID: AccountId,
  reservationType: Type.Optional(
    Type.Enum(['default', 'capacity-block'], { type: 'string', default: 'default' }),
  ),
  interruptible: Type.Optional(Type.Boolean()),
  state: Type.Optional(Type.Enum(['active', 'expiring'], { type: 'string', default: 'active' })),
});
export type CapacityReservation = Static<typeof CapacityReservation>;

export const EC2NodeClassStatus = Type.Object({
  subnets: Type.Optional(
    Type.Array(
      Type.Object({
        id: Type.String(),
        zone: Type.String(),
        zoneID: Type.Optional(Type.String()),
      }),
    ),
  ),
  securityGroups: Type.Optional(
    Type.Array(Type.Object({ id: Type.String(), name: Type.Optional(Type.String()) })),
  ),
  capacityReservations: Type.Optional(Type.Array(CapacityReservation)),
  amis: Type.Optional(
    Type.Array(
      Type.Object({
        id: Type.String(),
        name: Type.Optional(Type.String()),
        deprecated: Type.Optional(Type.Boolean()),
        requirements: Type.Array(NodeSelectorRequirement),
      }),
    ),
  ),
  instanceProfile: Type.Optional(Type.String()),
  conditions: Type.Optional(Type.Array(Condition)),
});
export type EC2NodeClassStatus = Static<typeof EC2NodeClassStatus>;

export const EC2NodeClass = Type.Object({
  apiVersion: Type.Enum(['karpenter.k8s.aws/v1', 'stowage.dev/v1'], { type: 'string' }),
  kind: Type.Literal('EC2NodeClass'),
  metadata: ObjectMeta,
  spec: EC2NodeClassSpec,
  status: Type.Optional(EC2NodeClassStatus),
});
export type EC2NodeClass = Static<typeof EC2NodeClass>;
