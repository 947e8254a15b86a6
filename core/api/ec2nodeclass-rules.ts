/**
 * Rules of an EC2NodeClass that tie several fields together or that a schema cannot say.
 *
 * In: an EC2NodeClass that its schema accepts. Out: the problems, none if the AWS provider's API
 * and its runtime validation would take it. Source: CEL rules and runtime checks of
 * `karpenter.k8s.aws/v1`. It asks no cloud: whether a subnet or an image exists is not its concern.
 */
import { amiFamily } from '../scheduling/ami-family.ts';
import { bytesOf } from '../scheduling/quantity.ts';
import type {
  AMISelectorTerm,
  BlockDeviceMapping,
  EC2NodeClass,
  EC2NodeClassSpec,
  NetworkInterface,
} from './ec2nodeclass.ts';
import { checkEntries, duplicateEntries, type FieldProblem, memberPath } from './field-problem.ts';
import type { KubeletConfiguration } from './kubelet-configuration.ts';
import { labelNodePool } from './labels.ts';

const maxBinaryVolume = '59000Gi';
const maxDecimalVolume = '64000G';

/** Tag keys, or beginnings of them, that the controllers write. */
const reservedTags =
  /^(eks:eks-cluster-name|kubernetes\.io\/cluster.*|karpenter\.sh\/nodeclaim|karpenter\.k8s\.aws\/ec2nodeclass)$/;

/** What families other than AL2023 can pass to their kubelet. */
const commonKubeletFields: ReadonlySet<string> = new Set([
  'clusterDNS',
  'cpuCFSQuota',
  'evictionHard',
  'evictionMaxPodGracePeriod',
  'evictionSoft',
  'evictionSoftGracePeriod',
  'imageGCHighThresholdPercent',
  'imageGCLowThresholdPercent',
  'kubeReserved',
  'maxPods',
  'podsPerCore',
  'systemReserved',
]);

/** Problems of an EC2NodeClass. */
export function nodeClassProblems(nodeClass: EC2NodeClass): FieldProblem[] {
  const { spec } = nodeClass;
  return [
    ...checkEntries(spec.subnetSelectorTerms, 'spec.subnetSelectorTerms', (term, at) =>
      exclusive(term, at, ['id']),
    ),
    ...checkEntries(
      spec.securityGroupSelectorTerms,
      'spec.securityGroupSelectorTerms',
      (term, at) => exclusive(term, at, ['id', 'name']),
    ),
    ...checkEntries(
      spec.capacityReservationSelectorTerms,
      'spec.capacityReservationSelectorTerms',
      (term, at) => exclusive(term, at, ['id']),
    ),
    ...(spec.placementGroupSelector === undefined
      ? []
      : exclusive(spec.placementGroupSelector, 'spec.placementGroupSelector', ['id', 'name'])),
    ...amiProblems(spec),
    ...identityProblems(spec),
    ...tagProblems(spec.tags ?? {}),
    ...(spec.kubelet === undefined ? [] : kubeletProblems(spec.kubelet, amiFamily(nodeClass).name)),
    ...checkEntries(spec.blockDeviceMappings, 'spec.blockDeviceMappings', deviceProblems),
    ...rootVolumeProblems(spec.blockDeviceMappings ?? []),
    ...interfaceProblems(spec.networkInterfaces),
  ];
}

/** A selector term says something, and what identifies alone stands alone. */
function exclusive(term: object, path: string, alone: readonly string[]): FieldProblem[] {
  const given = Object.keys(term);
  if (given.length === 0) {
    return [{ field: path, message: 'expected at least one field, found none' }];
  }
  const sole = alone.find((field) => given.includes(field));
  return sole === undefined || given.length === 1
    ? []
    : [{ field: path, message: `expected ${sole} alone, found ${given.join(', ')}` }];
}

function amiProblems(spec: EC2NodeClassSpec): FieldProblem[] {
  const path = 'spec.amiSelectorTerms';
  const alias = spec.amiSelectorTerms.find((term) => term.alias !== undefined)?.alias;
  const problems = checkEntries(spec.amiSelectorTerms, path, amiTermProblems);
  if (alias === undefined) {
    if (spec.amiFamily === undefined) {
      problems.push({
        field: 'spec.amiFamily',
        message: 'expected an AMI family, because no alias is given, found nothing',
      });
    }
    return problems;
  }
  if (spec.amiSelectorTerms.length > 1) {
    problems.push({ field: path, message: 'expected an alias to be the only term' });
  }
  const [family = '', version] = alias.split('@');
  if (family.startsWith('windows') && version !== 'latest') {
    problems.push({
      field: `${path}[0].alias`,
      message: `expected ${family}@latest, found "${alias}"`,
    });
  }
  if (!['custom', family, undefined].includes(spec.amiFamily?.toLowerCase())) {
    problems.push({
      field: 'spec.amiFamily',
      message: `expected ${family} like the alias, or Custom, found "${spec.amiFamily}"`,
    });
  }
  return problems;
}

