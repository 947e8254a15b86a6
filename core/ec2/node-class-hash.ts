/**
 * The part of an EC2NodeClass that its nodes are made from, as one number.
 *
 * In: an EC2NodeClass. Out: a hash that changes if and only if nodes launched before differ from those
 * launched now in what the class itself says. Selectors are left out: whether a node drifted from what
 * they find is seen by its subnet, groups and image. So is `ipPrefixCount`, as in Karpenter. The
 * number is not Karpenter's, hence a version of our own.
 */
import type { EC2NodeClass } from '../api/ec2nodeclass.ts';
import { annotationNodeClassHash, annotationNodeClassHashVersion } from '../api/labels.ts';
import { fnv1a } from '../nodepool-status/nodepool-hash.ts';
import { amiFamily } from '../scheduling/ami-family.ts';

/** Value of `karpenter.k8s.aws/ec2nodeclass-hash-version`. */
export const nodeClassHashVersion = 'stowage-v1';

const selectors: ReadonlySet<string> = new Set([
  'amiFamily',
  'amiSelectorTerms',
  'capacityReservationSelectorTerms',
  'ipPrefixCount',
  'securityGroupSelectorTerms',
  'subnetSelectorTerms',
]);

/** Value of `karpenter.k8s.aws/ec2nodeclass-hash`: an unsigned decimal. */
export function nodeClassHash(nodeClass: EC2NodeClass): string {
  const fields = Object.entries(nodeClass.spec).filter(([field]) => !selectors.has(field));
  return fnv1a(canonical([amiFamily(nodeClass).name, Object.fromEntries(fields)]));
}

/** Annotations of a class, and of claims that are launched from it. */
export function nodeClassHashAnnotations(nodeClass: EC2NodeClass): Record<string, string> {
  return {
    [annotationNodeClassHash]: nodeClassHash(nodeClass),
    [annotationNodeClassHashVersion]: nodeClassHashVersion,
  };
}

/** JSON with sorted keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
