/**
 * A scene with the EC2 provider: the command line as it is shipped, AWS's SDK, the simulated EC2.
 *
 * In: what the cloud is like. Out: a scene (see scene.ts) whose node class is ready, ways to start the
 * command, and a switch that kills it at any call of EC2 or of the API server. It ends with the test.
 */
import type { Test } from 'tap';
import type { Ec2Options } from '../../sim/ec2-types.ts';
import { SYSTEM_UNDER_TEST } from '../control-plane/control-plane.ts';
import { hasCondition } from '../control-plane/objects.ts';
import { startApiGate } from './api-gate.ts';
import { type ClaimWatch, watchClaims } from './claim-watch.ts';
import { createKillSwitch, type KillSwitch } from './kill-switch.ts';
import { nodeClass, nodeClassesPath } from './sample-objects.ts';
import { checkPromises, poll } from './scenario.ts';
import { clusterName, deadlineMs, openScene, type Scene, type SceneOptions } from './scene.ts';
import { createServeProcess, type ServeProcess } from './serve-command.ts';
import { startWireHost, type WireHost } from './wire-host.ts';

export interface Ec2StageOptions extends SceneOptions {
  /** How much faster machines boot and end; by default 40 s from launch to Ready take 2 s. */
  readonly speed?: number;
  readonly seed?: number;
  readonly ec2?: Omit<Ec2Options, 'types'>;
}

export interface Ec2Stage extends Scene<WireHost> {
  readonly claims: ClaimWatch;
  /** What gated processes have done at the API server, such as `POST pods/binding`. */
  readonly apiCalls: ReadonlyMap<string, number>;
  /** Kills what {@link startServe} started last. */
  readonly killSwitch: KillSwitch;
  /** Starts the command and waits until it is ready; its calls to the API server pass the gate if asked. */
  startServe(
    name: string,
    words?: readonly string[],
    options?: { readonly isGated?: boolean },
  ): Promise<ServeProcess>;
}

const speedDefault = 20;
const discovery = [{ tags: { 'karpenter.sh/discovery': clusterName } }];
const ownNodeClass = {
  ...nodeClass,
  spec: {
    role: `StowageNodeRole-${clusterName}`,
    amiSelectorTerms: [{ alias: 'al2023@latest' }],
    subnetSelectorTerms: discovery,
    securityGroupSelectorTerms: discovery,
  },
};

/** Starts plane, cloud and watches. */
export async function openEc2Stage(options: Ec2StageOptions): Promise<Ec2Stage> {
  const { speed = speedDefault, seed = 1, ec2 } = options;
  let last: ServeProcess | undefined;
  const killSwitch = createKillSwitch(() => {
    if (last?.component.pid !== undefined) process.kill(last.component.pid, 'SIGKILL');
  });
  const scene = await openScene(
    options,
    { object: ownNodeClass },
    async (plane) =>
      await startWireHost(plane, {
        clusterName,
        seed,
        speed,
        killSwitch,
        ...(ec2 === undefined ? {} : { ec2 }),
      }),
  );
  const { plane, cloud } = scene;
  const gate = await startApiGate(plane, SYSTEM_UNDER_TEST.name, killSwitch);
  const claims = watchClaims(plane.client);
  return {
    ...scene,
    claims,
    apiCalls: gate.calls,
    killSwitch,
    startServe: async (name, words = [], { isGated = false } = {}) => {
      const serve = await createServeProcess(plane, {
        name,
        clusterName,
        endpoint: cloud.wire.endpoint,
        region: cloud.wire.account.region,
        kubeconfigPath: isGated ? gate.kubeconfigPath : plane.kubeconfigOf(SYSTEM_UNDER_TEST.name),
        words,
      });
      last = serve;
      await serve.component.start();
      scene.operationsUrls.add(serve.operationsUrl);
      return serve;
    },
    close: async () => {
      await gate.close();
      await claims.stop();
      await scene.close();
    },
  };
}

/** A stage that ends with the test; a test that failed shows where the logs are. */
export async function openTestEc2Stage(
  t: Test,
  options: Omit<Ec2StageOptions, 'log'> = {},
): Promise<Ec2Stage> {
  const stage = await openEc2Stage({ ...options, log: (line) => t.comment(line) });
  t.teardown(async () => await stage.close());
  return stage;
}

/** Waits until the class has been found to be in order, which is the product's work here. */
export async function untilNodeClassReady({ plane }: Ec2Stage): Promise<void> {
  const path = `${nodeClassesPath}/${ownNodeClass.metadata.name}`;
  await poll('the node class is ready', deadlineMs, async () =>
    hasCondition(await plane.client.expect('GET', path), 'Ready'),
  );
}

/** What must hold at the end of every scenario, and what EC2 knows beside. */
export function checkEc2Promises(t: Test, stage: Ec2Stage): void {
  const { cloud, claims } = stage;
  checkPromises(t, stage);
  // One that ends within seconds may end before it has been told whose it is: its claim knew.
  const strangers = cloud.nameless.filter((providerID) => !claims.instances.has(providerID));
  t.strictSame(strangers, [], 'every instance was launched for a claim');
  t.strictSame(claims.shared, [], 'no instance belongs to two claims');
  t.comment(`${cloud.engine.instances.size} instances, ${claims.count} NodeClaims`);
  t.comment(callsLine(stage));
}

/** Calls that were made of AWS, by action, and how those ended that were refused or not answered. */
function callsLine({ cloud }: Ec2Stage): string {
  const byAction = Map.groupBy(cloud.wire.calls, ({ service, action }) => `${service}:${action}`);
  return [...byAction]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([action, calls]) => {
      const failed = Map.groupBy(calls, ({ error }) => error);
      failed.delete('');
      const ends = [...failed].map(([error, { length }]) => `${length} ${error}`);
      return `${action} ${calls.length}${ends.length > 0 ? ` (${ends.join(', ')})` : ''}`;
    })
    .join('; ');
}
