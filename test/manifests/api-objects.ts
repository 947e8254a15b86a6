/**
 * Objects of the product's API that the API server should take, and changes that it should refuse.
 *
 * Each refusal names the change, and what the server has to say about it.
 */

/** A change of one field; undefined removes it. */
export interface Refusal {
  readonly name: string;
  readonly field: string;
  readonly value: unknown;
  readonly message: RegExp;
}

type Fields = Record<string, unknown>;

/** The object with another value in one field; members of lists are named by index. */
export function withField(object: object, path: string, value: unknown): object {
  const [head = '', ...rest] = path.split('/');
  const copy: Fields = Array.isArray(object) ? ([...object] as unknown as Fields) : { ...object };
  if (rest.length > 0) {
    copy[head] = withField(copy[head] ?? {}, rest.join('/'), value);
  } else if (value === undefined) {
    delete copy[head];
  } else {
    copy[head] = value;
  }
  return copy;
}

const requirement = { key: 'kubernetes.io/arch', operator: 'In', values: ['amd64'] };

export const nodePool = {
  apiVersion: 'karpenter.sh/v1',
  kind: 'NodePool',
  metadata: { name: 'pool' },
  spec: {
    weight: 10,
    limits: { cpu: 1000, memory: '1000Gi', 'nvidia.com/gpu': '8' },
    template: {
      metadata: { labels: { team: 'a' }, annotations: { note: 'any text' } },
      spec: {
        nodeClassRef: { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass', name: 'default' },
        requirements: [
          requirement,
          { key: 'karpenter.sh/capacity-type', operator: 'In', values: ['spot', 'on-demand'] },
          {
            key: 'karpenter.k8s.aws/instance-category',
            operator: 'In',
            values: ['c'],
            minValues: 1,
          },
          { key: 'karpenter.k8s.aws/instance-generation', operator: 'Gte', values: ['5'] },
          { key: 'example.com/any', operator: 'Exists' },
        ],
        taints: [{ key: 'example.com/a', value: 'b', effect: 'NoSchedule' }],
        startupTaints: [{ key: 'cni', effect: 'NoExecute' }],
        terminationGracePeriod: '1h30m',
        expireAfter: 'Never',
      },
    },
    disruption: {
      consolidationPolicy: 'Balanced',
      consolidateAfter: '30s',
      budgets: [
        { nodes: '5' },
        { nodes: '0%', schedule: '@daily', duration: '8h30m', reasons: ['Drifted', 'Empty'] },
        { nodes: '100%', schedule: '0 9 * * 1-5', duration: '10m' },
      ],
    },
  },
};

const template = 'spec/template/spec';

export const nodePoolRefusals: readonly Refusal[] = [
  {
    name: 'a label of Karpenter’s domain',
    field: 'spec/template/metadata/labels',
    value: { 'karpenter.sh/initialized': 'true' },
    message: /labels of karpenter\.sh belong to the controllers/,
  },
  {
    name: 'a label of a domain below Karpenter’s',
    field: 'spec/template/metadata/labels',
    value: { 'sub.karpenter.sh/x': 'y' },
    message: /labels of karpenter\.sh belong/,
  },
  {
    name: 'the label of the pool',
    field: 'spec/template/metadata/labels',
    value: { 'karpenter.sh/nodepool': 'other' },
    message: /labels of karpenter\.sh belong/,
  },
  {
    name: 'a label of the provider’s domain',
    field: 'spec/template/metadata/labels',
    value: { 'karpenter.k8s.aws/other': 'x' },
    message: /labels of karpenter\.k8s\.aws belong/,
  },
  {
    name: 'the hostname as label',
    field: 'spec/template/metadata/labels',
    value: { 'kubernetes.io/hostname': 'x' },
    message: /kubernetes\.io\/hostname belongs to the kubelet/,
  },
  {
    name: 'a label value that is too long',
    field: 'spec/template/metadata/labels',
    value: { a: 'x'.repeat(64) },
    message: /Too long|63/,
  },
  {
    name: 'a requirement on the pool',
    field: `${template}/requirements/0/key`,
    value: 'karpenter.sh/nodepool',
    message: /labels of karpenter\.sh belong/,
  },
  {
    name: 'a requirement on the hostname',
    field: `${template}/requirements/0/key`,
    value: 'kubernetes.io/hostname',
    message: /belongs to the kubelet/,
  },
  {
    name: 'a key that is no qualified name',
    field: `${template}/requirements/0/key`,
    value: 'a/b/c',
    message: /should match/,
  },
  {
    name: 'an operator that there is not',
    field: `${template}/requirements/0/operator`,
    value: 'Within',
    message: /Unsupported value: "Within"/,
  },
  {
    name: 'In without values',
    field: `${template}/requirements/0/values`,
    value: [],
    message: /operator In needs at least one value/,
  },
  {
    name: 'In with values left out',
    field: `${template}/requirements/0/values`,
    value: undefined,
    message: /operator In needs at least one value/,
  },
  {
    name: 'Gt with a word',
    field: `${template}/requirements/0`,
    value: { ...requirement, operator: 'Gt', values: ['many'] },
    message: /needs exactly one integer/,
  },
  {
    name: 'Gte with two values',
    field: `${template}/requirements/0`,
    value: { ...requirement, operator: 'Gte', values: ['1', '2'] },
    message: /needs exactly one integer/,
  },
  {
    name: 'more minValues than values',
    field: `${template}/requirements/0/minValues`,
    value: 2,
    message: /minValues needs at least that many values/,
  },
  {
    name: 'minValues above 50',
    field: `${template}/requirements/0/minValues`,
    value: 51,
    message: /less than or equal to 50/,
  },
  {
    name: 'more than 100 requirements',
    field: `${template}/requirements`,
    value: Array.from({ length: 101 }, () => requirement),
    message: /Too many: 101/,
  },
  {
    name: 'no requirements at all',
    field: `${template}/requirements`,
    value: undefined,
    message: /requirements: Required value/,
  },
  {
    name: 'a node class without a group',
    field: `${template}/nodeClassRef/group`,
    value: '',
    message: /group/,
  },
  {
    name: 'a group with a version',
    field: `${template}/nodeClassRef/group`,
    value: 'karpenter.k8s.aws/v1',
    message: /should match/,
  },
  {
    name: 'a taint without an effect',
    field: `${template}/taints/0/effect`,
    value: undefined,
    message: /effect: Required value/,
  },
  {
    name: 'a taint whose effect there is not',
    field: `${template}/taints/0/effect`,
    value: 'Never',
    message: /Unsupported value/,
  },
  {
    name: 'a grace period in days',
    field: `${template}/terminationGracePeriod`,
    value: '1d',
    message: /should match/,
  },
  {
    name: 'an age of never',
    field: `${template}/expireAfter`,
    value: 'never',
    message: /should match/,
  },
  {
    name: 'a consolidation policy that there is not',
    field: 'spec/disruption/consolidationPolicy',
    value: 'Always',
    message: /Unsupported value/,
  },
  {
    name: 'a schedule without a duration',
    field: 'spec/disruption/budgets/1/duration',
    value: undefined,
    message: /schedule and duration go together/,
  },
  {
    name: 'a duration without a schedule',
    field: 'spec/disruption/budgets/1/schedule',
    value: undefined,
    message: /schedule and duration go together/,
  },
  {
    name: 'a budget of 101 %',
    field: 'spec/disruption/budgets/0/nodes',
    value: '101%',
    message: /should match/,
  },
  {
    name: 'a schedule of four fields',
    field: 'spec/disruption/budgets/1/schedule',
    value: '0 9 * *',
    message: /should match/,
  },
  {
    name: 'a budget for a reason that there is not',
    field: 'spec/disruption/budgets/1/reasons',
    value: ['Bored'],
    message: /Unsupported value/,
  },
  {
    name: 'the same reason twice',
    field: 'spec/disruption/budgets/1/reasons',
    value: ['Empty', 'Empty'],
    message: /Duplicate value/,
  },
  { name: 'a weight of 0', field: 'spec/weight', value: 0, message: /greater than or equal to 1/ },
  {
    name: 'a weight of 101',
    field: 'spec/weight',
    value: 101,
    message: /less than or equal to 100/,
  },
  {
    name: 'a limit in words',
    field: 'spec/limits',
    value: { cpu: 'many' },
    message: /should match/,
  },
  { name: 'a limit below 0', field: 'spec/limits', value: { cpu: '-1' }, message: /should match/ },
  {
    name: 'replicas beside a weight',
    field: 'spec',
    value: { ...nodePool.spec, limits: undefined, replicas: 3 },
    message: /a pool with replicas has no weight/,
  },
  {
    name: 'replicas beside a limit of cpu',
    field: 'spec',
    value: { ...nodePool.spec, weight: undefined, replicas: 3 },
    message: /can limit nothing but nodes/,
  },
  { name: 'no spec', field: 'spec', value: undefined, message: /spec: Required value/ },
];

export const nodeClaim = {
  apiVersion: 'karpenter.sh/v1',
  kind: 'NodeClaim',
  metadata: { name: 'claim', labels: { 'karpenter.sh/nodepool': 'pool' } },
  spec: {
    nodeClassRef: { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass', name: 'default' },
    requirements: [
      { key: 'karpenter.sh/nodepool', operator: 'In', values: ['pool'] },
      { key: 'node.kubernetes.io/instance-type', operator: 'In', values: ['m7i.large'] },
    ],
    resources: { requests: { cpu: '1500m', memory: '3Gi', pods: '4' } },
  },
};

export const nodeClass = {
  kind: 'EC2NodeClass',
  metadata: { name: 'class' },
  spec: {
    role: 'NodeRole',
    amiSelectorTerms: [{ alias: 'al2023@latest' }],
    subnetSelectorTerms: [{ tags: { discovery: 'a', any: '*' } }, { id: 'subnet-0123' }],
    securityGroupSelectorTerms: [{ tags: { discovery: 'a' } }, { name: 'nodes' }, { id: 'sg-01' }],
    capacityReservationSelectorTerms: [{ id: 'cr-01' }, { ownerID: '123456789012' }],
    placementGroupSelector: { name: 'group' },
    networkInterfaces: [
      { networkCardIndex: 0, deviceIndex: 0, interfaceType: 'interface' },
      { networkCardIndex: 0, deviceIndex: 1, interfaceType: 'efa-only' },
      { networkCardIndex: 1, deviceIndex: 1, interfaceType: 'efa-only' },
    ],
    amiFamily: 'AL2023',
    tags: { team: 'a' },
    kubelet: {
      maxPods: 110,
      kubeReserved: { cpu: '100m', memory: '1Gi' },
      evictionSoft: { 'memory.available': '5%' },
      evictionSoftGracePeriod: { 'memory.available': '1m30s' },
      imageGCHighThresholdPercent: 85,
      imageGCLowThresholdPercent: 80,
      topologyManagerPolicy: 'single-numa-node',
    },
    blockDeviceMappings: [
      { deviceName: '/dev/xvda', rootVolume: true, ebs: { volumeSize: '59000Gi', iops: 3000 } },
      { deviceName: '/dev/xvdb', ebs: { snapshotID: 'snap-1', volumeInitializationRate: 200 } },
    ],
    connectionTracking: { udpTimeout: 30 },
  },
};

const { amiFamily: _amiFamily, ...specWithoutFamily } = nodeClass.spec;

export const nodeClassRefusals: readonly Refusal[] = [
  {
    name: 'role and instance profile',
    field: 'spec/instanceProfile',
    value: 'profile',
    message: /either role or instanceProfile is needed, not both/,
  },
  {
    name: 'neither role nor instance profile',
    field: 'spec/role',
    value: undefined,
    message: /either role or instanceProfile/,
  },
  { name: 'an empty role', field: 'spec/role', value: '', message: /spec\.role/ },
  {
    name: 'no subnets',
    field: 'spec/subnetSelectorTerms',
    value: [],
    message: /should have at least 1 items/,
  },
  {
    name: 'a subnet term that says nothing',
    field: 'spec/subnetSelectorTerms/0',
    value: {},
    message: /every term needs at least one of tags, id/,
  },
  {
    name: 'a subnet by id and tags',
    field: 'spec/subnetSelectorTerms/0',
    value: { id: 'subnet-1', tags: { a: 'b' } },
    message: /id stands alone/,
  },
  {
    name: 'a tag without a value',
    field: 'spec/subnetSelectorTerms/0',
    value: { tags: { a: '' } },
    message: /tags have a key and a value|spec\.subnetSelectorTerms/,
  },
  {
    name: 'more than 20 tags',
    field: 'spec/subnetSelectorTerms/0/tags',
    value: Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`k${index}`, 'v'])),
    message: /Too many|must have at most 20/,
  },
  {
    name: 'an id that is none',
    field: 'spec/subnetSelectorTerms/1/id',
    value: 'vpc-1',
    message: /should match/,
  },
  {
    name: 'a security group by name and id',
    field: 'spec/securityGroupSelectorTerms/1',
    value: { name: 'a', id: 'sg-1' },
    message: /stands alone/,
  },
  {
    name: 'a reservation by id and owner',
    field: 'spec/capacityReservationSelectorTerms/0/ownerID',
    value: '123456789012',
    message: /id stands alone/,
  },
  {
    name: 'an owner that is no account',
    field: 'spec/capacityReservationSelectorTerms/1/ownerID',
    value: '123',
    message: /should match/,
  },
  {
    name: 'a placement group by name and id',
    field: 'spec/placementGroupSelector/id',
    value: 'pg-1',
    message: /by name or by id/,
  },
  {
    name: 'interfaces without a primary one',
    field: 'spec/networkInterfaces/0/deviceIndex',
    value: 2,
    message: /card 0, device 0 is there/,
  },
  {
    name: 'two interfaces in one place',
    field: 'spec/networkInterfaces/2',
    value: { networkCardIndex: 0, deviceIndex: 1, interfaceType: 'interface' },
    message: /same card and device/,
  },
  {
    name: 'two interfaces for EFA on one card',
    field: 'spec/networkInterfaces/2/networkCardIndex',
    value: 0,
    message: /at most one interface of type efa-only|same card and device/,
  },
  {
    name: 'an alias of a family that there is not',
    field: 'spec/amiSelectorTerms/0/alias',
    value: 'debian@latest',
    message: /should match/,
  },
  {
    name: 'an alias without a version',
    field: 'spec/amiSelectorTerms/0/alias',
    value: 'al2023',
    message: /should match/,
  },
  {
    name: 'an old version of Windows',
    field: 'spec',
    value: { ...specWithoutFamily, amiSelectorTerms: [{ alias: 'windows2022@v1' }] },
    message: /only the latest version can be named/,
  },
  {
    name: 'an alias beside another term',
    field: 'spec/amiSelectorTerms',
    value: [{ alias: 'al2023@latest' }, { id: 'ami-1' }],
    message: /an alias is the only term/,
  },
  {
    name: 'an image by id and name',
    field: 'spec/amiSelectorTerms',
    value: [{ id: 'ami-1', name: 'a' }],
    message: /id stands alone/,
  },
  {
    name: 'an image by owner only',
    field: 'spec/amiSelectorTerms',
    value: [{ owner: 'self' }],
    message: /every term needs at least one of/,
  },
  {
    name: 'no family where there is no alias',
    field: 'spec',
    value: { ...specWithoutFamily, amiSelectorTerms: [{ id: 'ami-1' }] },
    message: /amiFamily is needed where no alias is given/,
  },
  {
    name: 'a family other than the alias',
    field: 'spec/amiFamily',
    value: 'Bottlerocket',
    message: /with an alias of al2023, amiFamily is AL2023, Custom or left out/,
  },
  {
    name: 'a tag of the controllers',
    field: 'spec/tags',
    value: { 'karpenter.sh/nodepool': 'x' },
    message: /the controllers set the tags/,
  },
  {
    name: 'a tag of the cluster',
    field: 'spec/tags',
    value: { 'kubernetes.io/cluster/a': 'owned' },
    message: /the controllers set the tags/,
  },
  {
    name: 'a tag without a key',
    field: 'spec/tags',
    value: { '': 'x' },
    message: /a tag has a key/,
  },
  {
    name: 'a soft eviction without a grace period',
    field: 'spec/kubelet/evictionSoftGracePeriod',
    value: undefined,
    message: /needs a grace period/,
  },
  {
    name: 'a grace period without its signal',
    field: 'spec/kubelet/evictionSoft',
    value: undefined,
    message: /needs its signal/,
  },
  {
    name: 'an eviction signal that there is not',
    field: 'spec/kubelet/evictionHard',
    value: { 'cpu.available': '5%' },
    message: /keys are among memory\.available/,
  },
  {
    name: 'a reservation of GPUs',
    field: 'spec/kubelet/kubeReserved',
    value: { 'nvidia.com/gpu': '1' },
    message: /keys are among cpu, memory/,
  },
  {
    name: 'image thresholds the wrong way round',
    field: 'spec/kubelet/imageGCHighThresholdPercent',
    value: 80,
    message: /is above imageGCLowThresholdPercent/,
  },
  {
    name: 'a volume without size and snapshot',
    field: 'spec/blockDeviceMappings/0/ebs',
    value: { iops: 3000 },
    message: /needs snapshotID or volumeSize/,
  },
  {
    name: 'an initialization rate without a snapshot',
    field: 'spec/blockDeviceMappings/1/ebs',
    value: { volumeSize: '10Gi', volumeInitializationRate: 200 },
    message: /volumeInitializationRate needs snapshotID/,
  },
  {
    name: 'a volume that is too large in Gi',
    field: 'spec/blockDeviceMappings/0/ebs/volumeSize',
    value: '59001Gi',
    message: /at most 59000Gi or 64000G/,
  },
  {
    name: 'a volume that is too large in T',
    field: 'spec/blockDeviceMappings/0/ebs/volumeSize',
    value: '65T',
    message: /at most 59000Gi or 64000G/,
  },
  {
    name: 'a volume of nothing',
    field: 'spec/blockDeviceMappings/0/ebs/volumeSize',
    value: '0Gi',
    message: /is above 0/,
  },
  {
    name: 'two root volumes',
    field: 'spec/blockDeviceMappings/1/rootVolume',
    value: true,
    message: /at most one mapping is the root volume/,
  },
  {
    name: 'connection tracking that says nothing',
    field: 'spec/connectionTracking',
    value: {},
    message: /should have at least 1 propert/,
  },
  {
    name: 'a hop limit of 65',
    field: 'spec/metadataOptions',
    value: { httpPutResponseHopLimit: 65 },
    message: /less than or equal to 64/,
  },
];
