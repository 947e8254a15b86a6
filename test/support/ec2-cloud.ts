/**
 * The EC2 provider against the simulated EC2, over real HTTP and with the real SDK.
 *
 * In: what is different about the account. Out: the world, providers in it (each one a process of its
 * own), a node class as its controller would have filled it, requests. Time is the world's, a hundred
 * times as fast as ours, so that waits cost nothing.
 */
import { pino } from 'pino';
import { loadCatalogue } from '../../catalogue/loader.ts';
import type { EC2NodeClass } from '../../core/api/ec2nodeclass.ts';
import type { LaunchOffering, LaunchRequest } from '../../core/cloud-port.ts';
import { createEc2Cloud, type Ec2Cloud } from '../../extender/adapters/ec2/cloud.ts';
import type { Metrics } from '../../extender/metrics.ts';
import { createMetrics } from '../../extender/metrics.ts';
import { createRandom } from '../../sim/random.ts';
import { type AwsWorld, type AwsWorldOptions, startAwsWorld } from './aws-world.ts';

export interface Ec2World {
  readonly world: AwsWorld;
  readonly nodeClass: EC2NodeClass;
  /** A provider that knows nothing of those before it. */
  provider(name?: string): { readonly cloud: Ec2Cloud; readonly metrics: Metrics };
  /** A launch for a claim of that UID. */
  request(uid: string, offerings: readonly string[], attempt?: number): LaunchRequest;
  /** Instances that were launched for a claim and live, as EC2 itself knows it. */
  instancesOf(uid: string): number;
  close(): Promise<void>;
}

const clusterName = 'simulated';
const speedDefault = 100;
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };

export async function startEc2World(
  options: AwsWorldOptions = {},
  speed = speedDefault,
): Promise<Ec2World> {
  const world = await startAwsWorld(options);
  const end = new AbortController();
  const paced = world.clock.pace({ speed, signal: end.signal });
  const clouds: Ec2Cloud[] = [];
  const nodeClass = classWithStatus(world);
  return {
    world,
    nodeClass,
    provider: (name = 'first') => {
      const metrics = createMetrics('test', { process: false });
      const cloud = createEc2Cloud({
        region: world.account.region,
        endpoint: world.wire.endpoint,
        credentials,
        clusterName,
        clock: world.clock,
        random: createRandom(name),
        log: pino({ level: 'silent' }),
        metrics: metrics.cloud,
        catalogue: loadCatalogue(),
      });
      clouds.push(cloud);
      return { cloud, metrics };
    },
    request: (uid, offerings, attempt = 1) => ({
      clientToken: `${uid}-${attempt}-000000000000`,
      nodeClaimName: `general-${uid}`,
      nodePoolName: 'general',
      nodeClass,
      offerings: offerings.map(offeringOf),
      tags: {
        [`kubernetes.io/cluster/${clusterName}`]: 'owned',
        'karpenter.sh/nodepool': 'general',
        'karpenter.sh/nodeclaim': `general-${uid}`,
        'stowage.dev/nodeclaim-uid': uid,
      },
      labels: { 'karpenter.sh/nodepool': 'general' },
      taints: [{ key: 'karpenter.sh/unregistered', effect: 'NoExecute' }],
    }),
    instancesOf: (uid) =>
      [...world.engine.instances.values()].filter(
        ({ tags, state }) =>
          tags['stowage.dev/nodeclaim-uid'] === uid && (state === 'pending' || state === 'running'),
      ).length,
    close: async () => {
      for (const cloud of clouds) cloud.close();
      end.abort(new Error('the test is over'));
      await paced;
      await world.close();
    },
  };
}

/** `type/zone/capacity type`; the zone by its letter. */
export function offeringOf(text: string): LaunchOffering {
  const [instanceType = '', letter = '', capacityType = ''] = text.split('/');
  return {
    instanceType,
    zone: `us-east-1${letter}`,
    capacityType: capacityType as LaunchOffering['capacityType'],
  };
}

/** A class as its controller would have filled it. */
export function classWithStatus({ account }: Pick<AwsWorld, 'account'>): EC2NodeClass {
  const images = [...account.images.values()];
  const imageOf = (machine: string): string =>
    images.find(({ name, architecture }) => name.includes('al2023') && architecture === machine)
      ?.imageId ?? '';
  return {
    apiVersion: 'karpenter.k8s.aws/v1',
    kind: 'EC2NodeClass',
    metadata: { name: 'default' },
    spec: {
      amiSelectorTerms: [{ alias: 'al2023@latest' }],
      subnetSelectorTerms: [{ tags: { 'karpenter.sh/discovery': clusterName } }],
      securityGroupSelectorTerms: [{ tags: { 'karpenter.sh/discovery': clusterName } }],
      role: `StowageNodeRole-${clusterName}`,
    },
    status: {
      subnets: account.subnets.map(({ subnetId, zone, zoneId }) => ({
        id: subnetId,
        zone,
        zoneID: zoneId,
      })),
      securityGroups: [{ id: 'sg-0d00000000000000a', name: `${clusterName}-node` }],
      amis: [
        {
          id: imageOf('x86_64'),
          requirements: [{ key: 'kubernetes.io/arch', operator: 'In', values: ['amd64'] }],
        },
        {
          id: imageOf('arm64'),
          requirements: [{ key: 'kubernetes.io/arch', operator: 'In', values: ['arm64'] }],
        },
      ],
    },
  };
}
