/**
 * Which images an EC2NodeClass means, and which of them an instance type starts from.
 *
 * In: selector terms, what EC2 and SSM know of images. Out: SSM parameters of an alias, the list for
 * status.amis, the image for a type. Of images with equal requirements the newest that is not
 * deprecated counts. Source: `reference/karpenter.md` 3.4. It asks nobody.
 */
import type { AMISelectorTerm, EC2NodeClass, EC2NodeClassStatus } from '../api/ec2nodeclass.ts';
import type { NodeSelectorRequirement } from '../api/kubernetes.ts';
import { labelArch, labelInstanceAcceleratorCount, labelInstanceGpuCount } from '../api/labels.ts';
import { admitsValue, requirementOf } from '../scheduling/requirements.ts';
import type { InstanceType } from '../state/instance-type.ts';

export type StatusImage = NonNullable<EC2NodeClassStatus['amis']>[number];

/** What EC2 knows of an image. */
export interface ImageFacts {
  readonly id: string;
  readonly name: string;
  readonly architecture: 'amd64' | 'arm64';
  /** ISO. */
  readonly createdAt: string;
  readonly deprecated: boolean;
}

/** An image and the types that it is for. */
export interface ImageCandidate {
  readonly image: ImageFacts;
  readonly requirements: readonly NodeSelectorRequirement[];
}

export interface FoundImages {
  readonly images: readonly StatusImage[];
  /** Why some, or all, were not found; for people. */
  readonly problem?: { readonly reason: string; readonly message: string };
}

/** An SSM parameter with an image's id, and the types that the image is for. */
export interface AliasParameter {
  readonly parameter: string;
  readonly requirements: readonly NodeSelectorRequirement[];
}

function arch(value: 'amd64' | 'arm64'): NodeSelectorRequirement {
  return { key: labelArch, operator: 'In', values: [value] };
}

const noGpu = { key: labelInstanceGpuCount, operator: 'DoesNotExist' as const };
const noAccelerator = { key: labelInstanceAcceleratorCount, operator: 'DoesNotExist' as const };
const anyGpu = { key: labelInstanceGpuCount, operator: 'Exists' as const };
const anyAccelerator = { key: labelInstanceAcceleratorCount, operator: 'Exists' as const };
const al2LastMinor = 32;
const windows2025FirstMinor = 35;

/** The parts of `family@version`. */
export function aliasOf(
  terms: readonly AMISelectorTerm[],
): { readonly family: string; readonly version: string } | undefined {
  const alias = terms.find((term) => term.alias !== undefined)?.alias;
  if (alias === undefined) return undefined;
  const at = alias.indexOf('@');
  return { family: alias.slice(0, at), version: alias.slice(at + 1) };
}

/**
 * Parameters of an alias under a version of Kubernetes (`1.33`).
 *
 * @returns a problem where the family has no images for the version
 */
export function aliasParameters(
  { family, version }: { readonly family: string; readonly version: string },
  kubernetesVersion: string,
): readonly AliasParameter[] | { readonly reason: string; readonly message: string } {
  const minor = Number(kubernetesVersion.split('.')[1]);
  switch (family) {
    case 'al2023':
      return al2023Parameters(version, kubernetesVersion);
    case 'al2':
      return minor > al2LastMinor
        ? unsupported(`AL2 has no images for Kubernetes ${kubernetesVersion}; use al2023@latest`)
        : al2Parameters(version, kubernetesVersion);
    case 'bottlerocket':
      return bottlerocketParameters(version, kubernetesVersion);
    case 'windows2025':
      return minor < windows2025FirstMinor
        ? unsupported(
            `Windows 2025 needs Kubernetes 1.${windows2025FirstMinor}; the cluster has ${kubernetesVersion}`,
          )
        : windowsParameters('2025', kubernetesVersion);
    case 'windows2022':
    case 'windows2019':
      return windowsParameters(family.slice('windows'.length), kubernetesVersion);
    default:
      return unsupported(`alias family ${family} is not known`);
  }
}

function unsupported(message: string): { readonly reason: string; readonly message: string } {
  return { reason: 'UnsupportedAlias', message };
}

