/**
 * A real cluster with everything that a scenario needs, except the product and the cloud.
 *
 * In: which schedulers there are, a node class, what starts the cloud. Out: a control plane with our
 * CRDs and rights, the cloud beside it, watches that check every step, a way to start the scheduler
 * that we ship. It knows neither which cloud it is nor how the product is run.
 */
import { parse } from 'yaml';
import type { Ec2Engine } from '../../sim/ec2-engine.ts';
import type { Ec2Instance } from '../../sim/ec2-types.ts';
import { type ClusterWatch, watchCluster } from '../control-plane/cluster-watch.ts';
import {
  type ControlPlane,
  type ControlPlaneOptions,
  SYSTEM_UNDER_TEST,
  startControlPlane,
} from '../control-plane/control-plane.ts';
import {
  type InvariantOptions,
  type InvariantWatch,
  watchInvariants,
} from '../control-plane/invariants.ts';
import type { Pod } from '../control-plane/objects.ts';
import { collectionPath, findObject, readManifests } from '../manifests/read-manifests.ts';
import type { MachineRoom } from './machine-room.ts';
import { daemonSet, daemonSetsPath, nodeClassesPath } from './sample-objects.ts';

export const clusterName = 'end-to-end';
/** Everything waited for takes seconds; a machine that does other things too gets minutes. */
export const deadlineMs = 420_000;

export interface SceneOptions {
  readonly plane?: Omit<ControlPlaneOptions, 'log'>;
  readonly invariants?: InvariantOptions;
  /** Whether every node has a DaemonSet pod, as every real one has. Default true. */
  readonly hasDaemons?: boolean;
  readonly log: (line: string) => void;
}

/** A simulated EC2 beside a control plane, whoever speaks to it and how. */
export interface CloudSite {
  readonly engine: Ec2Engine;
  readonly machines: Pick<MachineRoom, 'failures'>;
  /** Instances that cost money now. */
  living(): readonly Ec2Instance[];
  /** Claims that have had two instances. */
  readonly doubles: readonly string[];
  stop(): Promise<void>;
}

export interface Scene<Cloud extends CloudSite = CloudSite> {
  readonly plane: ControlPlane;
  readonly cluster: ClusterWatch;
  readonly invariants: InvariantWatch;
  readonly cloud: Cloud;
  /** Where the product answers why a pod waits, if it runs. */
  readonly operationsUrls: Set<string>;
  /** Starts the scheduler that we ship, which asks that address. */
  startScheduler(name: string, extenderUrl: string): Promise<void>;
  /** Ends everything. */
  close(): Promise<void>;
}

/** A node class, and what its status says where nobody under test keeps it. */
export interface SceneNodeClass {
  readonly object: { readonly metadata: { readonly name: string } };
  readonly status?: object;
}

/** Starts plane, cloud and watches. */
export async function openScene<Cloud extends CloudSite>(
  options: SceneOptions,
  nodeClass: SceneNodeClass,
  startCloud: (plane: ControlPlane) => Promise<Cloud>,
): Promise<Scene<Cloud>> {
  const { log, hasDaemons = true } = options;
  const plane = await startControlPlane({ ...options.plane, log });
  try {
    await furnish(plane, nodeClass, hasDaemons);
    const cluster = await watchCluster(plane.client);
    // When a node goes, the control plane itself fails what its DaemonSets had there.
    const invariants = watchInvariants(cluster, { mayFail: isOfDaemonSet, ...options.invariants });
    const cloud = await startCloud(plane);
    return {
      plane,
      cluster,
      invariants,
      cloud,
      operationsUrls: new Set(),
      startScheduler: async (name, extenderUrl) => {
        await plane.startScheduler({
          name,
          configuration: await shippedConfiguration(extenderUrl),
          // The account of the Deployment, with its rights and no others.
          identity: SYSTEM_UNDER_TEST.name,
          flags: ['--feature-gates=SchedulerPopFromBackoffQ=false'],
        });
      },
      close: async () => {
        await cloud.stop();
        await cluster.stop();
        await plane.stop();
      },
    };
  } catch (error) {
    await plane.stop();
    throw error;
  }
}

function isOfDaemonSet({ metadata }: Pod): boolean {
  return metadata.ownerReferences?.some(({ kind }) => kind === 'DaemonSet') === true;
}

/** Our definitions and rights, the node class that pools name, and what runs on every node. */
async function furnish(
  { client }: ControlPlane,
  { object: nodeClass, status }: SceneNodeClass,
  hasDaemons: boolean,
): Promise<void> {
  const crds = await readManifests('crds');
  for (const { object } of crds) {
    await client.expect('POST', collectionPath(object), object);
  }
  const deploy = await readManifests('deploy');
  await client.expect('POST', '/api/v1/namespaces', {
    ...findObject(deploy, 'Namespace', 'stowage-system'),
  });
  for (const { file, object } of deploy.filter(({ file }) => file.endsWith('rbac.yaml'))) {
    await client.expect('POST', collectionPath(object), object).catch((cause: unknown) => {
      throw new Error(file, { cause });
    });
  }
  for (const { object } of crds) {
    const { group, names, versions } = object['spec'] as {
      readonly group: string;
      readonly names: { readonly plural: string };
      readonly versions: readonly { readonly name: string }[];
    };
    for (const { name } of versions) {
      const path = `/apis/${group}/${name}/${names.plural}`;
      await served(async () => (await client.send('GET', path)).status);
    }
  }
  await client.expect('POST', nodeClassesPath, nodeClass);
  if (status !== undefined) {
    const path = `${nodeClassesPath}/${nodeClass.metadata.name}`;
    await client.expect('PATCH', `${path}/status`, { status });
  }
  if (hasDaemons) await client.expect('POST', daemonSetsPath, daemonSet('aws-node'));
}

/** A definition is served a moment after it was taken. */
async function served(status: () => Promise<number>): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  while ((await status()) !== 200) {
    if (performance.now() > endMs) throw new Error(`a kind is not served in ${deadlineMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** What we ship, with the extender's address in this test. */
async function shippedConfiguration(extenderUrl: string): Promise<Record<string, unknown>> {
  const { data } = findObject(
    await readManifests('deploy'),
    'ConfigMap',
    'stowage-scheduler',
  ) as unknown as { readonly data: Readonly<Record<string, string>> };
  const configuration = parse(data['scheduler.yaml'] ?? '') as Record<string, unknown> & {
    readonly extenders: readonly object[];
  };
  const extenders = configuration.extenders.map((one) => ({ ...one, urlPrefix: extenderUrl }));
  return { ...configuration, extenders };
}
