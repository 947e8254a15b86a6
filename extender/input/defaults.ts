/**
 * The NodePool and the EC2NodeClass that a plan rests on when the input has none.
 *
 * Out: objects like those of Karpenter's getting-started guide, on-demand only, and the sentences
 * that tell the user about them.
 */
import type { EC2NodeClass } from '../../core/api/ec2nodeclass.ts';
import {
  karpenterAwsGroup,
  labelArch,
  labelCapacityType,
  labelInstanceCategory,
  labelInstanceGeneration,
  labelOs,
} from '../../core/api/labels.ts';
import type { NodePool } from '../../core/api/nodepool.ts';

/** The pool of a plan whose input has no NodePool. */
export function defaultNodePool(): NodePool {
  return {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodePool',
    metadata: { name: 'default' },
    spec: {
      template: {
        spec: {
          nodeClassRef: { group: karpenterAwsGroup, kind: 'EC2NodeClass', name: 'default' },
          requirements: [
            { key: labelArch, operator: 'In', values: ['amd64'] },
            { key: labelOs, operator: 'In', values: ['linux'] },
            { key: labelCapacityType, operator: 'In', values: ['on-demand'] },
            { key: labelInstanceCategory, operator: 'In', values: ['c', 'm', 'r'] },
            { key: labelInstanceGeneration, operator: 'Gt', values: ['2'] },
          ],
        },
      },
    },
  };
}

/** What the user is told when {@link defaultNodePool} is used. */
export const defaultNodePoolNote =
  'The input has no NodePool; assumed one named "default": linux, amd64, on-demand, instance categories c, m and r above generation 2.';

/** The class of a pool that refers to one that is not in the input. */
export function defaultNodeClass(group: string, name: string): EC2NodeClass {
  return {
    apiVersion: group === karpenterAwsGroup ? 'karpenter.k8s.aws/v1' : 'stowage.dev/v1',
    kind: 'EC2NodeClass',
    metadata: { name },
    spec: {
      amiSelectorTerms: [{ alias: 'al2023@latest' }],
      subnetSelectorTerms: [{ tags: { 'karpenter.sh/discovery': '*' } }],
      securityGroupSelectorTerms: [{ tags: { 'karpenter.sh/discovery': '*' } }],
      role: 'stowage-node',
    },
  };
}

/** What the user is told when {@link defaultNodeClass} is used. */
export function defaultNodeClassNote(name: string): string {
  return `The input has no EC2NodeClass "${name}"; assumed AL2023 with the default kubelet settings and a root volume of 20Gi.`;
}
