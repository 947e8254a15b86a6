/**
 * The content of a launch template: everything about an instance that is not its type and place.
 *
 * In: an EC2NodeClass with its status, an image, user data. Out: the request's data, in EC2's own field
 * names; equal nodes have equal content, so that its hash names the template. Defaults per AMI family
 * are Karpenter's (`reference/karpenter.md` 3.1), metadata tags are off, volumes encrypted. It makes
 * no calls and knows no SDK.
 */
import type { BlockDeviceMapping, EC2NodeClass } from '../api/ec2nodeclass.ts';
import { amiFamily } from '../scheduling/ami-family.ts';
import { bytesOf } from '../scheduling/quantity.ts';
import type { ReservedCapacity } from '../state/instance-type.ts';

interface Tag {
  Key: string;
  Value: string;
}

interface EbsRequest {
  DeleteOnTermination?: boolean;
  Encrypted?: boolean;
  Iops?: number;
  KmsKeyId?: string;
  SnapshotId?: string;
  Throughput?: number;
  VolumeInitializationRate?: number;
  VolumeSize?: number;
  VolumeType?: 'standard' | 'io1' | 'io2' | 'gp2' | 'gp3' | 'sc1' | 'st1';
}

interface InterfaceRequest {
  NetworkCardIndex?: number;
  DeviceIndex: number;
  InterfaceType?: string;
  Groups: string[];
  AssociatePublicIpAddress?: boolean;
  Ipv4PrefixCount?: number;
  Ipv6PrefixCount?: number;
  ConnectionTrackingSpecification?: {
    TcpEstablishedTimeout?: number;
    UdpStreamTimeout?: number;
    UdpTimeout?: number;
  };
}

/** A part of EC2's RequestLaunchTemplateData. */
export interface LaunchTemplateContent {
  ImageId: string;
  UserData: string;
  IamInstanceProfile?: { Name: string };
  SecurityGroupIds?: string[];
  NetworkInterfaces?: InterfaceRequest[];
  BlockDeviceMappings?: { DeviceName: string; Ebs: EbsRequest }[];
  MetadataOptions: {
    HttpEndpoint: 'enabled' | 'disabled';
    HttpProtocolIpv6: 'enabled' | 'disabled';
    HttpPutResponseHopLimit: number;
    HttpTokens: 'required' | 'optional';
    InstanceMetadataTags: 'disabled';
  };
  Monitoring?: { Enabled: boolean };
  Placement?: { GroupName: string } | { GroupId: string };
  CpuOptions?: { NestedVirtualization: 'enabled' | 'disabled' };
  CapacityReservationSpecification?: {
    CapacityReservationPreference?: 'none' | 'capacity-reservations-only';
    CapacityReservationTarget?: { CapacityReservationId: string };
  };
  InstanceMarketOptions?: { MarketType: 'capacity-block' };
  TagSpecifications?: { ResourceType: 'network-interface'; Tags: Tag[] }[];
}

export interface TemplateQuestion {
  readonly nodeClass: EC2NodeClass;
  readonly imageId: string;
  /** In base64. */
  readonly userData: string;
  readonly isIPv6: boolean;
  /** EFA interfaces that pods asked for; 0 for types without. */
  readonly efaCount: number;
  readonly reservation?: Pick<ReservedCapacity, 'id' | 'kind'> | undefined;
  readonly tags: Readonly<Record<string, string>>;
}

const gibibyte = 2 ** 30;

/** Pure. */
export function launchTemplateContent(question: TemplateQuestion): LaunchTemplateContent {
  const { nodeClass, imageId, userData, reservation, tags } = question;
  const { spec, status } = nodeClass;
  const { detailedMonitoring, placementGroupSelector: group, cpuOptions } = spec;
  const options = spec.metadataOptions ?? {};
  const devices = blockDevices(nodeClass);
  const profile = status?.instanceProfile ?? spec.instanceProfile;
  return {
    ImageId: imageId,
    UserData: userData,
    ...(profile === undefined ? {} : { IamInstanceProfile: { Name: profile } }),
    ...network(question),
    ...(devices.length === 0 ? {} : { BlockDeviceMappings: devices }),
    MetadataOptions: {
      HttpEndpoint: options.httpEndpoint ?? 'enabled',
      HttpProtocolIpv6: options.httpProtocolIPv6 ?? 'disabled',
      HttpPutResponseHopLimit: options.httpPutResponseHopLimit ?? 1,
      HttpTokens: options.httpTokens ?? 'required',
      InstanceMetadataTags: 'disabled',
    },
    ...(detailedMonitoring === undefined ? {} : { Monitoring: { Enabled: detailedMonitoring } }),
    ...(group?.name === undefined ? {} : { Placement: { GroupName: group.name } }),
    ...(group?.id === undefined ? {} : { Placement: { GroupId: group.id } }),
    ...(cpuOptions?.nestedVirtualization === undefined
      ? {}
      : { CpuOptions: { NestedVirtualization: cpuOptions.nestedVirtualization } }),
    // An open reservation must not be eaten up by launches that were not planned for it.
    CapacityReservationSpecification:
      reservation === undefined
        ? { CapacityReservationPreference: 'none' }
        : { CapacityReservationTarget: { CapacityReservationId: reservation.id } },
    ...(reservation?.kind === 'capacity-block'
      ? { InstanceMarketOptions: { MarketType: 'capacity-block' as const } }
      : {}),
    TagSpecifications: [{ ResourceType: 'network-interface', Tags: tagList(tags) }],
  };
}

