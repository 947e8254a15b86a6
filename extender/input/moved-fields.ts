/**
 * Fields of earlier API versions, and where their meaning lives now.
 *
 * In: the path of an unknown field. Out: a hint for people who bring manifests of
 * `karpenter.sh/v1beta1`. It converts nothing.
 */
const moved: ReadonlyMap<string, string> = new Map([
  [
    'spec.template.spec.kubelet',
    'since v1 kubelet settings are in spec.kubelet of the EC2NodeClass',
  ],
  ['spec.template.spec.resources', 'NodePools carry no requests; they follow from the pods'],
  ['spec.disruption.expireAfter', 'since v1 it is spec.template.spec.expireAfter'],
  ['spec.ttlSecondsAfterEmpty', 'since v1beta1 it is spec.disruption.consolidateAfter'],
  ['spec.ttlSecondsUntilExpired', 'since v1 it is spec.template.spec.expireAfter'],
  ['spec.provider', 'since v1beta1 it is an EC2NodeClass named by spec.template.spec.nodeClassRef'],
  ['spec.providerRef', 'since v1beta1 it is spec.template.spec.nodeClassRef'],
  ['spec.requirements', 'since v1beta1 it is spec.template.spec.requirements'],
  ['spec.taints', 'since v1beta1 it is spec.template.spec.taints'],
  ['spec.labels', 'since v1beta1 it is spec.template.metadata.labels'],
  ['spec.consolidation', 'since v1beta1 it is spec.disruption.consolidationPolicy'],
  [
    'spec.template.spec.nodeClassRef.apiVersion',
    'since v1 the reference names a group without version (group: karpenter.k8s.aws)',
  ],
  ['spec.launchTemplate', 'launch templates of your own are not supported since v1beta1'],
  ['spec.subnetSelector', 'since v1beta1 it is spec.subnetSelectorTerms'],
  ['spec.securityGroupSelector', 'since v1beta1 it is spec.securityGroupSelectorTerms'],
  ['spec.amiSelector', 'since v1beta1 it is spec.amiSelectorTerms'],
]);

/** The hint for an unknown field `name` of the mapping at `path`, if there is one. */
export function movedField(path: string, name: string): string | undefined {
  return moved.get(`${path}.${name}`);
}
