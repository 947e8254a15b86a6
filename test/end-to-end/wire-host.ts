/**
 * The simulated EC2 beside a real cluster, on the wire: what the product's own SDK speaks to.
 *
 * In: an administrator's API client, how much faster machines boot and end than real ones. Out: an
 * address for `--endpoint`, the engine for looking and for mischief, every launch with its time. Only
 * boots and ends are hastened: limits, lags, warnings and times on the wire are real, because the
 * process under test lives in real time. It outlives whatever the test kills.
 */
import { loadCatalogue } from '../../catalogue/loader.ts';
import { tagNodeClaimUid } from '../../core/lifecycle/launch-request.ts';
import { systemClock } from '../../extender/adapters/system.ts';
import { defaultBootModel } from '../../sim/boot-time.ts';
import { providerIdOf } from '../../sim/cloud.ts';
import { endlessCapacity } from '../../sim/ec2-capacity.ts';
import { Ec2Engine } from '../../sim/ec2-engine.ts';
import type { Ec2Instance, Ec2Options } from '../../sim/ec2-types.ts';
import { createRandom } from '../../sim/random.ts';
import { createAccount, engineOptionsOf } from '../../sim/wire/account.ts';
import { createFaultRules } from '../../sim/wire/faults.ts';
import { readMachineUserData } from '../../sim/wire/machine-user-data.ts';
import { startWire, type Wire } from '../../sim/wire/server.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import type { KillSwitch } from './kill-switch.ts';
import { startMachineRoom } from './machine-room.ts';
import { scaledClock } from './scaled-clock.ts';
import type { CloudSite } from './scene.ts';

export interface WireHostOptions {
  readonly clusterName: string;
  readonly seed: number;
  /** How much faster machines boot and end; 40 s from launch to Ready become 2 at 20. */
  readonly speed: number;
  /** Asked at every call. */
  readonly killSwitch: KillSwitch;
  /** By default everything can be had, calls are limited, and reads lag writes. */
  readonly ec2?: Omit<Ec2Options, 'types'>;
}

export interface WireHost extends CloudSite {
  readonly wire: Wire;
  /** Provider ids of instances that were launched and never got the name of a claim. */
  readonly nameless: readonly string[];
}

const allocatable = { memoryOverhead: 'measured', reservedEnis: 0 } as const;
const shutdownMs = [20_000, 60_000] as const;

export async function startWireHost(
  { client, apiUrl, authorityCertificate }: ControlPlane,
  { clusterName, seed, speed, killSwitch, ec2 }: WireHostOptions,
): Promise<WireHost> {
  const clock = scaledClock(systemClock, 1);
  const random = createRandom(seed);
  const catalogue = loadCatalogue();
  const { types } = catalogue;
  const account = createAccount(catalogue, {
    clusterName,
    clusterEndpoint: apiUrl,
    certificateAuthority: Buffer.from(authorityCertificate).toString('base64'),
  });
  const [leastMs, mostMs] = shutdownMs;
  const engine = new Ec2Engine(clock, random.branch('ec2'), {
    types,
    ...engineOptionsOf(account),
    capacity: endlessCapacity,
    isThrottled: true,
    boot: {
      ...defaultBootModel,
      vmMedianMs: defaultBootModel.vmMedianMs / speed,
      osMedianMs: defaultBootModel.osMedianMs / speed,
      readyMedianMs: defaultBootModel.readyMedianMs / speed,
      deviceMedianMs: defaultBootModel.deviceMedianMs / speed,
      // A machine that never joins is the business of tests on the simulated clock.
      neverJoinsShare: 0,
    },
    shutdownMs: [leastMs / speed, mostMs / speed],
    ...ec2,
  });
  const rules = createFaultRules();
  const wire = await startWire({
    engine,
    clock,
    account,
    catalogue,
    random: random.branch('wire'),
    duplicateShare: 0.1,
    faults: {
      add: (rule) => rules.add(rule),
      clear: () => rules.clear(),
      get pending() {
        return rules.pending;
      },
      on: (service, action) => {
        const call = `${service}:${action}`;
        // Who is dead hears nothing, whether what it asked for is done or not.
        if (killSwitch.passes(call, 'before')) return { type: 'lose-request' };
        if (killSwitch.passes(call, 'after')) return { type: 'lose-answer' };
        return rules.on(service, action);
      },
    },
  });
  const machines = startMachineRoom({
    client,
    engine,
    clock,
    types,
    allocatable,
    readUserData: readMachineUserData,
  });
  const all = (): readonly Ec2Instance[] => [...engine.instances.values()];
  return {
    wire,
    engine,
    machines,
    living: () => all().filter(({ state }) => state === 'pending' || state === 'running'),
    // Ended instances are listed for an hour, longer than a test: a claim has one in its whole life.
    get doubles() {
      const byClaim = Map.groupBy(all(), ({ tags }) => tags[tagNodeClaimUid]);
      byClaim.delete(undefined);
      return [...byClaim]
        .filter(([, { length }]) => length > 1)
        .map(([uid, some]) => `${uid}: ${some.map(({ instanceId }) => instanceId).join(', ')}`);
    },
    get nameless() {
      return all()
        .filter(({ tags }) => tags[tagNodeClaimUid] === undefined)
        .map(providerIdOf);
    },
    stop: async () => {
      await wire.close();
      await machines.stop();
      clock.stop();
    },
  };
}