/** In order of keys. */
export function tagList(tags: Readonly<Record<string, string>>): Tag[] {
  return Object.entries(tags)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([Key, Value]) => ({ Key, Value }));
}

/** Security groups alone, unless something is said of interfaces; then they stand on each of them. */
function network({
  nodeClass,
  isIPv6,
  efaCount,
}: TemplateQuestion): Pick<LaunchTemplateContent, 'SecurityGroupIds' | 'NetworkInterfaces'> {
  const { spec, status } = nodeClass;
  const groups = (status?.securityGroups ?? []).map(({ id }) => id);
  const { associatePublicIPAddress, ipPrefixCount, connectionTracking, networkInterfaces } = spec;
  const isPlain =
    associatePublicIPAddress === undefined &&
    ipPrefixCount === undefined &&
    connectionTracking === undefined &&
    networkInterfaces === undefined &&
    efaCount === 0;
  if (isPlain) return { SecurityGroupIds: groups };
  const tracking = connectionTracking && {
    ConnectionTrackingSpecification: {
      ...(connectionTracking.tcpEstablishedTimeout === undefined
        ? {}
        : { TcpEstablishedTimeout: connectionTracking.tcpEstablishedTimeout }),
      ...(connectionTracking.udpStreamTimeout === undefined
        ? {}
        : { UdpStreamTimeout: connectionTracking.udpStreamTimeout }),
      ...(connectionTracking.udpTimeout === undefined
        ? {}
        : { UdpTimeout: connectionTracking.udpTimeout }),
    },
  };
  const interfaces = networkInterfaces ?? efaInterfaces(efaCount);
  return {
    NetworkInterfaces: interfaces.map(({ networkCardIndex, deviceIndex, interfaceType }) => {
      const isPrimary = networkCardIndex === 0 && deviceIndex === 0;
      return {
        ...(networkCardIndex === 0 ? {} : { NetworkCardIndex: networkCardIndex }),
        DeviceIndex: deviceIndex,
        ...(interfaceType === 'interface' ? {} : { InterfaceType: interfaceType }),
        Groups: groups,
        ...tracking,
        ...(isPrimary && associatePublicIPAddress !== undefined
          ? { AssociatePublicIpAddress: associatePublicIPAddress }
          : {}),
        ...(isPrimary && ipPrefixCount !== undefined
          ? { [isIPv6 ? 'Ipv6PrefixCount' : 'Ipv4PrefixCount']: ipPrefixCount }
          : {}),
      };
    }),
  };
}

/** One per card: the first carries addresses too. */
function efaInterfaces(efaCount: number) {
  return Array.from({ length: Math.max(1, efaCount) }, (_, card) => ({
    networkCardIndex: card,
    deviceIndex: card === 0 ? 0 : 1,
    interfaceType: efaCount === 0 ? 'interface' : 'efa',
  }));
}

function blockDevices(nodeClass: EC2NodeClass): { DeviceName: string; Ebs: EbsRequest }[] {
  const mappings = nodeClass.spec.blockDeviceMappings ?? familyDevices(nodeClass);
  return mappings.flatMap(({ deviceName, ebs }) =>
    deviceName === undefined || ebs === undefined
      ? []
      : [{ DeviceName: deviceName, Ebs: ebsRequest(ebs) }],
  );
}

function ebsRequest(ebs: NonNullable<BlockDeviceMapping['ebs']>): EbsRequest {
  const fields = {
    DeleteOnTermination: ebs.deleteOnTermination ?? true,
    Encrypted: ebs.encrypted,
    Iops: ebs.iops,
    KmsKeyId: ebs.kmsKeyID,
    SnapshotId: ebs.snapshotID,
    Throughput: ebs.throughput,
    VolumeInitializationRate: ebs.volumeInitializationRate,
    VolumeSize:
      ebs.volumeSize === undefined ? undefined : Math.ceil(bytesOf(ebs.volumeSize) / gibibyte),
    VolumeType: ebs.volumeType,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** What the packing model counts on where the class says nothing: sizes are the family's. */
function familyDevices(nodeClass: EC2NodeClass): readonly BlockDeviceMapping[] {
  const family = amiFamily(nodeClass);
  const { ephemeralDevice, ephemeralBytes } = family;
  if (ephemeralDevice === undefined) return [];
  const volume = (deviceName: string, gibibytes: number): BlockDeviceMapping => ({
    deviceName,
    ebs: { encrypted: true, volumeType: 'gp3', volumeSize: `${gibibytes}Gi` },
  });
  const data = volume(ephemeralDevice, ephemeralBytes / gibibyte);
  return family.name === 'Bottlerocket' ? [volume('/dev/xvda', 4), data] : [data];
}
