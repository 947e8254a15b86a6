/**
 * Descriptions and CEL rules of EC2NodeClass, the same for both of its groups.
 *
 * In: nothing. Out: notes by field path. Rules follow the published API of `karpenter.k8s.aws/v1`
 * and are those of `ec2nodeclass-rules.ts`, as far as CEL can say them; the words are ours.
 */
import { conditionNotes } from './shared-notes.ts';
import type { CelRule, FieldNotes } from './structural-schema.ts';

const tagsRule: CelRule = {
  rule: "self.all(k, k != '' && self[k] != '')",
  message: 'tags have a key and a value',
};
const tagLength = { maxLength: 256 };

function tagNotes(path: string): FieldNotes {
  return {
    [path]: { description: 'Tags that it must carry; the value * means any.', rules: [tagsRule] },
    [`${path}{}`]: { description: 'Value of the tag.', keywords: tagLength },
  };
}

/** Every term says something. */
function someOf(fields: readonly string[]): CelRule {
  const has = fields.map((field) => `has(x.${field})`).join(' || ');
  return {
    rule: `self.all(x, ${has})`,
    message: `every term needs at least one of ${fields.join(', ')}`,
  };
}

/** What identifies alone stands alone. */
function alone(field: string, others: readonly string[]): CelRule {
  const any = others.map((other) => `has(x.${other})`).join(' || ');
  return {
    rule: `self.all(x, !has(x.${field}) || !(${any}))`,
    message: `${field} stands alone in its term`,
  };
}

const amiFamilies = ['AL2', 'AL2023', 'Bottlerocket', 'Windows2019', 'Windows2022', 'Windows2025'];

const amiFamilyRules: readonly CelRule[] = [
  {
    rule: 'has(self.amiFamily) || self.amiSelectorTerms.exists(x, has(x.alias))',
    message: 'amiFamily is needed where no alias is given',
  },
  ...amiFamilies.map((family) => ({
    rule: `!has(self.amiFamily) || self.amiFamily in ['${family}', 'Custom'] || !self.amiSelectorTerms.exists(x, has(x.alias) && x.alias.startsWith('${family.toLowerCase()}@'))`,
    message: `with an alias of ${family.toLowerCase()}, amiFamily is ${family}, Custom or left out`,
  })),
];

const reservedTags = [
  'eks:eks-cluster-name',
  'karpenter.sh/nodepool',
  'karpenter.sh/nodeclaim',
  'karpenter.k8s.aws/ec2nodeclass',
];

const evictionSignals = [
  'memory.available',
  'nodefs.available',
  'nodefs.inodesFree',
  'imagefs.available',
  'imagefs.inodesFree',
  'pid.available',
];
const reservedResources = ['cpu', 'memory', 'ephemeral-storage', 'pid'];

function mapNotes(path: string, description: string, keys: readonly string[]): FieldNotes {
  const list = keys.map((key) => `'${key}'`).join(', ');
  return {
    [path]: {
      description,
      keywords: { maxProperties: keys.length },
      rules: [
        { rule: `self.all(k, k in [${list}])`, message: `keys are among ${keys.join(', ')}` },
      ],
    },
    [`${path}{}`]: { description: 'Value of the key.' },
  };
}

const kubeletNotes: FieldNotes = {
  'spec.kubelet': {
    description: 'Configuration of the kubelet; fields that are not listed are passed on unread.',
    rules: [
      {
        rule: '!has(self.evictionSoft) || (has(self.evictionSoftGracePeriod) && self.evictionSoft.all(k, k in self.evictionSoftGracePeriod))',
        message: 'every signal in evictionSoft needs a grace period',
      },
      {
        rule: '!has(self.evictionSoftGracePeriod) || (has(self.evictionSoft) && self.evictionSoftGracePeriod.all(k, k in self.evictionSoft))',
        message: 'every grace period needs its signal in evictionSoft',
      },
      {
        rule: '!has(self.imageGCHighThresholdPercent) || !has(self.imageGCLowThresholdPercent) || self.imageGCHighThresholdPercent > self.imageGCLowThresholdPercent',
        message: 'imageGCHighThresholdPercent is above imageGCLowThresholdPercent',
      },
    ],
  },
  'spec.kubelet.clusterDNS': { description: 'Addresses of the cluster’s DNS servers.' },
  'spec.kubelet.clusterDNS[]': { description: 'An address.' },
  'spec.kubelet.maxPods': { description: 'Pods per node, instead of what its interfaces allow.' },
  'spec.kubelet.podsPerCore': { description: 'Pods per vCPU, where that is fewer.' },
  ...mapNotes(
    'spec.kubelet.systemReserved',
    'Kept from pods for the operating system.',
    reservedResources,
  ),
  ...mapNotes('spec.kubelet.kubeReserved', 'Kept from pods for Kubernetes.', reservedResources),
  ...mapNotes('spec.kubelet.evictionHard', 'Below this pods are evicted at once.', evictionSignals),
  ...mapNotes(
    'spec.kubelet.evictionSoft',
    'Below this pods are evicted after a grace period.',
    evictionSignals,
  ),
  ...mapNotes(
    'spec.kubelet.evictionSoftGracePeriod',
    'Grace period of each signal in evictionSoft.',
    evictionSignals,
  ),
  'spec.kubelet.evictionMaxPodGracePeriod': {
    description: 'Longest grace period, in seconds, of pods that are evicted softly.',
  },
  'spec.kubelet.imageGCHighThresholdPercent': {
    description: 'Disk use above which unused images are always removed.',
  },
  'spec.kubelet.imageGCLowThresholdPercent': {
    description: 'Disk use below which unused images are never removed.',
  },
  'spec.kubelet.cpuCFSQuota': { description: 'Whether CPU limits are enforced.' },
};

