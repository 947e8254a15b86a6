/**
 * A real cluster with everything that a scenario needs, except the product itself.
 *
 * In: which schedulers there are, what the cloud is like. Out: a control plane with our CRDs and
 * rights, a node class, a cloud that outlives the product, watches that check every step, and ways
 * to start the product and the schedulers that we ship. It ends with the test.
 */
import type { Test } from 'tap';
import { parse } from 'yaml';
import { loadCatalogue } from '../../catalogue/loader.ts';
import type { ServiceSettings } from '../../extender/settings.ts';
import { defaultBootModel } from '../../sim/boot-time.ts';
import type { Ec2Options } from '../../sim/ec2-types.ts';
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
import { type CloudHost, startCloudHost } from './cloud-host.ts';
import {
  daemonSet,
  daemonSetsPath,
  nodeClass,
  nodeClassesPath,
  nodeClassStatus,
} from './sample-objects.ts';
import { createService, type Service } from './service.ts';

export const clusterName = 'end-to-end';
/** Everything waited for takes seconds; a machine that does other things too gets minutes. */
export const deadlineMs = 420_000;

export interface StageOptions {
  readonly plane?: Omit<ControlPlaneOptions, 'log'>;
  readonly invariants?: InvariantOptions;
  /** Seconds of the cloud in one; by default 40 s from launch to Ready take 2 s. */
  readonly speed?: number;
  readonly seed?: number;
  readonly ec2?: Omit<Ec2Options, 'types'>;
  /** Whether every node has a DaemonSet pod, as every real one has. Default true. */
  readonly hasDaemons?: boolean;
  readonly log: (line: string) => void;
}

export interface Stage {
  readonly plane: ControlPlane;
  readonly cluster: ClusterWatch;
  readonly invariants: InvariantWatch;
  readonly cloud: CloudHost;
  /** Starts the product and waits until it is ready. */
  startService(name: string, settings?: Partial<ServiceSettings>): Promise<Service>;
  /** Starts the scheduler that we ship, which asks that address. */
  startScheduler(name: string, extenderUrl: string): Promise<void>;
  /** Ends everything. */
  close(): Promise<void>;
}

const speedDefault = 20;
/** A machine that never joins is the business of tests on the simulated clock. */
const everyMachineJoins: Omit<Ec2Options, 'types'> = {
  boot: { ...defaultBootModel, neverJoinsShare: 0 },
};

/** Starts plane, cloud and watches. */
export async function openStage(options: StageOptions): Promise<Stage> {
  const { log, speed = speedDefault, seed = 1, hasDaemons = true } = options;
  const plane = await startControlPlane({ ...options.plane, log });
  try {
    await furnish(plane, hasDaemons);
    const cluster = await watchCluster(plane.client);
    // When a node goes, the control plane itself fails what its DaemonSets had there.
    const invariants = watchInvariants(cluster, { mayFail: isOfDaemonSet, ...options.invariants });
    const cloud = await startCloudHost({
      client: plane.client,
      clusterName,
      types: loadCatalogue().types,
      speed,
      seed,
      ec2: { ...everyMachineJoins, ...options.ec2 },
    });
    return {
      plane,
      cluster,
      invariants,
      cloud,
      startService: async (name, settings = {}) => {
        const given = { name, cloudUrl: cloud.url, clusterName, settings };
        const service = await createService(plane, given);
        await service.component.start();
        return service;
      },
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

/** A stage that ends with the test; a test that failed shows where the logs are. */
export async function openTestStage(
  t: Test,
  options: Omit<StageOptions, 'log'> = {},
): Promise<Stage> {
  const stage = await openStage({ ...options, log: (line) => t.comment(line) });
  t.teardown(async () => await stage.close());
  return stage;
}

function isOfDaemonSet({ metadata }: Pod): boolean {
  return metadata.ownerReferences?.some(({ kind }) => kind === 'DaemonSet') === true;
}

/** Our definitions and rights, the node class that pools name, and what runs on every node. */
async function furnish({ client }: ControlPlane, hasDaemons: boolean): Promise<void> {
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
    const { group, names } = object['spec'] as { group: string; names: { plural: string } };
    await served(
      async () => (await client.send('GET', `/apis/${group}/v1/${names.plural}`)).status,
    );
  }
  await client.expect('POST', nodeClassesPath, nodeClass);
  const status = nodeClassStatus(new Date().toISOString());
  const path = `${nodeClassesPath}/${nodeClass.metadata.name}`;
  await client.expect('PATCH', `${path}/status`, { status });
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
