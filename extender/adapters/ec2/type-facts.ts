/**
 * Instance types as DescribeInstanceTypes tells them.
 *
 * In: an answer's item, what the embedded catalogue knows of the type. Out: facts without offerings,
 * or why a node cannot run on it. EC2 leaves out a few facts (memory that an operating system sees,
 * branch interfaces, bandwidth as a number): those come from the catalogue, and stay unknown for
 * types that are newer than it.
 */
import type { InstanceTypeInfo } from '@aws-sdk/client-ec2';
import type { Accelerator, InstanceTypeFacts } from '../../../core/state/instance-type.ts';

/** Category letters, optional terabytes, generation: `c5.large`, `u-3tb1.56xlarge`. */
const typeName = /^([a-z]+)(?:-[0-9]+tb)?([0-9]+)[^.]*\.[^.]+$/;

/** Undefined for a type that runs no Kubernetes node of ours: no known machine, no network figures. */
export function typeFacts(
  info: InstanceTypeInfo,
  known: InstanceTypeFacts | undefined,
): InstanceTypeFacts | undefined {
  const name = info.InstanceType ?? '';
  const parts = typeName.exec(name);
  const architecture = architectureOf(info);
  const vcpuCount = info.VCpuInfo?.DefaultVCpus;
  const memoryMiB = info.MemoryInfo?.SizeInMiB;
  const ipv4PerEni = info.NetworkInfo?.Ipv4AddressesPerInterface;
  if (
    parts === null ||
    architecture === undefined ||
    vcpuCount === undefined ||
    memoryMiB === undefined ||
    ipv4PerEni === undefined
  ) {
    return undefined;
  }
  const [family = '', size = ''] = name.split('.');
  const hypervisor = info.Hypervisor ?? '';
  return {
    name,
    category: parts[1] ?? '',
    family,
    generation: Number(parts[2]),
    size,
    flex: family.includes('-flex'),
    architecture,
    cpuManufacturer:
      info.ProcessorInfo?.Manufacturer?.toLowerCase() ?? known?.cpuManufacturer ?? 'unknown',
    clockMhz: clockMhz(info) ?? known?.clockMhz,
    vcpuCount,
    memoryMiB,
    memoryVisibleMiB: known?.memoryMiB === memoryMiB ? known.memoryVisibleMiB : undefined,
    hypervisor,
    bareMetal: info.BareMetal ?? hypervisor === '',
    encryptionInTransit: info.NetworkInfo?.EncryptionInTransitSupported ?? false,
    networkMbps: known?.networkMbps ?? networkMbps(info),
    ebsMbps: known?.ebsMbps ?? info.EbsInfo?.EbsOptimizedInfo?.MaximumBandwidthInMbps,
    ebsMaxAttachments: known?.ebsMaxAttachments,
    eniCountDefaultCard: eniCount(info),
    ipv4PerEni,
    branchEniCount: known?.branchEniCount ?? 0,
    efaCount: info.NetworkInfo?.EfaInfo?.MaximumEfaInterfaces ?? 0,
    localNvmeGB: localNvmeGB(info),
    gpus: gpus(info),
    neuron: neuron(info, known),
    offerings: [],
  };
}

function architectureOf({ ProcessorInfo }: InstanceTypeInfo): 'amd64' | 'arm64' | undefined {
  const machines: readonly string[] = ProcessorInfo?.SupportedArchitectures ?? [];
  if (machines.includes('x86_64')) return 'amd64';
  return machines.includes('arm64') ? 'arm64' : undefined;
}

function clockMhz({ ProcessorInfo }: InstanceTypeInfo): number | undefined {
  const ghz = ProcessorInfo?.SustainedClockSpeedInGhz;
  return ghz === undefined ? undefined : Math.round(ghz * 1_000);
}

/** Interfaces of the card that pods get their addresses from. */
function eniCount({ NetworkInfo }: InstanceTypeInfo): number {
  const card = NetworkInfo?.NetworkCards?.find(
    ({ NetworkCardIndex }) => NetworkCardIndex === (NetworkInfo.DefaultNetworkCardIndex ?? 0),
  );
  return card?.MaximumNetworkInterfaces ?? NetworkInfo?.MaximumNetworkInterfaces ?? 1;
}

/** `25 Gigabit`; `Up to 5 Gigabit` counts as 5. */
function networkMbps({ NetworkInfo }: InstanceTypeInfo): number | undefined {
  const gigabits = /([\d.]+)\s*Gigabit/.exec(NetworkInfo?.NetworkPerformance ?? '')?.[1];
  return gigabits === undefined ? undefined : Math.round(Number(gigabits) * 1_000);
}

/** Disks that are no NVMe are not joined by `instanceStorePolicy`. */
function localNvmeGB({ InstanceStorageInfo }: InstanceTypeInfo): number {
  const isNvme = InstanceStorageInfo?.NvmeSupport !== 'unsupported';
  return isNvme ? (InstanceStorageInfo?.TotalSizeInGB ?? 0) : 0;
}

function gpus({ GpuInfo }: InstanceTypeInfo): readonly Accelerator[] {
  return (GpuInfo?.Gpus ?? []).map(({ Name, Manufacturer, Count, MemoryInfo }) => ({
    name: Name ?? '',
    manufacturer: Manufacturer ?? '',
    count: Count ?? 0,
    memoryMiB: MemoryInfo?.SizeInMiB ?? 0,
    coresPerDevice: 0,
  }));
}

function neuron(
  { NeuronInfo }: InstanceTypeInfo,
  known: InstanceTypeFacts | undefined,
): Accelerator | undefined {
  const [device] = NeuronInfo?.NeuronDevices ?? [];
  if (device === undefined) return known?.neuron;
  return {
    name: device.Name ?? '',
    manufacturer: 'AWS',
    count: device.Count ?? 0,
    memoryMiB: device.MemoryInfo?.SizeInMiB ?? 0,
    coresPerDevice: device.CoreInfo?.Count ?? 0,
  };
}