const blockDeviceNotes: FieldNotes = {
  'spec.blockDeviceMappings': {
    description: 'Volumes of the instances, instead of those of the AMI family.',
    rules: [
      {
        rule: 'self.filter(x, has(x.rootVolume) && x.rootVolume).size() <= 1',
        message: 'at most one mapping is the root volume',
      },
    ],
  },
  'spec.blockDeviceMappings[]': { description: 'A volume.' },
  'spec.blockDeviceMappings[].deviceName': { description: 'Name of the device.' },
  'spec.blockDeviceMappings[].rootVolume': {
    description: 'Marks the volume whose size is the node’s ephemeral storage.',
  },
  'spec.blockDeviceMappings[].ebs': {
    description: 'The EBS volume.',
    rules: [
      {
        rule: 'has(self.snapshotID) || has(self.volumeSize)',
        message: 'a volume needs snapshotID or volumeSize',
      },
      {
        rule: "!has(self.volumeInitializationRate) || (has(self.snapshotID) && self.snapshotID != '')",
        message: 'volumeInitializationRate needs snapshotID',
      },
      {
        rule: "!has(self.volumeSize) || (quantity(self.volumeSize).isGreaterThan(quantity('0')) && quantity(self.volumeSize).compareTo(quantity(self.volumeSize.endsWith('i') ? '59000Gi' : '64000G')) <= 0)",
        message: 'volumeSize is above 0 and at most 59000Gi or 64000G',
      },
    ],
  },
  'spec.blockDeviceMappings[].ebs.deleteOnTermination': {
    description: 'Whether the volume goes with its instance.',
  },
  'spec.blockDeviceMappings[].ebs.encrypted': { description: 'Whether it is encrypted.' },
  'spec.blockDeviceMappings[].ebs.iops': { description: 'Operations per second.' },
  'spec.blockDeviceMappings[].ebs.kmsKeyID': { description: 'Key that it is encrypted with.' },
  'spec.blockDeviceMappings[].ebs.snapshotID': { description: 'Snapshot that it is made from.' },
  'spec.blockDeviceMappings[].ebs.throughput': { description: 'Throughput in MiB per second.' },
  'spec.blockDeviceMappings[].ebs.volumeInitializationRate': {
    description: 'MiB per second at which the snapshot is loaded.',
  },
  'spec.blockDeviceMappings[].ebs.volumeSize': {
    description: 'Size, in Gi, G, Ti or T.',
    // As long as its pattern allows, said once more for the cost estimate of the rule above.
    keywords: { maxLength: 7 },
  },
  'spec.blockDeviceMappings[].ebs.volumeType': { description: 'Type of the volume.' },
};