function amiTermProblems(term: AMISelectorTerm, path: string): FieldProblem[] {
  const problems = exclusive(term, path, ['alias', 'id', 'ssmParameter']);
  return problems.length === 0 && Object.keys(term).join() === 'owner'
    ? [{ field: path, message: 'expected name or tags beside owner' }]
    : problems;
}

function identityProblems(spec: EC2NodeClassSpec): FieldProblem[] {
  return (spec.role === undefined) === (spec.instanceProfile === undefined)
    ? [
        {
          field: 'spec.role',
          message: `expected either role or instanceProfile, found ${spec.role === undefined ? 'neither' : 'both'}`,
        },
      ]
    : [];
}

function tagProblems(tags: Readonly<Record<string, string>>): FieldProblem[] {
  return Object.keys(tags)
    .filter((key) => key === '' || key === labelNodePool || reservedTags.test(key))
    .map((key) => ({
      field: memberPath('spec.tags', key),
      message:
        key === ''
          ? 'expected a tag key, found ""'
          : 'expected a tag of yours; this one is set by the controllers',
    }));
}

function kubeletProblems(kubelet: KubeletConfiguration, family: string): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const path = 'spec.kubelet';
  const soft = Object.keys(kubelet.evictionSoft ?? {});
  const periods = Object.keys(kubelet.evictionSoftGracePeriod ?? {});
  for (const signal of soft.filter((one) => !periods.includes(one))) {
    problems.push({
      field: memberPath(`${path}.evictionSoftGracePeriod`, signal),
      message: 'expected a grace period for the signal in evictionSoft, found nothing',
    });
  }
  for (const signal of periods.filter((one) => !soft.includes(one))) {
    problems.push({
      field: memberPath(`${path}.evictionSoft`, signal),
      message: 'expected a threshold for the signal in evictionSoftGracePeriod, found nothing',
    });
  }
  const { imageGCHighThresholdPercent: high, imageGCLowThresholdPercent: low } = kubelet;
  if (high !== undefined && low !== undefined && high <= low) {
    problems.push({
      field: `${path}.imageGCHighThresholdPercent`,
      message: `expected more than imageGCLowThresholdPercent (${low}), found ${high}`,
    });
  }
  if (family !== 'AL2023') {
    for (const field of Object.keys(kubelet).filter((one) => !commonKubeletFields.has(one))) {
      problems.push({
        field: memberPath(path, field),
        message: `expected only settings that the AMI family ${family} can pass on; this one needs AL2023`,
      });
    }
  }
  return problems;
}

function deviceProblems(mapping: BlockDeviceMapping, path: string): FieldProblem[] {
  const { ebs } = mapping;
  if (ebs === undefined) {
    return [];
  }
  const problems: FieldProblem[] = [];
  if (ebs.snapshotID === undefined && ebs.volumeSize === undefined) {
    problems.push({ field: `${path}.ebs`, message: 'expected snapshotID or volumeSize' });
  }
  if (ebs.volumeInitializationRate !== undefined && ebs.snapshotID === undefined) {
    problems.push({
      field: `${path}.ebs.volumeInitializationRate`,
      message: 'expected a snapshotID beside it',
    });
  }
  if (ebs.volumeSize !== undefined) {
    const max = ebs.volumeSize.endsWith('i') ? maxBinaryVolume : maxDecimalVolume;
    const bytes = bytesOf(ebs.volumeSize);
    if (bytes <= 0 || bytes > bytesOf(max)) {
      problems.push({
        field: `${path}.ebs.volumeSize`,
        message: `expected more than 0 and at most ${max}, found "${ebs.volumeSize}"`,
      });
    }
  }
  return problems;
}

function rootVolumeProblems(mappings: readonly BlockDeviceMapping[]): FieldProblem[] {
  const roots = mappings.filter((one) => one.rootVolume === true).length;
  return roots <= 1
    ? []
    : [
        {
          field: 'spec.blockDeviceMappings',
          message: `expected at most one with rootVolume, found ${roots}`,
        },
      ];
}

function interfaceProblems(interfaces: readonly NetworkInterface[] | undefined): FieldProblem[] {
  if (interfaces === undefined || interfaces.length === 0) {
    return [];
  }
  const path = 'spec.networkInterfaces';
  const primary = interfaces.find((one) => one.networkCardIndex === 0 && one.deviceIndex === 0);
  const efaOnly = interfaces.filter((one) => one.interfaceType === 'efa-only');
  return [
    ...(primary?.interfaceType === 'interface'
      ? []
      : [{ field: path, message: 'expected card 0, device 0 of type interface' }]),
    ...duplicateEntries(
      interfaces,
      path,
      'pair of card and device',
      (one) => `${one.networkCardIndex}/${one.deviceIndex}`,
    ),
    ...duplicateEntries(efaOnly, path, 'card with an efa-only interface', (one) =>
      String(one.networkCardIndex),
    ).map((problem) => ({ ...problem, field: path })),
  ];
}
