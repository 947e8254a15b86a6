/**
 * EC2's answers about where instances may go and what they are made of.
 *
 * In: the account. Out: DescribeSubnets (with the engine's free addresses), DescribeSecurityGroups,
 * DescribeImages, DescribePlacementGroups and DescribeCapacityReservations.
 */
import type { CapacityReservation } from '../ec2-reservations.ts';
import { Ec2Error } from '../ec2-types.ts';
import { type PlacementGroup, reservationArn, type SecurityGroup, type Subnet } from './account.ts';
import { isoTime, type QueryHandler, type WireContext } from './context.ts';
import { type FilterFields, filterOf, pageOf, tagSet } from './filters.ts';
import type { Form } from './form.ts';
import type { MachineImage } from './images.ts';

const pages = { min: 5, max: 1000, otherwise: 1000 };
const imagePages = { min: 1, max: 1000, otherwise: 1000 };
const reservationPages = { min: 1, max: 1000, otherwise: 1000 };

/** Those that are named, or all. @throws Ec2Error with `code` for one that is not there */
function named<T>(
  request: Form,
  parameter: string,
  all: readonly T[],
  keyOf: (item: T) => string,
  missing: (key: string) => Ec2Error,
): readonly T[] {
  const keys = request.texts(parameter);
  if (keys.length === 0) return all;
  const byKey = new Map(all.map((item) => [keyOf(item), item]));
  return keys.map((key) => {
    const item = byKey.get(key);
    if (item === undefined) throw missing(key);
    return item;
  });
}

export const describeSubnets: QueryHandler = ({ account, engine }, request) => {
  const free = ({ zone, subnetId }: Subnet): number =>
    engine.launcher.addresses.free(zone, subnetId);
  const fields: FilterFields<Subnet> = {
    'subnet-id': ({ subnetId }) => subnetId,
    'availability-zone': ({ zone }) => zone,
    availabilityZone: ({ zone }) => zone,
    'availability-zone-id': ({ zoneId }) => zoneId,
    'vpc-id': () => account.vpcId,
    state: () => 'available',
    'cidr-block': ({ cidr }) => cidr,
    'owner-id': () => account.accountId,
    'available-ip-address-count': (subnet) => String(free(subnet)),
    'default-for-az': () => 'false',
  };
  const found = named(
    request,
    'SubnetId',
    account.subnets,
    ({ subnetId }) => subnetId,
    (id) => new Ec2Error('InvalidSubnetID.NotFound', `The subnet ID '${id}' does not exist`),
  );
  const matches = filterOf(request, fields, ({ tags }) => tags);
  const { items, nextToken } = pageOf(request, found.filter(matches), pages);
  return {
    subnetSet: items.map((subnet) => ({
      subnetId: subnet.subnetId,
      subnetArn: `arn:aws:ec2:${account.region}:${account.accountId}:subnet/${subnet.subnetId}`,
      state: 'available',
      vpcId: account.vpcId,
      cidrBlock: subnet.cidr,
      availableIpAddressCount: free(subnet),
      availabilityZone: subnet.zone,
      availabilityZoneId: subnet.zoneId,
      defaultForAz: false,
      mapPublicIpOnLaunch: subnet.isPublic,
      assignIpv6AddressOnCreation: false,
      ownerId: account.accountId,
      tagSet: tagSet(subnet.tags),
    })),
    nextToken,
  };
};

export const describeSecurityGroups: QueryHandler = ({ account }, request) => {
  const fields: FilterFields<SecurityGroup> = {
    'group-id': ({ groupId }) => groupId,
    'group-name': ({ name }) => name,
    'vpc-id': () => account.vpcId,
    'owner-id': () => account.accountId,
  };
  const found = named(
    request,
    'GroupId',
    account.securityGroups,
    ({ groupId }) => groupId,
    (id) => new Ec2Error('InvalidGroup.NotFound', `The security group '${id}' does not exist`),
  );
  const names = new Set(request.texts('GroupName'));
  const matches = filterOf(request, fields, ({ tags }) => tags);
  const wanted = found.filter((group) => names.size === 0 || names.has(group.name));
  const { items, nextToken } = pageOf(request, wanted.filter(matches), pages);
  return {
    securityGroupInfo: items.map(({ groupId, name, tags }) => ({
      groupId,
      groupName: name,
      groupDescription: name,
      vpcId: account.vpcId,
      ownerId: account.accountId,
      ipPermissions: [],
      ipPermissionsEgress: [],
      tagSet: tagSet(tags),
    })),
    nextToken,
  };
};

const imageFields: FilterFields<MachineImage> = {
  'image-id': ({ imageId }) => imageId,
  name: ({ name }) => name,
  architecture: ({ architecture }) => architecture,
  'owner-id': ({ ownerId }) => ownerId,
  'owner-alias': ({ ownerAlias }) => ownerAlias,
  state: () => 'available',
  'image-type': () => 'machine',
  'is-public': () => 'true',
  'root-device-type': () => 'ebs',
  'virtualization-type': () => 'hvm',
  platform: ({ platform }) => (platform === 'windows' ? 'windows' : ''),
};

