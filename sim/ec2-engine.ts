/**
 * A simulated EC2: instances, the pools that they come from, and what becomes of them.
 *
 * In: calls in EC2's words, answered at once (whoever puts a wire or a latency in front does so
 * outside). Out: answers, errors with EC2's codes, and events. Facts: `reference/ec2.md` C1 to C6:
 * fleets may succeed in part, the same token gives the same instances, reads lag writes, ended
 * instances stay listed for an hour, spot warns two minutes before.
 */
import type { Clock } from '../core/ports.ts';
import type { InstanceTypeFacts } from '../core/state/instance-type.ts';
import { type BootTimes, defaultBootModel, drawBootTimes } from './boot-time.ts';
import { createCapacityPools, defaultCapacityModel, type PoolKey } from './ec2-capacity.ts';
import {
  type Ec2Action,
  Ec2Error,
  type Ec2Event,
  type Ec2Instance,
  type Ec2Options,
  type FleetError,
  type FleetOverride,
  type FleetRequest,
  type FleetResult,
} from './ec2-types.ts';
import { exponential, type SeededRandom } from './random.ts';
import { createTokenBucket } from './token-bucket.ts';

export interface Ec2Engine {
  /** @throws Ec2Error */
  createFleet(request: FleetRequest): FleetResult;
  /** Those of the ids that can be seen; without ids all that can be seen. @throws Ec2Error */
  describeInstances(instanceIds?: readonly string[]): readonly Ec2Instance[];
  /** Unknown ids refuse the whole call. @throws Ec2Error */
  terminateInstances(instanceIds: readonly string[]): readonly Ec2Instance[];
  /** @throws Ec2Error */
  createTags(instanceId: string, tags: Readonly<Record<string, string>>): void;
  /** Makes matching pools dry until a time. */
  drain(matches: (key: PoolKey) => boolean, untilMs: number): void;
  /** Spot takes an instance back: a warning now, the end two minutes later. */
  reclaim(instanceId: string): void;
  /** The host of an instance fails now. */
  fail(instanceId: string): void;
  /** Everything as it is, without lag: for checks. */
  readonly instances: ReadonlyMap<string, Ec2Instance>;
  /** nano-USD that all instances have cost so far, by the second. */
  spentNanoUsd(): number;
  /** Calls `listener` on every event; it must not call back. */
  listen(listener: (event: Ec2Event) => void): void;
}

const hourMs = 3_600_000;
const warningMs = 120_000;
const shutdownMinMs = 20_000;
const shutdownMaxMs = 60_000;
const listedAfterEndMs = hourMs;
/** How long a client token is remembered. */
const tokenLifeMs = 24 * hourMs;
/** Share of launches that stay unseen for long, and for how long the others and these do. */
const longLagShare = 0.02;
const lagMaxMs = 5_000;
const longLagMaxMs = 30_000;
/** Size and refill per second. */
const buckets: Readonly<Record<Ec2Action, readonly [number, number]>> = {
  CreateFleet: [50, 5],
  DescribeInstances: [100, 20],
  TerminateInstances: [100, 5],
  CreateTags: [100, 10],
};

interface Entry {
  instance: Ec2Instance;
  readonly visibleMs: number;
  readonly facts: InstanceTypeFacts;
  readonly boot: BootTimes;
  /** Its private address; free again when it has ended, as names of nodes then are. */
  readonly address: number;
}

