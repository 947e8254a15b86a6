/**
 * The simulated EC2 beside a real cluster: served to the process under test, with machines that join.
 *
 * In: an administrator's API client, instance types, how much faster than real its time goes. Out:
 * an address for `createRemoteCloud`, the engine itself for looking and for mischief, every launch
 * with its time. It lives in the process of the test and so outlives whatever the test kills.
 */
import type { CloudProvider, LaunchOffering } from '../../core/cloud-port.ts';
import type { InstanceTypeFacts } from '../../core/state/instance-type.ts';
import { systemClock } from '../../extender/adapters/system.ts';
import { createSimulatedCloud } from '../../sim/cloud.ts';
import { endlessCapacity } from '../../sim/ec2-capacity.ts';
import { Ec2Engine } from '../../sim/ec2-engine.ts';
import type { Ec2Instance, Ec2Options } from '../../sim/ec2-types.ts';
import { createRandom } from '../../sim/random.ts';
import { readJsonUserData } from '../../sim/user-data.ts';
import type { ApiClient } from '../control-plane/api-client.ts';
import { startCloudServer } from './cloud-server.ts';
import { startMachineRoom } from './machine-room.ts';
import { scaledClock } from './scaled-clock.ts';
import type { CloudSite } from './scene.ts';

export interface CloudHostOptions {
  /** An administrator's: machines register with it. */
  readonly client: ApiClient;
  readonly clusterName: string;
  readonly types: readonly InstanceTypeFacts[];
  readonly seed: number;
  /** So many seconds of the cloud pass in one; 40 s from launch to Ready become 2 at 20. */
  readonly speed: number;
  /** By default everything can be had, every machine joins, and reads lag writes. */
  readonly ec2?: Omit<Ec2Options, 'types'>;
}

/** A launch as it was asked for. */
export interface LaunchRecord {
  readonly nodeClaimName: string;
  readonly offerings: readonly LaunchOffering[];
  /** When the call came, by `performance.now`. */
  readonly calledMs: number;
}

export interface CloudHost extends CloudSite {
  readonly url: string;
  readonly launches: readonly LaunchRecord[];
}

const allocatable = { memoryOverhead: 'measured', reservedEnis: 0 } as const;
/** More than a run of an hour makes. */
const launchesMax = 100_000;

export async function startCloudHost(options: CloudHostOptions): Promise<CloudHost> {
  const { client, clusterName, types, seed, speed, ec2 } = options;
  const clock = scaledClock(systemClock, speed);
  const engine = new Ec2Engine(clock, createRandom(seed), {
    capacity: endlessCapacity,
    ...ec2,
    types,
  });
  const launches: LaunchRecord[] = [];
  const doubles = watchDoubles(engine);
  const simulated = createSimulatedCloud({ clock, engine, types, clusterName, allocatable });
  const recorded: CloudProvider = {
    ...inRealTime(simulated, clock.toRealMs),
    launch: async (request, callOptions) => {
      const { nodeClaimName, offerings } = request;
      if (launches.length < launchesMax) {
        launches.push({ nodeClaimName, offerings, calledMs: performance.now() });
      }
      const outcome = await simulated.launch(request, callOptions);
      if (outcome.outcome === 'failed') return outcome;
      const { instance } = outcome;
      const launchedMs = Math.round(clock.toRealMs(instance.launchedMs));
      return { ...outcome, instance: { ...instance, launchedMs } };
    },
  };
  const machines = startMachineRoom({
    client,
    engine,
    clock,
    types,
    allocatable,
    readUserData: readJsonUserData,
  });
  const server = await startCloudServer(recorded);
  return {
    url: server.url,
    engine,
    launches,
    machines,
    doubles,
    living: () => [...engine.instances.values()].filter(isLiving),
    stop: async () => {
      await server.close();
      await machines.stop();
      clock.stop();
    },
  };
}

/** Reads whose times are those of the process that asks. */
function inRealTime(cloud: CloudProvider, toRealMs: (timeMs: number) => number): CloudProvider {
  return {
    ...cloud,
    list: async (callOptions) => {
      const instances = await cloud.list(callOptions);
      return instances.map((one) => ({ ...one, launchedMs: Math.round(toRealMs(one.launchedMs)) }));
    },
    get: async (providerID, callOptions) => {
      const one = await cloud.get(providerID, callOptions);
      return one && { ...one, launchedMs: Math.round(toRealMs(one.launchedMs)) };
    },
  };
}

function watchDoubles(engine: Ec2Engine): readonly string[] {
  const doubles: string[] = [];
  engine.listen(({ type, instance }) => {
    if (type !== 'state' || instance.state !== 'running') return;
    const name = instance.tags['Name'];
    // Launched together with others: it is told its name later.
    if (name === undefined) return;
    for (const other of engine.instances.values()) {
      const isOther = other.instanceId !== instance.instanceId && isLiving(other);
      if (isOther && other.tags['Name'] === name) {
        doubles.push(`${name}: ${other.instanceId} and ${instance.instanceId}`);
      }
    }
  });
  return doubles;
}

function isLiving({ state }: Ec2Instance): boolean {
  return state === 'pending' || state === 'running';
}
