/**
 * What the scenarios put into a real cluster: a node class, pools, pods, Jobs, a DaemonSet.
 *
 * In: names and sizes. Out: objects as they are posted. Nothing is created here.
 */

export const podsPath = '/api/v1/namespaces/default/pods';
export const jobsPath = '/apis/batch/v1/namespaces/default/jobs';
export const deploymentsPath = '/apis/apps/v1/namespaces/default/deployments';
export const daemonSetsPath = '/apis/apps/v1/namespaces/kube-system/daemonsets';
export const budgetsPath = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';
export const nodePoolsPath = '/apis/karpenter.sh/v1/nodepools';
export const nodeClaimsPath = '/apis/karpenter.sh/v1/nodeclaims';
export const nodeClassesPath = '/apis/karpenter.k8s.aws/v1/ec2nodeclasses';

export const zones = ['us-east-1a', 'us-east-1b', 'us-east-1c'] as const;
const nodeClassName = 'default';

export const nodeClass = {
  apiVersion: 'karpenter.k8s.aws/v1',
  kind: 'EC2NodeClass',
  metadata: { name: nodeClassName },
  spec: {
    role: 'simulated-node',
    amiSelectorTerms: [{ alias: 'al2023@latest' }],
    subnetSelectorTerms: [{ tags: { 'karpenter.sh/discovery': 'simulated' } }],
    securityGroupSelectorTerms: [{ tags: { 'karpenter.sh/discovery': 'simulated' } }],
  },
};

/** As the controller of node classes will fill it. */
export function nodeClassStatus(now: string): object {
  return {
    subnets: zones.map((zone, index) => ({ id: `subnet-${index}`, zone })),
    securityGroups: [{ id: 'sg-0' }],
    amis: [
      {
        id: 'ami-00000000000000000',
        name: 'simulated',
        requirements: [{ key: 'kubernetes.io/arch', operator: 'In', values: ['amd64', 'arm64'] }],
      },
    ],
    instanceProfile: 'simulated-node',
    conditions: [
      { type: 'Ready', status: 'True', reason: 'Ready', message: '', lastTransitionTime: now },
    ],
  };
}

export interface PoolOptions {
  /** Beside those of every sample pool: amd64 and the capacity type. */
  readonly requirements?: readonly object[];
  /** By default on-demand. */
  readonly capacityType?: 'on-demand' | 'spot';
  /** By default middling types of recent families, so that a burst needs many nodes. */
  readonly instanceTypes?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly taints?: readonly object[];
  readonly limits?: Readonly<Record<string, string | number>>;
  /** How long a node stays empty. */
  readonly consolidateAfter?: string;
  readonly terminationGracePeriod?: string;
  readonly weight?: number;
}

const categories = [
  { key: 'karpenter.k8s.aws/instance-category', operator: 'In', values: ['c', 'm', 'r'] },
  { key: 'karpenter.k8s.aws/instance-generation', operator: 'Gt', values: ['5'] },
  { key: 'karpenter.k8s.aws/instance-cpu', operator: 'In', values: ['4', '8', '16'] },
];

export function nodePool(name: string, options: PoolOptions = {}): object {
  const { labels, taints, limits, weight, instanceTypes, terminationGracePeriod } = options;
  const { capacityType = 'on-demand' } = options;
  const types =
    instanceTypes === undefined
      ? categories
      : [{ key: 'node.kubernetes.io/instance-type', operator: 'In', values: instanceTypes }];
  return {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodePool',
    metadata: { name },
    spec: {
      template: {
        ...(labels === undefined ? {} : { metadata: { labels } }),
        spec: {
          requirements: [
            { key: 'kubernetes.io/arch', operator: 'In', values: ['amd64'] },
            { key: 'karpenter.sh/capacity-type', operator: 'In', values: [capacityType] },
            ...types,
            ...(options.requirements ?? []),
          ],
          nodeClassRef: { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass', name: nodeClassName },
          expireAfter: '720h',
          ...(taints === undefined ? {} : { taints }),
          ...(terminationGracePeriod === undefined ? {} : { terminationGracePeriod }),
        },
      },
      disruption: {
        consolidationPolicy: 'WhenEmpty',
        consolidateAfter: options.consolidateAfter ?? '2s',
        budgets: [{ nodes: '100%' }],
      },
      ...(limits === undefined ? {} : { limits }),
      ...(weight === undefined ? {} : { weight }),
    },
  };
}

export interface PodOptions {
  readonly cpu: string;
  readonly memory?: string;
  /** By default ours. */
  readonly schedulerName?: string;
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly tolerations?: readonly object[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The metadata and spec of a pod, for a pod of its own or a template. */
export function podTemplate(options: PodOptions): { metadata: object; spec: object } {
  const { cpu, memory = '256Mi', schedulerName = 'stowage', nodeSelector } = options;
  const { labels = {}, annotations = {}, tolerations } = options;
  return {
    metadata: { labels, annotations },
    spec: {
      schedulerName,
      containers: [{ name: 'main', image: 'main', resources: { requests: { cpu, memory } } }],
      ...(nodeSelector === undefined ? {} : { nodeSelector }),
      ...(tolerations === undefined ? {} : { tolerations }),
    },
  };
}

/** A Deployment; its pods run for ever. */
export function deployment(name: string, replicas: number, options: PodOptions): object {
  const template = podTemplate({ ...options, labels: { ...options.labels, app: name } });
  return { metadata: { name }, spec: { replicas, selector: matching(name), template } };
}

/** A Job whose pods take `runMs` each and are kept until the Job is deleted. */
export function job(name: string, pods: number, runMs: number, options: PodOptions): object {
  const annotations = { ...options.annotations, 'sim/run-duration': `${runMs}ms` };
  const labels = { ...options.labels, app: name };
  const { metadata, spec } = podTemplate({ ...options, labels, annotations });
  return {
    metadata: { name, labels: { app: name } },
    spec: {
      parallelism: pods,
      completions: pods,
      backoffLimit: pods,
      template: { metadata, spec: { ...spec, restartPolicy: 'Never' } },
    },
  };
}

/** As drivers and the CNI are: small, everywhere, also on reserved nodes. */
export function daemonSet(name: string): object {
  const template = podTemplate({
    cpu: '50m',
    memory: '64Mi',
    schedulerName: 'default-scheduler',
    tolerations: [{ operator: 'Exists' }],
    labels: { app: name },
  });
  return { metadata: { name }, spec: { selector: matching(name), template } };
}

export function disruptionBudget(name: string, minAvailable: number): object {
  return { metadata: { name }, spec: { minAvailable, selector: matching(name) } };
}

function matching(app: string): object {
  return { matchLabels: { app } };
}