export function createEc2Engine(
  clock: Clock,
  random: SeededRandom,
  options: Ec2Options,
): Ec2Engine {
  const facts = new Map(options.types.map((type) => [type.name, type]));
  const pools = createCapacityPools(
    clock,
    random.branch('capacity'),
    options.capacity ?? defaultCapacityModel,
  );
  const limits = new Map(
    Object.entries(buckets).map(([action, [size, refill]]) => [
      action,
      createTokenBucket(clock, size, refill),
    ]),
  );
  const entries = new Map<string, Entry>();
  const fleets = new Map<string, { readonly request: string; readonly result: FleetResult }>();
  const listeners: ((event: Ec2Event) => void)[] = [];
  const freeAddresses: number[] = [];
  const addressesInUse = new Map<string, number>();
  const vcpusInUse = { 'on-demand': 0, spot: 0 };
  let nextAddress = 0;
  let spentNano = 0;

  function emit(event: Ec2Event): void {
    for (const listener of listeners) listener(event);
  }

  function enter(action: Ec2Action): boolean {
    const fault = options.faults?.on(action);
    if (fault?.type === 'refuse') throw new Ec2Error(fault.code, `${action} was refused`);
    if (options.isThrottled === true && limits.get(action)?.take() === false) {
      throw new Ec2Error('RequestLimitExceeded', 'Request limit exceeded.');
    }
    return fault?.type === 'lose-answer';
  }

  function leave<T>(isLost: boolean, answer: T): T {
    if (isLost) throw new Ec2Error('RequestTimeout', 'the answer was lost');
    return answer;
  }

  function setState(entry: Entry, change: Partial<Ec2Instance>): void {
    entry.instance = { ...entry.instance, ...change };
    emit({ type: 'state', instance: entry.instance });
  }

  function launch(
    request: FleetRequest,
    override: FleetOverride,
    type: InstanceTypeFacts,
  ): Ec2Instance {
    const instanceId = `i-${random.uuid().replaceAll('-', '').slice(0, 17)}`;
    const address = freeAddresses.pop() ?? (nextAddress += 1);
    const instance: Ec2Instance = {
      ...override,
      instanceId,
      capacityType: request.capacityType,
      state: 'pending',
      stateReason: '',
      launchedMs: clock.nowMs(),
      privateDnsName: dnsNameOf(address),
      imageId: request.imageId,
      userData: request.userData,
      tags: request.tags,
      priceNanoUsdPerHour: priceOf(type, override.zone, request.capacityType) ?? 0,
    };
    const boot = drawBootTimes(type, options.boot ?? defaultBootModel, random);
    const visibleMs = clock.nowMs() + lagMs();
    const entry: Entry = { instance, visibleMs, facts: type, boot, address };
    countAddress(override.zone, 1);
    entries.set(instanceId, entry);
    vcpusInUse[request.capacityType] += type.vcpuCount;
    schedule(entry);
    return instance;
  }

  function schedule(entry: Entry): void {
    const { boot, instance } = entry;
    const isUp = () => entry.instance.state === 'pending' || entry.instance.state === 'running';
    clock.schedule(boot.runningMs, () => {
      if (entry.instance.state === 'pending') setState(entry, { state: 'running' });
    });
    if (boot.registerMs !== undefined) {
      clock.schedule(boot.runningMs + boot.registerMs, () => {
        if (isUp()) emit({ type: 'kubelet', instance: entry.instance, boot });
      });
    }
    const { spotLifeMs = Infinity, hostLifeMs = Infinity } = options;
    if (instance.capacityType === 'spot' && spotLifeMs < Infinity) {
      clock.schedule(exponential(random, spotLifeMs), () => reclaim(instance.instanceId));
    }
    if (hostLifeMs < Infinity) {
      clock.schedule(exponential(random, hostLifeMs), () => fail(instance.instanceId));
    }
  }

  function countAddress(zone: string, change: 1 | -1): void {
    addressesInUse.set(zone, (addressesInUse.get(zone) ?? 0) + change);
  }

  function lagMs(): number {
    if (options.isConsistent === true) return 0;
    return random.float() * (random.chance(longLagShare) ? longLagMaxMs : lagMaxMs);
  }

  /** Why no instance comes from there; `undefined` if one was taken. */
  function obstacle(request: FleetRequest, override: FleetOverride): FleetError | undefined {
    const refuse = (code: string, message: string): FleetError => ({ ...override, code, message });
    const type = facts.get(override.instanceType);
    const { capacityType } = request;
    if (type === undefined || priceOf(type, override.zone, capacityType) === undefined) {
      return refuse('Unsupported', 'The instance type is not offered in the Availability Zone.');
    }
    if (vcpusInUse[capacityType] + type.vcpuCount > (options.quotaVcpu ?? Infinity)) {
      return capacityType === 'spot'
        ? refuse('MaxSpotInstanceCountExceeded', 'Max spot instance count exceeded')
        : refuse('VcpuLimitExceeded', 'You have requested more vCPU capacity than your limit.');
    }
    if ((addressesInUse.get(override.zone) ?? 0) >= (options.addressesPerZone ?? Infinity)) {
      return refuse('InsufficientFreeAddressesInSubnet', 'The subnet has no free addresses.');
    }
    if (!pools.take({ ...override, capacityType }, type)) {
      return refuse(
        'InsufficientInstanceCapacity',
        'There is no capacity that matches your request.',
      );
    }
    return undefined;
  }

  function inOrder(request: FleetRequest): readonly FleetOverride[] {
    if (request.strategy === 'prioritized') return request.overrides;
    const price = ({ instanceType, zone }: FleetOverride): number => {
      const type = facts.get(instanceType);
      return (type && priceOf(type, zone, request.capacityType)) ?? Infinity;
    };
    return request.overrides.toSorted((a, b) => price(a) - price(b));
  }

  function fulfil(request: FleetRequest): FleetResult {
    const instances: Ec2Instance[] = [];
    const errors: FleetError[] = [];
    for (const override of inOrder(request)) {
      while (instances.length < request.targetCapacity) {
        const error = obstacle(request, override);
        const type = facts.get(override.instanceType);
        if (error !== undefined || type === undefined) {
          if (error !== undefined) errors.push(error);
          break;
        }
        instances.push(launch(request, override, type));
      }
    }
    return { fleetId: `fleet-${random.uuid()}`, instances, errors };
  }

  function end(entry: Entry, stateReason: string): void {
    if (entry.instance.state === 'shutting-down' || entry.instance.state === 'terminated') return;
    setState(entry, { state: 'shutting-down', stateReason });
    const lastsMs = shutdownMinMs + random.float() * (shutdownMaxMs - shutdownMinMs);
    clock.schedule(lastsMs, () => {
      const { instance } = entry;
      spentNano += costOf(instance, clock.nowMs());
      vcpusInUse[instance.capacityType] -= entry.facts.vcpuCount;
      pools.give(instance);
      countAddress(instance.zone, -1);
      freeAddresses.push(entry.address);
      setState(entry, { state: 'terminated' });
      clock.schedule(listedAfterEndMs, () => entries.delete(instance.instanceId));
    });
  }

  function reclaim(instanceId: string): void {
    const entry = entries.get(instanceId);
    if (entry === undefined || entry.instance.state !== 'running') return;
    emit({ type: 'interruption', instance: entry.instance });
    clock.schedule(warningMs, () => end(entry, 'Server.SpotInstanceTermination'));
  }

  function fail(instanceId: string): void {
    const entry = entries.get(instanceId);
    if (entry !== undefined) end(entry, 'Server.InternalError');
  }

  return {
    createFleet: (request) => {
      const isLost = enter('CreateFleet');
      if (request.overrides.length === 0) {
        throw new Ec2Error('MissingParameter', 'The request must contain overrides.');
      }
      const text = JSON.stringify(request);
      const known = fleets.get(request.clientToken);
      if (known !== undefined && known.request !== text) {
        throw new Ec2Error('IdempotentParameterMismatch', 'The client token was used before.');
      }
      const result = known?.result ?? fulfil(request);
      if (known === undefined) {
        fleets.set(request.clientToken, { request: text, result });
        clock.schedule(tokenLifeMs, () => fleets.delete(request.clientToken));
      }
      return leave(isLost, result);
    },

    describeInstances: (instanceIds) => {
      const isLost = enter('DescribeInstances');
      const nowMs = clock.nowMs();
      const seen = (entry: Entry | undefined): readonly Ec2Instance[] =>
        entry === undefined || entry.visibleMs > nowMs ? [] : [entry.instance];
      const found =
        instanceIds === undefined
          ? [...entries.values()].flatMap(seen)
          : instanceIds.flatMap((id) => seen(entries.get(id)));
      return leave(isLost, found);
    },

    terminateInstances: (instanceIds) => {
      const isLost = enter('TerminateInstances');
      const found = instanceIds.map((id) => {
        const entry = entries.get(id);
        if (entry === undefined) {
          throw new Ec2Error(
            'InvalidInstanceID.NotFound',
            `The instance ID '${id}' does not exist`,
          );
        }
        return entry;
      });
      for (const entry of found) end(entry, 'Client.UserInitiatedShutdown');
      return leave(
        isLost,
        found.map(({ instance }) => instance),
      );
    },

    createTags: (instanceId, tags) => {
      const isLost = enter('CreateTags');
      const entry = entries.get(instanceId);
      if (entry === undefined) {
        throw new Ec2Error(
          'InvalidInstanceID.NotFound',
          `The instance ID '${instanceId}' does not exist`,
        );
      }
      entry.instance = { ...entry.instance, tags: { ...entry.instance.tags, ...tags } };
      leave(isLost, undefined);
    },

    drain: (matches, untilMs) => pools.drain(matches, untilMs),
    reclaim,
    fail,
    get instances() {
      return new Map([...entries].map(([id, { instance }]) => [id, instance]));
    },
    spentNanoUsd: () => {
      let sum = spentNano;
      for (const { instance } of entries.values()) {
        if (instance.state !== 'terminated') sum += costOf(instance, clock.nowMs());
      }
      return sum;
    },
    listen: (listener) => {
      listeners.push(listener);
    },
  };
}

function dnsNameOf(address: number): string {
  return `ip-10-${(address >> 16) & 255}-${(address >> 8) & 255}-${address & 255}.ec2.internal`;
}

function priceOf(
  type: InstanceTypeFacts,
  zone: string,
  capacityType: 'on-demand' | 'spot',
): number | undefined {
  return type.offerings.find(
    (offering) => offering.zone === zone && offering.capacityType === capacityType,
  )?.priceNanoUsdPerHour;
}

function costOf({ launchedMs, priceNanoUsdPerHour }: Ec2Instance, nowMs: number): number {
  return Math.round((priceNanoUsdPerHour * (nowMs - launchedMs)) / hourMs);
}