function al2023Parameters(version: string, kubernetes: string): readonly AliasParameter[] {
  const parameter = (machine: string, variant: string): string => {
    const release =
      version === 'latest'
        ? 'recommended'
        : `amazon-eks-node-al2023-${machine}-${variant}-${kubernetes}-${version}`;
    return `/aws/service/eks/optimized-ami/${kubernetes}/amazon-linux-2023/${machine}/${variant}/${release}/image_id`;
  };
  return [
    {
      parameter: parameter('x86_64', 'standard'),
      requirements: [arch('amd64'), noGpu, noAccelerator],
    },
    {
      parameter: parameter('arm64', 'standard'),
      requirements: [arch('arm64'), noGpu, noAccelerator],
    },
    { parameter: parameter('x86_64', 'nvidia'), requirements: [arch('amd64'), anyGpu] },
    { parameter: parameter('arm64', 'nvidia'), requirements: [arch('arm64'), anyGpu] },
    { parameter: parameter('x86_64', 'neuron'), requirements: [arch('amd64'), anyAccelerator] },
  ];
}

function al2Parameters(version: string, kubernetes: string): readonly AliasParameter[] {
  const parameter = (suffix: string): string => {
    const release =
      version === 'latest' ? 'recommended' : `amazon-eks${suffix}-node-${kubernetes}-${version}`;
    return `/aws/service/eks/optimized-ami/${kubernetes}/amazon-linux-2${suffix}/${release}/image_id`;
  };
  return [
    { parameter: parameter(''), requirements: [arch('amd64'), noGpu, noAccelerator] },
    { parameter: parameter('-arm64'), requirements: [arch('arm64'), noGpu, noAccelerator] },
    { parameter: parameter('-gpu'), requirements: [arch('amd64'), anyGpu] },
    { parameter: parameter('-gpu'), requirements: [arch('amd64'), anyAccelerator] },
  ];
}

function bottlerocketParameters(version: string, kubernetes: string): readonly AliasParameter[] {
  const release = version.replace(/^v(?=\d)/, '');
  const parameter = (variant: string, machine: string): string =>
    `/aws/service/bottlerocket/aws-k8s-${kubernetes}${variant}/${machine}/${release}/image_id`;
  return [
    { parameter: parameter('', 'x86_64'), requirements: [arch('amd64'), noGpu] },
    { parameter: parameter('', 'arm64'), requirements: [arch('arm64'), noGpu] },
    { parameter: parameter('-nvidia', 'x86_64'), requirements: [arch('amd64'), anyGpu] },
    { parameter: parameter('-nvidia', 'arm64'), requirements: [arch('arm64'), anyGpu] },
  ];
}

function windowsParameters(year: string, kubernetes: string): readonly AliasParameter[] {
  return [
    {
      parameter: `/aws/service/ami-windows-latest/Windows_Server-${year}-English-Core-EKS_Optimized-${kubernetes}/image_id`,
      requirements: [arch('amd64')],
    },
  ];
}

/** An image found by a selector is for its architecture. */
export function selectedImage(image: ImageFacts): ImageCandidate {
  return { image, requirements: [arch(image.architecture)] };
}

/** For status.amis: the best image of each set of requirements, newest first. */
export function statusImages(candidates: readonly ImageCandidate[]): readonly StatusImage[] {
  const best = new Map<string, ImageCandidate>();
  for (const candidate of candidates) {
    const key = JSON.stringify(candidate.requirements);
    const known = best.get(key);
    if (known === undefined || isBetter(candidate.image, known.image)) best.set(key, candidate);
  }
  return [...best.values()]
    .toSorted((a, b) => (isBetter(a.image, b.image) ? -1 : 1))
    .map(({ image: { id, name, deprecated }, requirements }) => ({
      id,
      name,
      ...(deprecated ? { deprecated } : {}),
      requirements: [...requirements],
    }));
}

/** Not deprecated before deprecated, then the newest, then by name, so that the order is total. */
function isBetter(a: ImageFacts, b: ImageFacts): boolean {
  if (a.deprecated !== b.deprecated) return b.deprecated;
  if (a.createdAt !== b.createdAt) return a.createdAt > b.createdAt;
  return a.name !== b.name ? a.name > b.name : a.id > b.id;
}

/** The image that instances of the type start from; undefined if the class has none for it. */
export function imageFor(
  nodeClass: EC2NodeClass,
  { labels }: Pick<InstanceType, 'labels'>,
): string | undefined {
  return nodeClass.status?.amis?.find(({ requirements }) =>
    requirements.every((one) => admitsValue(requirementOf(one), labels[one.key])),
  )?.id;
}
