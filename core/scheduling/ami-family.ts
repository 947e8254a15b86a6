/**
 * What an AMI family decides about a node's size: operating system, pod density rule, storage device.
 *
 * In: an EC2NodeClass. Out: one of the families as Karpenter 1.14 defines them (reference/karpenter.md
 * 1.5 and 3.1). It knows nothing of images, user data or launch templates.
 */
import type { EC2NodeClass } from '../api/ec2nodeclass.ts';

export interface AmiFamily {
  readonly name: string;
  readonly operatingSystem: 'linux' | 'windows';
  /** Value of `node.kubernetes.io/windows-build`. */
  readonly windowsBuild: string | undefined;
  /** Pods follow the network interfaces unless maxPods is set; otherwise 110. */
  readonly eniLimitedPods: boolean;
  /** kubeReserved memory follows the interface limit, whatever maxPods says. */
  readonly eniLimitedReserve: boolean;
  readonly honoursPodsPerCore: boolean;
  /** Device on which pods keep their files; undefined where only the image knows. */
  readonly ephemeralDevice: string | undefined;
  /** Size of that device unless the node class sets one. */
  readonly ephemeralBytes: number;
}

const gibibyte = 2 ** 30;

/** Size of a volume for which neither node class nor family states one. */
export const defaultVolumeBytes = 20 * gibibyte;

const al2023: AmiFamily = {
  name: 'AL2023',
  operatingSystem: 'linux',
  windowsBuild: undefined,
  eniLimitedPods: true,
  eniLimitedReserve: true,
  honoursPodsPerCore: true,
  ephemeralDevice: '/dev/xvda',
  ephemeralBytes: defaultVolumeBytes,
};

/** Bottlerocket keeps pods' files on its data volume and cannot pass podsPerCore to the kubelet. */
const bottlerocket: AmiFamily = {
  ...al2023,
  name: 'Bottlerocket',
  eniLimitedReserve: false,
  honoursPodsPerCore: false,
  ephemeralDevice: '/dev/xvdb',
};

const custom: AmiFamily = { ...al2023, name: 'Custom', ephemeralDevice: undefined };

function windows(year: string, windowsBuild: string): AmiFamily {
  return {
    name: `Windows${year}`,
    operatingSystem: 'windows',
    windowsBuild,
    eniLimitedPods: false,
    eniLimitedReserve: false,
    honoursPodsPerCore: true,
    ephemeralDevice: '/dev/sda1',
    ephemeralBytes: 50 * gibibyte,
  };
}

const families: readonly AmiFamily[] = [
  { ...al2023, name: 'AL2' },
  al2023,
  bottlerocket,
  custom,
  windows('2019', '10.0.17763'),
  windows('2022', '10.0.20348'),
  windows('2025', '10.0.26100'),
];

const familyByName = new Map(families.map((family) => [family.name.toLowerCase(), family]));

/**
 * The family of a node class: `spec.amiFamily`, else that of its alias, else Custom; without a node
 * class AL2023, the family of a new EKS cluster. An unknown name counts as Custom: validation of
 * the node class has its own say.
 */
export function amiFamily(nodeClass: EC2NodeClass | undefined): AmiFamily {
  if (nodeClass === undefined) return al2023;
  const { amiFamily: stated, amiSelectorTerms } = nodeClass.spec;
  const alias = amiSelectorTerms.find((term) => term.alias !== undefined)?.alias;
  const name = stated ?? alias?.split('@')[0] ?? custom.name;
  return familyByName.get(name.toLowerCase()) ?? custom;
}