const selectorNotes: FieldNotes = {
  'spec.subnetSelectorTerms': {
    description: 'Subnets that nodes may be launched in: those that any term selects.',
    rules: [someOf(['tags', 'id']), alone('id', ['tags'])],
  },
  'spec.subnetSelectorTerms[]': { description: 'Selects subnets; all its fields must hold.' },
  ...tagNotes('spec.subnetSelectorTerms[].tags'),
  'spec.subnetSelectorTerms[].id': { description: 'Id of the subnet.' },
  'spec.securityGroupSelectorTerms': {
    description: 'Security groups of the nodes: all that any term selects.',
    rules: [
      someOf(['tags', 'id', 'name']),
      alone('id', ['tags', 'name']),
      alone('name', ['tags', 'id']),
    ],
  },
  'spec.securityGroupSelectorTerms[]': { description: 'Selects security groups.' },
  ...tagNotes('spec.securityGroupSelectorTerms[].tags'),
  'spec.securityGroupSelectorTerms[].id': { description: 'Id of the security group.' },
  'spec.securityGroupSelectorTerms[].name': { description: 'Name of the security group.' },
  'spec.capacityReservationSelectorTerms': {
    description: 'Capacity reservations that nodes may use.',
    rules: [
      someOf(['tags', 'id', 'ownerID', 'instanceMatchCriteria']),
      alone('id', ['tags', 'ownerID', 'instanceMatchCriteria']),
    ],
  },
  'spec.capacityReservationSelectorTerms[]': { description: 'Selects reservations.' },
  ...tagNotes('spec.capacityReservationSelectorTerms[].tags'),
  'spec.capacityReservationSelectorTerms[].id': { description: 'Id of the reservation.' },
  'spec.capacityReservationSelectorTerms[].ownerID': { description: 'Account that owns it.' },
  'spec.capacityReservationSelectorTerms[].instanceMatchCriteria': {
    description:
      'Whether any instance that fits uses it (open) or only those that name it (targeted).',
  },
  'spec.placementGroupSelector': {
    description: 'Placement group that nodes are launched into.',
    rules: [
      {
        rule: 'has(self.name) != has(self.id)',
        message: 'a placement group is selected by name or by id',
      },
    ],
  },
  'spec.placementGroupSelector.name': { description: 'Name of the placement group.' },
  'spec.placementGroupSelector.id': { description: 'Id of the placement group.' },
  'spec.amiSelectorTerms': {
    description: 'Images that nodes may run: the newest that fits, of all that any term selects.',
    rules: [
      someOf(['tags', 'id', 'name', 'alias', 'ssmParameter']),
      alone('id', ['alias', 'tags', 'name', 'owner', 'ssmParameter']),
      alone('ssmParameter', ['alias', 'tags', 'name', 'owner', 'id']),
      alone('alias', ['id', 'tags', 'name', 'owner', 'ssmParameter']),
      {
        rule: '!self.exists(x, has(x.alias)) || self.size() == 1',
        message: 'an alias is the only term',
      },
    ],
  },
  'spec.amiSelectorTerms[]': { description: 'Selects images.' },
  'spec.amiSelectorTerms[].alias': {
    description: 'Images of a family at a version, such as al2023@latest.',
    rules: [
      {
        rule: "!self.startsWith('windows') || self.endsWith('@latest')",
        message: 'of Windows only the latest version can be named',
      },
    ],
  },
  ...tagNotes('spec.amiSelectorTerms[].tags'),
  'spec.amiSelectorTerms[].id': { description: 'Id of the image.' },
  'spec.amiSelectorTerms[].name': { description: 'Name of the image; * stands for anything.' },
  'spec.amiSelectorTerms[].owner': {
    description: 'Owner of the image: an account, self or amazon. Default: both of the latter.',
  },
  'spec.amiSelectorTerms[].ssmParameter': { description: 'Parameter that holds the id.' },
};

const settingNotes: FieldNotes = {
  'spec.associatePublicIPAddress': { description: 'Whether nodes get a public address.' },
  'spec.ipPrefixCount': { description: 'Prefixes of addresses that an instance starts with.' },
  'spec.networkInterfaces': {
    description: 'Network interfaces of the instances, for several cards or EFA.',
    rules: [
      {
        rule: "self.size() == 0 || self.exists(x, x.networkCardIndex == 0 && x.deviceIndex == 0 && x.interfaceType == 'interface')",
        message: 'card 0, device 0 is there and has type interface',
      },
      {
        rule: 'self.all(x, self.filter(y, x.networkCardIndex == y.networkCardIndex && x.deviceIndex == y.deviceIndex).size() == 1)',
        message: 'no two interfaces have the same card and device',
      },
      {
        rule: "self.all(x, x.interfaceType != 'efa-only' || self.filter(y, y.interfaceType == 'efa-only' && x.networkCardIndex == y.networkCardIndex).size() == 1)",
        message: 'a card has at most one interface of type efa-only',
      },
    ],
  },
  'spec.networkInterfaces[]': { description: 'An interface.' },
  'spec.networkInterfaces[].networkCardIndex': { description: 'Card that it is on.' },
  'spec.networkInterfaces[].deviceIndex': { description: 'Its place on the card.' },
  'spec.networkInterfaces[].interfaceType': { description: 'What it carries.' },
  'spec.amiFamily': {
    description: 'Decides user data and volumes. Follows from the alias where there is one.',
  },
  'spec.userData': { description: 'User data of yours, merged with that of the AMI family.' },
  'spec.role': { description: 'IAM role of the nodes; an instance profile is made for it.' },
  'spec.instanceProfile': { description: 'Instance profile of the nodes, made by you.' },
  'spec.tags': {
    description: 'Tags of all that is made in EC2 for the nodes.',
    keywords: { maxProperties: 50 },
    rules: [
      { rule: "self.all(k, k != '')", message: 'a tag has a key' },
      {
        rule: `self.all(k, !(k in [${reservedTags.map((tag) => `'${tag}'`).join(', ')}]) && !k.startsWith('kubernetes.io/cluster'))`,
        message: `the controllers set the tags ${reservedTags.join(', ')} and kubernetes.io/cluster/...`,
      },
    ],
  },
  'spec.tags{}': { description: 'Value of the tag.' },
  'spec.instanceStorePolicy': { description: 'What is made of local disks.' },
  'spec.detailedMonitoring': { description: 'Whether CloudWatch gets a value every minute.' },
  'spec.metadataOptions': { description: 'The instance metadata service of the nodes.' },
  'spec.metadataOptions.httpEndpoint': { description: 'Whether it answers.' },
  'spec.metadataOptions.httpProtocolIPv6': { description: 'Whether it answers over IPv6.' },
  'spec.metadataOptions.httpPutResponseHopLimit': {
    description: 'How far its tokens travel; 1 keeps them from pods.',
  },
  'spec.metadataOptions.httpTokens': { description: 'Whether a token is needed (IMDSv2).' },
  'spec.connectionTracking': { description: 'When idle connections are forgotten, in seconds.' },
  'spec.connectionTracking.tcpEstablishedTimeout': { description: 'TCP connections.' },
  'spec.connectionTracking.udpStreamTimeout': { description: 'UDP flows with answers.' },
  'spec.connectionTracking.udpTimeout': { description: 'UDP flows without answers.' },
  'spec.cpuOptions': { description: 'Options of the processors.' },
  'spec.cpuOptions.nestedVirtualization': {
    description: 'Whether instances can run virtual machines themselves.',
  },
  'spec.context': { description: 'Context id of CreateFleet.' },
};