export const describeImages: QueryHandler = ({ account, clock }, request) => {
  const owners = request
    .texts('Owner')
    .map((owner) => (owner === 'self' ? account.accountId : owner));
  const found = named(
    request,
    'ImageId',
    [...account.images.values()],
    ({ imageId }) => imageId,
    (id) => new Ec2Error('InvalidAMIID.NotFound', `The image id '[${id}]' does not exist`),
  );
  const matches = filterOf(request, imageFields, ({ tags }) => tags);
  const showsDeprecated = request.flag('IncludeDeprecated') || request.has('ImageId');
  const nowMs = clock.nowMs();
  const wanted = found
    .filter(({ ownerId, ownerAlias = '' }) => {
      return owners.length === 0 || owners.includes(ownerId) || owners.includes(ownerAlias);
    })
    .filter(({ deprecatedMs = Infinity }) => showsDeprecated || deprecatedMs > nowMs)
    .filter(matches);
  const { items, nextToken } = pageOf(request, wanted, imagePages);
  return { imagesSet: items.map((image) => imageXml(image)), nextToken };
};

function imageXml(image: MachineImage) {
  const { createdMs, deprecatedMs, rootDeviceName, platform, name } = image;
  return {
    imageId: image.imageId,
    imageLocation: `amazon/${name}`,
    imageState: 'available',
    imageOwnerId: image.ownerId,
    imageOwnerAlias: image.ownerAlias,
    creationDate: isoTime(createdMs),
    deprecationTime: deprecatedMs === undefined ? undefined : isoTime(deprecatedMs),
    isPublic: true,
    architecture: image.architecture,
    imageType: 'machine',
    platform: platform === 'windows' ? 'windows' : undefined,
    platformDetails: platform === 'windows' ? 'Windows' : 'Linux/UNIX',
    name,
    rootDeviceType: 'ebs',
    rootDeviceName,
    blockDeviceMapping: [
      {
        deviceName: rootDeviceName,
        ebs: { deleteOnTermination: true, volumeSize: 20, volumeType: 'gp3', encrypted: false },
      },
    ],
    virtualizationType: 'hvm',
    hypervisor: 'xen',
    enaSupport: true,
    tagSet: tagSet(image.tags),
  };
}

const placementFields: FilterFields<PlacementGroup> = {
  'group-name': ({ name }) => name,
  strategy: ({ strategy }) => strategy,
  state: () => 'available',
};

export const describePlacementGroups: QueryHandler = ({ account }, request) => {
  const missing = (name: string): Ec2Error =>
    new Ec2Error('InvalidPlacementGroup.Unknown', `The Placement Group '${name}' is unknown.`);
  const { placementGroups } = account;
  const byName = named(request, 'GroupName', placementGroups, ({ name }) => name, missing);
  const found = named(request, 'GroupId', byName, ({ groupId }) => groupId, missing);
  const matches = filterOf(request, placementFields, ({ tags }) => tags);
  return {
    placementGroupSet: found.filter(matches).map((group) => ({
      groupName: group.name,
      groupId: group.groupId,
      groupArn: `arn:aws:ec2:${account.region}:${account.accountId}:placement-group/${group.name}`,
      state: 'available',
      strategy: group.strategy,
      partitionCount: group.partitionCount,
      spreadLevel: group.strategy === 'spread' ? 'rack' : undefined,
      tagSet: tagSet(group.tags),
    })),
  };
};

export const describeCapacityReservations: QueryHandler = (context, request) => {
  const { account, engine } = context;
  const { reservations } = engine.launcher;
  const stateOf = ({ id }: CapacityReservation): string =>
    reservations.isActive(id) ? 'active' : 'expired';
  const fields: FilterFields<CapacityReservation> = {
    'instance-type': ({ instanceType }) => instanceType,
    'owner-id': ({ ownerId }) => ownerId ?? account.accountId,
    'availability-zone': ({ zone }) => zone,
    'availability-zone-id': ({ zone }) => zoneIdOf(context, zone),
    'instance-match-criteria': ({ match }) => match,
    state: stateOf,
    tenancy: () => 'default',
    'end-date-type': ({ endMs }) => (endMs === undefined ? 'unlimited' : 'limited'),
    'reservation-type': ({ kind }) => kind,
  };
  const found = named(
    request,
    'CapacityReservationId',
    reservations.list(),
    ({ id }) => id,
    (id) =>
      new Ec2Error(
        'InvalidCapacityReservationId.NotFound',
        `The capacity reservation '${id}' does not exist.`,
      ),
  );
  const matches = filterOf(request, fields, ({ tags }) => tags);
  const { items, nextToken } = pageOf(request, found.filter(matches), reservationPages);
  return {
    capacityReservationSet: items.map((one) => ({
      capacityReservationId: one.id,
      capacityReservationArn: reservationArn(account, one),
      ownerId: one.ownerId ?? account.accountId,
      availabilityZone: one.zone,
      availabilityZoneId: zoneIdOf(context, one.zone),
      instanceType: one.instanceType,
      instancePlatform: 'Linux/UNIX',
      tenancy: 'default',
      totalInstanceCount: one.totalCount,
      availableInstanceCount: reservations.available(one.id),
      state: stateOf(one),
      instanceMatchCriteria: one.match,
      reservationType: one.kind,
      interruptible: one.isInterruptible ?? false,
      startDate: one.startMs === undefined ? undefined : isoTime(one.startMs),
      endDate: one.endMs === undefined ? undefined : isoTime(one.endMs),
      endDateType: one.endMs === undefined ? 'unlimited' : 'limited',
      tagSet: tagSet(one.tags),
    })),
    nextToken,
  };
};

function zoneIdOf({ catalogue }: WireContext, zone: string): string {
  return catalogue.zones.find(({ name }) => name === zone)?.id ?? '';
}
