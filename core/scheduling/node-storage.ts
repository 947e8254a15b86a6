/**
 * How much local storage a node offers to pods.
 *
 * In: facts of a type and an EC2NodeClass. Out: bytes, by the order of Karpenter 1.14
 * (reference/karpenter.md 3.1): local disks joined by instanceStorePolicy, the volume marked as
 * root, the family's device (Custom: the last one), the family's default. It reserves nothing.
 */
import type { BlockDeviceMapping, EC2NodeClass } from '../api/ec2nodeclass.ts';
import type { InstanceTypeFacts } from '../state/instance-type.ts';
import { type AmiFamily, defaultVolumeBytes } from './ami-family.ts';
import { bytesFloor } from './quantity.ts';

/** Bytes in a gigabyte as EC2 counts local disks. */
const gigabyte = 1e9;

/** Capacity of ephemeral storage in bytes. */
export function ephemeralStorageBytes(
  facts: InstanceTypeFacts,
  nodeClass: EC2NodeClass | undefined,
  family: AmiFamily,
): number {
  if (nodeClass?.spec.instanceStorePolicy === 'RAID0' && facts.localNvmeGB > 0) {
    return facts.localNvmeGB * gigabyte;
  }
  const mappings = nodeClass?.spec.blockDeviceMappings ?? [];
  return (
    volumeBytes(mappings.find(({ rootVolume }) => rootVolume === true)) ??
    deviceBytes(mappings, family) ??
    family.ephemeralBytes
  );
}

/** Only the image of a Custom family knows which device pods use; Karpenter takes the last. */
function deviceBytes(
  mappings: readonly BlockDeviceMapping[],
  family: AmiFamily,
): number | undefined {
  const { ephemeralDevice } = family;
  if (ephemeralDevice !== undefined) {
    return volumeBytes(mappings.find(({ deviceName }) => deviceName === ephemeralDevice));
  }
  return volumeBytes(mappings.at(-1)) ?? defaultVolumeBytes;
}

function volumeBytes(mapping: BlockDeviceMapping | undefined): number | undefined {
  const size = mapping?.ebs?.volumeSize;
  return size === undefined ? undefined : bytesFloor(size);
}
