/**
 * A scene with a cloud of our own making, and ways to start the product as a process beside it.
 *
 * In: what the cloud is like. Out: a scene (see scene.ts) whose cloud outlives the product and is spoken
 * to in the words of the CloudProvider port. It ends with the test.
 */
import type { Test } from 'tap';
import { loadCatalogue } from '../../catalogue/loader.ts';
import type { ServiceSettings } from '../../extender/settings.ts';
import { defaultBootModel } from '../../sim/boot-time.ts';
import type { Ec2Options } from '../../sim/ec2-types.ts';
import { type CloudHost, startCloudHost } from './cloud-host.ts';
import { nodeClass, nodeClassStatus } from './sample-objects.ts';
import { clusterName, openScene, type Scene, type SceneOptions } from './scene.ts';
import { createService, type Service } from './service.ts';

export interface StageOptions extends SceneOptions {
  /** Seconds of the cloud in one; by default 40 s from launch to Ready take 2 s. */
  readonly speed?: number;
  readonly seed?: number;
  readonly ec2?: Omit<Ec2Options, 'types'>;
}

export interface Stage extends Scene<CloudHost> {
  /** Starts the product and waits until it is ready. */
  startService(name: string, settings?: Partial<ServiceSettings>): Promise<Service>;
}

const speedDefault = 20;
/** A machine that never joins is the business of tests on the simulated clock. */
const everyMachineJoins: Omit<Ec2Options, 'types'> = {
  boot: { ...defaultBootModel, neverJoinsShare: 0 },
};

/** Starts plane, cloud and watches. */
export async function openStage(options: StageOptions): Promise<Stage> {
  const { speed = speedDefault, seed = 1, ec2 } = options;
  const status = nodeClassStatus(new Date().toISOString());
  const scene = await openScene(
    options,
    { object: nodeClass, status },
    async ({ client }) =>
      await startCloudHost({
        client,
        clusterName,
        types: loadCatalogue().types,
        speed,
        seed,
        ec2: { ...everyMachineJoins, ...ec2 },
      }),
  );
  return {
    ...scene,
    startService: async (name, settings = {}) => {
      const given = { name, cloudUrl: scene.cloud.url, clusterName, settings };
      const service = await createService(scene.plane, given);
      await service.component.start();
      scene.operationsUrls.add(service.operationsUrl);
      return service;
    },
  };
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
