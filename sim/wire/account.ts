/**
 * An AWS account as the wire front serves it: network, images, parameters, roles, queues, templates.
 *
 * In: a region's zones, what shall be different. Out: a model that handlers read and change. The
 * default is an account with one EKS cluster, a private subnet per zone and what a node needs, tagged
 * for discovery as Karpenter's guide does it. Instances and capacity are the engine's.
 */
import type { Catalogue } from '../../catalogue/loader.ts';
import type { SubnetRange } from '../ec2-addresses.ts';
import type { CapacityReservation } from '../ec2-reservations.ts';
import type { Ec2Options } from '../ec2-types.ts';
import { type MachineImage, publishedImages } from './images.ts';
import type { LaunchTemplate } from './launch-templates.ts';
import type { MessageQueue } from './message-queue.ts';

export type Tags = Readonly<Record<string, string>>;

export interface Subnet extends SubnetRange {
  readonly zoneId: string;
  readonly isPublic: boolean;
  tags: Tags;
}

export interface SecurityGroup {
  readonly groupId: string;
  readonly name: string;
  tags: Tags;
}

export interface PlacementGroup {
  readonly groupId: string;
  readonly name: string;
  readonly strategy: 'cluster' | 'spread' | 'partition';
  readonly partitionCount?: number;
  tags: Tags;
}

export interface Role {
  readonly name: string;
  readonly arn: string;
  readonly roleId: string;
}

export interface InstanceProfile {
  readonly name: string;
  readonly path: string;
  readonly arn: string;
  readonly profileId: string;
  readonly createdMs: number;
  roles: readonly Role[];
  tags: Tags;
}

export interface EksCluster {
  readonly name: string;
  readonly version: string;
  readonly endpoint: string;
  /** PEM in base64. */
  readonly certificateAuthority: string;
  readonly serviceCidr: string;
  readonly securityGroupId: string;
}

export interface Account {
  readonly accountId: string;
  readonly region: string;
  readonly vpcId: string;
  readonly cluster: EksCluster;
  readonly subnets: Subnet[];
  readonly securityGroups: SecurityGroup[];
  readonly placementGroups: PlacementGroup[];
  readonly images: Map<string, MachineImage>;
  readonly parameters: Map<string, string>;
  readonly roles: Map<string, Role>;
  readonly instanceProfiles: Map<string, InstanceProfile>;
  /** By id. */
  readonly launchTemplates: Map<string, LaunchTemplate>;
  /** By name; filled by the server. */
  readonly queues: Map<string, MessageQueue>;
  /** Names of the queues that are there from the start. */
  readonly queueNames: readonly string[];
  /** Actions that the caller may not take, as in `ec2:CreateFleet`; `ec2:*` denies all of a service. */
  readonly denied: Set<string>;
  /** Whether the account has the service-linked role that spot needs. */
  hasSpotRole: boolean;
}

export interface AccountOptions {
  readonly clusterName: string;
  /** Of Kubernetes. */
  readonly version: string;
  /** Where the API server is. */
  readonly clusterEndpoint: string;
  /** PEM in base64. */
  readonly certificateAuthority: string;
  /** Size of each zone's subnet, /16 to /28. */
  readonly subnetBits: number;
  readonly accountId: string;
}

const defaults: AccountOptions = {
  clusterName: 'simulated',
  version: '1.32',
  clusterEndpoint: 'https://127.0.0.1:6443',
  certificateAuthority: Buffer.from('no certificate').toString('base64'),
  subnetBits: 20,
  accountId: '123456789012',
};
/** The default subnets begin here; each has a /19 to itself at most. */
const networkBase = 0x0a00_0000;
const blockSize = 2 ** 13;
const widestBits = 19;

/** An account with one cluster and all that a node of it needs. */
export function createAccount(
  { region, zones }: Pick<Catalogue, 'region' | 'zones'>,
  options: Partial<AccountOptions> = {},
): Account {
  const { clusterName, version, clusterEndpoint, certificateAuthority, subnetBits, accountId } = {
    ...defaults,
    ...options,
  };
  const bits = Math.max(widestBits, subnetBits);
  const discovery = { 'karpenter.sh/discovery': clusterName };
  const { images, parameters } = publishedImages(version);
  const role = (name: string, id: string): [string, Role] => [
    name,
    { name, arn: `arn:aws:iam::${accountId}:role/${name}`, roleId: `AROA${id.padStart(17, '0')}` },
  ];
  return {
    accountId,
    region,
    vpcId: 'vpc-0a00000000000000a',
    cluster: {
      name: clusterName,
      version,
      endpoint: clusterEndpoint,
      certificateAuthority,
      serviceCidr: '172.20.0.0/16',
      securityGroupId: 'sg-0c00000000000000a',
    },
    subnets: zones.map(({ name, id }, index) => ({
      subnetId: `subnet-0a0000000000000${hex(index, 2)}`,
      zone: name,
      zoneId: id,
      cidr: `${dotted(networkBase + index * blockSize)}/${bits}`,
      isPublic: false,
      tags: {
        ...discovery,
        Name: `${clusterName}-private-${name}`,
        'kubernetes.io/role/internal-elb': '1',
      },
    })),
    securityGroups: [
      {
        groupId: 'sg-0c00000000000000a',
        name: `eks-cluster-sg-${clusterName}`,
        tags: {
          ...discovery,
          [`kubernetes.io/cluster/${clusterName}`]: 'owned',
          'aws:eks:cluster-name': clusterName,
        },
      },
      { groupId: 'sg-0d00000000000000a', name: `${clusterName}-node`, tags: { ...discovery } },
      { groupId: 'sg-0e00000000000000a', name: 'default', tags: {} },
    ],
    placementGroups: [],
    images: new Map(images.map((image) => [image.imageId, image])),
    parameters: new Map(parameters),
    roles: new Map([
      role(`KarpenterNodeRole-${clusterName}`, '1'),
      role(`StowageNodeRole-${clusterName}`, '2'),
    ]),
    instanceProfiles: new Map(),
    launchTemplates: new Map(),
    queues: new Map(),
    queueNames: [clusterName],
    denied: new Set(),
    hasSpotRole: true,
  };
}

/** What an engine needs to know of an account. */
export function engineOptionsOf({ subnets }: Account): Pick<Ec2Options, 'subnets'> {
  return { subnets };
}

/** The spread of placement group by name; `undefined` if there is none. */
export function placementGroupOf(account: Account, nameOrId: string): PlacementGroup | undefined {
  return account.placementGroups.find(
    ({ name, groupId }) => name === nameOrId || groupId === nameOrId,
  );
}

/** How events and answers name a reservation. */
export function reservationArn(account: Account, { id, ownerId }: CapacityReservation): string {
  return `arn:aws:ec2:${account.region}:${ownerId ?? account.accountId}:capacity-reservation/${id}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}
