/**
 * The objects of a cluster that is ready to be provisioned for.
 *
 * In: a cluster, zones. Out: a node class with a status as its controller would fill it, NodePools,
 * the DaemonSets that every cluster has. What `npm start` begins with unless manifests are given.
 */

import {
  labelArch,
  labelCapacityType,
  labelInstanceCategory,
  labelInstanceGeneration,
} from '../core/api/labels.ts';
import type { NodePoolRequirement } from '../core/api/nodepool.ts';
import type { SimulatedCluster } from './cluster/cluster.ts';

export interface SamplePool {
  readonly name: string;
  readonly requirements: readonly NodePoolRequirement[];
  readonly weight?: number;
  readonly limits?: Readonly<Record<string, string>>;
}

/** General work on either capacity type, accelerated work beside it. */
export const samplePools: readonly SamplePool[] = [
  {
    name: 'general',
    requirements: [
      { key: labelArch, operator: 'In', values: ['amd64'] },
      { key: labelCapacityType, operator: 'In', values: ['spot', 'on-demand'] },
      { key: labelInstanceCategory, operator: 'In', values: ['c', 'm', 'r'] },
      { key: labelInstanceGeneration, operator: 'Gt', values: ['4'] },
    ],
  },
  {
    name: 'accelerated',
    requirements: [
      { key: labelCapacityType, operator: 'In', values: ['on-demand'] },
      { key: labelInstanceCategory, operator: 'In', values: ['g', 'p'] },
    ],
  },
];

const nodeClassName = 'default';

/** @param zones where the node class has subnets */
export function installSamples(
  cluster: SimulatedCluster,
  zones: readonly string[],
  pools: readonly SamplePool[] = samplePools,
): void {
  installNodeClass(cluster, zones);
  for (const { name, requirements, weight, limits } of pools) {
    cluster.create('NodePool', {
      apiVersion: 'karpenter.sh/v1',
      kind: 'NodePool',
      metadata: { name },
      spec: {
        template: {
          spec: {
            requirements: [...requirements],
            nodeClassRef: {
              group: 'karpenter.k8s.aws',
              kind: 'EC2NodeClass',
              name: nodeClassName,
            },
            expireAfter: '720h',
          },
        },
        disruption: {
          consolidationPolicy: 'WhenEmptyOrUnderutilized',
          consolidateAfter: '30s',
          budgets: [{ nodes: '10%' }],
        },
        ...(weight === undefined ? {} : { weight }),
        ...(limits === undefined ? {} : { limits: { ...limits } }),
      },
    });
  }
  installDaemonSet(cluster, 'aws-node', '50m', '128Mi', 'system-node-critical');
  installDaemonSet(cluster, 'log-agent', '100m', '200Mi', undefined);
}

function installNodeClass(cluster: SimulatedCluster, zones: readonly string[]): void {
  const metadata = { name: nodeClassName };
  cluster.create('EC2NodeClass', {
    apiVersion: 'karpenter.k8s.aws/v1',
    kind: 'EC2NodeClass',
    metadata,
    spec: {
      amiSelectorTerms: [{ alias: 'al2023@latest' }],
      subnetSelectorTerms: [{ tags: { 'karpenter.sh/discovery': 'simulated' } }],
      securityGroupSelectorTerms: [{ tags: { 'karpenter.sh/discovery': 'simulated' } }],
      role: 'simulated-node',
    },
  });
  const status = {
    subnets: zones.map((zone, index) => ({ id: `subnet-${index}`, zone })),
    securityGroups: [{ id: 'sg-0' }],
    amis: [
      {
        id: 'ami-00000000000000000',
        name: 'simulated',
        requirements: [{ key: labelArch, operator: 'In' as const, values: ['amd64', 'arm64'] }],
      },
    ],
    instanceProfile: 'simulated-node',
    conditions: [{ type: 'Ready', status: 'True' as const, reason: 'Ready', message: '' }],
  };
  cluster.patch(
    'EC2NodeClass',
    metadata,
    { type: 'merge', body: { status } },
    { subresource: 'status' },
  );
}

function installDaemonSet(
  cluster: SimulatedCluster,
  name: string,
  cpu: string,
  memory: string,
  priorityClassName: string | undefined,
): void {
  const matchLabels = { app: name };
  cluster.create('DaemonSet', {
    metadata: { namespace: 'kube-system', name },
    spec: {
      selector: { matchLabels },
      template: {
        metadata: { labels: matchLabels },
        spec: {
          // As drivers and the CNI do: they come up on reserved nodes too.
          tolerations: [{ operator: 'Exists' }],
          containers: [{ name: 'main', resources: { requests: { cpu, memory } } }],
          ...(priorityClassName === undefined ? {} : { priorityClassName }),
        },
      },
    },
  });
}
