/**
 * Whether an instance type can run under a node class at all, and in which zones.
 *
 * In: facts of a type and an EC2NodeClass. Out: the reason why not, or nothing (Karpenter 1.14's
 * compatibility checks, reference/karpenter.md 3.2). Where the catalogue lacks the fact that a check
 * needs, the type is refused: a launch that EC2 would reject is worse than a choice not offered.
 */
import type { EC2NodeClass } from '../api/ec2nodeclass.ts';
import type { InstanceTypeFacts } from '../state/instance-type.ts';
import { amiFamily } from './ami-family.ts';
import { hasImageFor } from './instance-labels.ts';

/** Why no instance of the type can be launched under the node class; undefined if one can. */
export function incompatibility(
  facts: InstanceTypeFacts,
  nodeClass: EC2NodeClass | undefined,
): string | undefined {
  const family = amiFamily(nodeClass);
  if (!hasImageFor(facts, family)) {
    return `${family.name} has no image for ${facts.architecture}`;
  }
  if (family.name === 'AL2023' && facts.family === 'a1') return 'AL2023 does not run on a1';
  if (nodeClass === undefined) return undefined;
  const { connectionTracking, cpuOptions } = nodeClass.spec;
  if (connectionTracking !== undefined && facts.hypervisor !== 'nitro') {
    return 'connectionTracking needs the Nitro hypervisor';
  }
  if (cpuOptions?.nestedVirtualization === 'enabled') {
    return 'the catalogue does not know which types support nested virtualization';
  }
  return interfaceConflict(facts, nodeClass);
}

/** Zones in which the node class has subnets; undefined if its status names none. */
export function subnetZones(nodeClass: EC2NodeClass | undefined): ReadonlySet<string> | undefined {
  const subnets = nodeClass?.status?.subnets ?? [];
  return subnets.length === 0 ? undefined : new Set(subnets.map(({ zone }) => zone));
}

/**
 * The interfaces that the node class configures against those of the type. The catalogue counts
 * interfaces on the default card only, so a further card is taken to exist where EFA interfaces,
 * of which a card has one, prove it.
 */
function interfaceConflict(facts: InstanceTypeFacts, nodeClass: EC2NodeClass): string | undefined {
  const interfaces = nodeClass.spec.networkInterfaces ?? [];
  const efaOnly = interfaces.filter(({ interfaceType }) => interfaceType === 'efa-only').length;
  if (efaOnly > facts.efaCount) {
    return `networkInterfaces ask for ${efaOnly} EFA interfaces, the type has ${facts.efaCount}`;
  }
  for (const { networkCardIndex, deviceIndex } of interfaces) {
    if (networkCardIndex > 0 && networkCardIndex >= facts.efaCount) {
      return `networkInterfaces name card ${networkCardIndex}, which the type is not known to have`;
    }
    if (networkCardIndex === 0 && deviceIndex >= facts.eniCountDefaultCard) {
      return `networkInterfaces name device ${deviceIndex} of a card with ${facts.eniCountDefaultCard} interfaces`;
    }
  }
  return undefined;
}
