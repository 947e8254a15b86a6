/**
 * The machine images of a simulated account, and the SSM parameters that name them.
 *
 * In: a Kubernetes version. Out: images of every family as AWS publishes them for EKS (names, parameter
 * paths, architectures, owners), in two releases, so that there is one to drift from. Ids are made
 * from the names: the same everywhere.
 */
import { createHash } from 'node:crypto';

export interface MachineImage {
  readonly imageId: string;
  readonly name: string;
  readonly ownerId: string;
  readonly ownerAlias: string | undefined;
  /** As EC2 says it. */
  readonly architecture: 'x86_64' | 'arm64';
  readonly platform: 'linux' | 'windows';
  readonly createdMs: number;
  readonly deprecatedMs: number | undefined;
  readonly rootDeviceName: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface ImageSet {
  readonly images: readonly MachineImage[];
  /** Path -> image id. */
  readonly parameters: ReadonlyMap<string, string>;
}

const eksOwner = '602401143452';
const bottlerocketOwner = '092701018921';
const windowsOwner = '801119661308';
const dayMs = 86_400_000;
/** No newer version has images of Amazon Linux 2. */
const lastAl2Minor = 32;

interface Release {
  /** As Linux images write it, such as `20261110`. */
  readonly date: string;
  readonly bottlerocket: string;
  readonly createdMs: number;
  readonly isLatest: boolean;
}

const releases: readonly Release[] = [
  { date: '20261110', bottlerocket: '1.52.0', createdMs: Date.UTC(2026, 10, 10), isLatest: true },
  { date: '20261006', bottlerocket: '1.50.0', createdMs: Date.UTC(2026, 9, 6), isLatest: false },
];
const architectures = ['x86_64', 'arm64'] as const;

/** @param version of Kubernetes, such as `1.34` */
export function publishedImages(version: string): ImageSet {
  const images: MachineImage[] = [];
  const parameters = new Map<string, string>();
  function publish(
    image: Pick<MachineImage, 'name' | 'ownerId' | 'architecture' | 'platform'>,
    release: Release,
    paths: readonly string[],
  ): void {
    const imageId = imageIdOf(image.name);
    images.push({
      ...image,
      imageId,
      ownerAlias: 'amazon',
      createdMs: release.createdMs,
      deprecatedMs: release.createdMs + 730 * dayMs,
      rootDeviceName: image.platform === 'windows' ? '/dev/sda1' : '/dev/xvda',
      tags: {},
    });
    for (const path of paths) parameters.set(path, imageId);
  }

  for (const release of releases) {
    const pick = (exact: string, latest: string): string[] =>
      release.isLatest ? [exact, latest] : [exact];
    for (const architecture of architectures) {
      const variants =
        architecture === 'x86_64' ? ['standard', 'nvidia', 'neuron'] : ['standard', 'nvidia'];
      for (const variant of variants) {
        const name = `amazon-eks-node-al2023-${architecture}-${variant}-${version}-v${release.date}`;
        const base = `/aws/service/eks/optimized-ami/${version}/amazon-linux-2023/${architecture}/${variant}`;
        const image = { name, ownerId: eksOwner, architecture, platform: 'linux' } as const;
        publish(image, release, pick(`${base}/${name}/image_id`, `${base}/recommended/image_id`));
      }
      for (const flavour of ['', '-nvidia']) {
        const name = `bottlerocket-aws-k8s-${version}${flavour}-${architecture}-v${release.bottlerocket}`;
        const base = `/aws/service/bottlerocket/aws-k8s-${version}${flavour}/${architecture}`;
        const image = {
          name,
          ownerId: bottlerocketOwner,
          architecture,
          platform: 'linux',
        } as const;
        const { bottlerocket } = release;
        publish(
          image,
          release,
          pick(`${base}/${bottlerocket}/image_id`, `${base}/latest/image_id`),
        );
      }
    }
    publishAl2(version, release, (name, folder, architecture) => {
      const base = `/aws/service/eks/optimized-ami/${version}/${folder}`;
      const image = { name, ownerId: eksOwner, architecture, platform: 'linux' } as const;
      publish(image, release, pick(`${base}/${name}/image_id`, `${base}/recommended/image_id`));
    });
    for (const year of ['2019', '2022', '2025']) {
      const family = `Windows_Server-${year}-English-Core-EKS_Optimized-${version}`;
      const { date } = release;
      const name = `${family}-${date.slice(0, 4)}.${date.slice(4, 6)}.${date.slice(6)}`;
      const image = {
        name,
        ownerId: windowsOwner,
        architecture: 'x86_64',
        platform: 'windows',
      } as const;
      const latest = `/aws/service/ami-windows-latest/${family}/image_id`;
      publish(image, release, release.isLatest ? [latest] : []);
    }
  }
  return { images, parameters };
}

function publishAl2(
  version: string,
  { date }: Release,
  publish: (name: string, folder: string, architecture: 'x86_64' | 'arm64') => void,
): void {
  if (Number(version.split('.')[1]) > lastAl2Minor) return;
  publish(`amazon-eks-node-${version}-v${date}`, 'amazon-linux-2', 'x86_64');
  publish(`amazon-eks-arm64-node-${version}-v${date}`, 'amazon-linux-2-arm64', 'arm64');
  publish(`amazon-eks-gpu-node-${version}-v${date}`, 'amazon-linux-2-gpu', 'x86_64');
}

function imageIdOf(name: string): string {
  return `ami-${createHash('sha256').update(name).digest('hex').slice(0, 17)}`;
}