const statusNotes: FieldNotes = {
  status: { description: 'What the selectors select at this moment.' },
  'status.subnets': { description: 'Subnets.' },
  'status.subnets[]': { description: 'A subnet.' },
  'status.subnets[].id': { description: 'Its id.' },
  'status.subnets[].zone': { description: 'Its zone.' },
  'status.subnets[].zoneID': { description: 'Id of the zone.' },
  'status.securityGroups': { description: 'Security groups.' },
  'status.securityGroups[]': { description: 'A security group.' },
  'status.securityGroups[].id': { description: 'Its id.' },
  'status.securityGroups[].name': { description: 'Its name.' },
  'status.capacityReservations': { description: 'Capacity reservations.' },
  'status.capacityReservations[]': { description: 'A capacity reservation.' },
  'status.capacityReservations[].availabilityZone': { description: 'Its zone.' },
  'status.capacityReservations[].endTime': { description: 'When it ends, if it does.' },
  'status.capacityReservations[].id': { description: 'Its id.' },
  'status.capacityReservations[].instanceMatchCriteria': { description: 'Who may use it.' },
  'status.capacityReservations[].instanceType': { description: 'Type of its instances.' },
  'status.capacityReservations[].ownerID': { description: 'Account that owns it.' },
  'status.capacityReservations[].reservationType': { description: 'Kind of reservation.' },
  'status.capacityReservations[].interruptible': {
    description: 'Whether its owner can take it back.',
  },
  'status.capacityReservations[].state': { description: 'Whether it is about to end.' },
  'status.amis': { description: 'Images.' },
  'status.amis[]': { description: 'An image.' },
  'status.amis[].id': { description: 'Its id.' },
  'status.amis[].name': { description: 'Its name.' },
  'status.amis[].deprecated': { description: 'Whether its owner has deprecated it.' },
  'status.amis[].requirements': { description: 'Nodes that it can run on.' },
  'status.amis[].requirements[]': { description: 'A requirement on one label.' },
  'status.amis[].requirements[].key': { description: 'The label.' },
  'status.amis[].requirements[].operator': { description: 'How it is compared.' },
  'status.amis[].requirements[].values': { description: 'With what.' },
  'status.amis[].requirements[].values[]': { description: 'A value of the label.' },
  'status.instanceProfile': { description: 'Instance profile that nodes get.' },
  ...conditionNotes('status.conditions'),
};

export const nodeClassNotes: FieldNotes = {
  '': { description: 'An EC2NodeClass says how the nodes of a pool are made in EC2.' },
  spec: {
    description: 'How nodes are made.',
    rules: [
      {
        rule: 'has(self.role) != has(self.instanceProfile)',
        message: 'either role or instanceProfile is needed, not both',
      },
      ...amiFamilyRules,
    ],
  },
  ...selectorNotes,
  ...settingNotes,
  ...kubeletNotes,
  ...blockDeviceNotes,
  ...statusNotes,
};
