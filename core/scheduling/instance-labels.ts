/**
 * The labels that an instance type alone decides.
 *
 * In: facts of a type and the AMI family that runs on it. Out: the labels that every such node
 * carries whatever its pool, zone and capacity type, with the values that Karpenter 1.14 gives them
 * (reference/karpenter.md 1.6 and 3.1). It knows nothing of zones and capacity types, and leaves out
 * `karpenter.k8s.aws/nitro-sandbox`, for which the catalogue has no fact.
 */
import {
  labelArch,
  labelInstanceAcceleratorCount,
  labelInstanceAcceleratorManufacturer,
  labelInstanceAcceleratorName,
  labelInstanceCapabilityFlex,
  labelInstanceCategory,
  labelInstanceCpu,
  labelInstanceCpuClockSpeed,
  labelInstanceCpuManufacturer,
  labelInstanceEbsBandwidth,
  labelInstanceEncryptionInTransit,
  labelInstanceFamily,
  labelInstanceGeneration,
  labelInstanceGpuCount,
  labelInstanceGpuManufacturer,
  labelInstanceGpuMemory,
  labelInstanceGpuName,
  labelInstanceHypervisor,
  labelInstanceLocalNvme,
  labelInstanceMemory,
  labelInstanceNetworkBandwidth,
  labelInstanceSize,
  labelInstanceTenancy,
  labelInstanceType,
  labelOs,
  labelRegion,
  labelWindowsBuild,
} from '../api/labels.ts';
import type { InstanceTypeFacts } from '../state/instance-type.ts';
import type { AmiFamily } from './ami-family.ts';
import { regionOfZone } from './well-known-labels.ts';

/**
 * Labels of a type under a family. `kubernetes.io/os` is absent where the family has no image for
 * the type's architecture (Windows on arm64). Bare metal carries an empty hypervisor, an unknown
 * clock speed is 0: both as in Karpenter.
 */
export function instanceLabels(
  facts: InstanceTypeFacts,
  family: AmiFamily,
): Record<string, string> {
  const labels: Record<string, string> = {
    [labelInstanceType]: facts.name,
    [labelArch]: facts.architecture,
    [labelInstanceCategory]: facts.category,
    [labelInstanceFamily]: facts.family,
    [labelInstanceGeneration]: String(facts.generation),
    [labelInstanceSize]: facts.size,
    [labelInstanceCapabilityFlex]: String(facts.flex),
    [labelInstanceCpu]: String(facts.vcpuCount),
    [labelInstanceCpuManufacturer]: lowerKebabCase(facts.cpuManufacturer),
    [labelInstanceCpuClockSpeed]: String(facts.clockMhz ?? 0),
    [labelInstanceMemory]: String(facts.memoryMiB),
    [labelInstanceHypervisor]: facts.hypervisor,
    [labelInstanceEncryptionInTransit]: String(facts.encryptionInTransit),
    // Nodes are launched with shared tenancy, the one that the catalogue has prices for.
    [labelInstanceTenancy]: 'default',
  };
  if (facts.networkMbps !== undefined)
    labels[labelInstanceNetworkBandwidth] = String(facts.networkMbps);
  if (facts.ebsMbps !== undefined) labels[labelInstanceEbsBandwidth] = String(facts.ebsMbps);
  if (facts.localNvmeGB > 0) labels[labelInstanceLocalNvme] = String(facts.localNvmeGB);
  Object.assign(labels, gpuLabels(facts), acceleratorLabels(facts), systemLabels(facts, family));
  const region = regionOfZone(facts.offerings[0]?.zone ?? '');
  if (region !== undefined) labels[labelRegion] = region;
  return labels;
}

/** Whether the family has images for the architecture: Windows has none for arm64. */
export function hasImageFor(facts: InstanceTypeFacts, family: AmiFamily): boolean {
  return family.operatingSystem === 'linux' || facts.architecture === 'amd64';
}

function systemLabels(facts: InstanceTypeFacts, family: AmiFamily): Record<string, string> {
  const labels: Record<string, string> = {};
  if (hasImageFor(facts, family)) labels[labelOs] = family.operatingSystem;
  if (family.windowsBuild !== undefined) {
    labels[labelWindowsBuild] = family.windowsBuild;
  }
  return labels;
}

/** With two kinds of GPU no single value would be true, so there is no label. */
function gpuLabels({ gpus }: InstanceTypeFacts): Record<string, string> {
  const [gpu] = gpus;
  if (gpu === undefined || gpus.length > 1) return {};
  return {
    [labelInstanceGpuName]: lowerKebabCase(gpu.name),
    [labelInstanceGpuManufacturer]: lowerKebabCase(gpu.manufacturer),
    [labelInstanceGpuCount]: String(gpu.count),
    [labelInstanceGpuMemory]: String(gpu.memoryMiB),
  };
}

function acceleratorLabels({ neuron }: InstanceTypeFacts): Record<string, string> {
  if (neuron === undefined) return {};
  return {
    [labelInstanceAcceleratorName]: lowerKebabCase(neuron.name),
    [labelInstanceAcceleratorManufacturer]: lowerKebabCase(neuron.manufacturer),
    [labelInstanceAcceleratorCount]: String(neuron.count),
  };
}

function lowerKebabCase(text: string): string {
  return text.toLowerCase().replaceAll(' ', '-');
}
