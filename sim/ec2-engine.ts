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
import {
  type CapacityPools,
  createCapacityPools,
  defaultCapacityModel,
  type PoolKey,
} from './ec2-capacity.ts';
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
import { createTokenBucket, type TokenBucket } from './token-bucket.ts';

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

export class Ec2Engine {
  readonly #clock: Clock;
  readonly #random: SeededRandom;
  readonly #options: Ec2Options;
  readonly #facts: ReadonlyMap<string, InstanceTypeFacts>;
  readonly #pools: CapacityPools;
  readonly #limits: ReadonlyMap<string, TokenBucket>;
  readonly #entries = new Map<string, Entry>();
  readonly #fleets = new Map<string, { readonly request: string; readonly result: FleetResult }>();
  readonly #listeners: ((event: Ec2Event) => void)[] = [];
  readonly #freeAddresses: number[] = [];
  readonly #addressesInUse = new Map<string, number>();
  readonly #vcpusInUse = { 'on-demand': 0, spot: 0 };
  #nextAddress = 0;
  #spentNano = 0;

  constructor(clock: Clock, random: SeededRandom, options: Ec2Options) {
    this.#clock = clock;
    this.#random = random;
    this.#options = options;
    this.#facts = new Map(options.types.map((type) => [type.name, type]));
    const capacity = options.capacity ?? defaultCapacityModel;
    this.#pools = createCapacityPools(clock, random.branch('capacity'), capacity);
    this.#limits = new Map(
      Object.entries(buckets).map(([action, [size, refill]]) => [
        action,
        createTokenBucket(clock, size, refill),
      ]),
    );
  }

  /** Everything as it is, without lag: for checks. */
  get instances(): ReadonlyMap<string, Ec2Instance> {
    return new Map([...this.#entries].map(([id, { instance }]) => [id, instance]));
  }

  /** Calls `listener` on every event; it must not call back. */
  listen(listener: (event: Ec2Event) => void): void {
    this.#listeners.push(listener);
  }

  /** @throws Ec2Error */
  createFleet(request: FleetRequest): FleetResult {
    const isLost = this.#enter('CreateFleet');
    if (request.overrides.length === 0) {
      throw new Ec2Error('MissingParameter', 'The request must contain overrides.');
    }
    const { clientToken } = request;
    const text = JSON.stringify(request);
    const known = this.#fleets.get(clientToken);
    if (known !== undefined && known.request !== text) {
      throw new Ec2Error('IdempotentParameterMismatch', 'The client token was used before.');
    }
    const result = known?.result ?? this.#fulfil(request);
    if (known === undefined) {
      this.#fleets.set(clientToken, { request: text, result });
      this.#clock.schedule(tokenLifeMs, () => this.#fleets.delete(clientToken));
    }
    return leave(isLost, result);
  }

  /** Those of the ids that can be seen; without ids all that can be seen. @throws Ec2Error */
  describeInstances(instanceIds?: readonly string[]): readonly Ec2Instance[] {
    const isLost = this.#enter('DescribeInstances');
    const nowMs = this.#clock.nowMs();
    const seen = (entry: Entry | undefined): readonly Ec2Instance[] =>
      entry === undefined || entry.visibleMs > nowMs ? [] : [entry.instance];
    const found =
      instanceIds === undefined
        ? [...this.#entries.values()].flatMap(seen)
        : instanceIds.flatMap((id) => seen(this.#entries.get(id)));
    return leave(isLost, found);
  }

  /** Unknown ids refuse the whole call. @throws Ec2Error */
  terminateInstances(instanceIds: readonly string[]): readonly Ec2Instance[] {
    const isLost = this.#enter('TerminateInstances');
    const found = instanceIds.map((id) => this.#known(id));
    for (const entry of found) this.#end(entry, 'Client.UserInitiatedShutdown');
    return leave(
      isLost,
      found.map(({ instance }) => instance),
    );
  }

  /** @throws Ec2Error */
  createTags(instanceId: string, tags: Readonly<Record<string, string>>): void {
    const isLost = this.#enter('CreateTags');
    const entry = this.#known(instanceId);
    entry.instance = { ...entry.instance, tags: { ...entry.instance.tags, ...tags } };
    leave(isLost, undefined);
  }

  /** Makes matching pools dry until a time. */
  drain(matches: (key: PoolKey) => boolean, untilMs: number): void {
    this.#pools.drain(matches, untilMs);
  }

  /** Spot takes an instance back: a warning now, the end two minutes later. */
  reclaim(instanceId: string): void {
    const entry = this.#entries.get(instanceId);
    if (entry === undefined || entry.instance.state !== 'running') return;
    this.#emit({ type: 'interruption', instance: entry.instance });
    this.#clock.schedule(warningMs, () => this.#end(entry, 'Server.SpotInstanceTermination'));
  }

  /** The host of an instance fails now. */
  fail(instanceId: string): void {
    const entry = this.#entries.get(instanceId);
    if (entry !== undefined) this.#end(entry, 'Server.InternalError');
  }

  /** nano-USD that all instances have cost so far, by the millisecond. */
  spentNanoUsd(): number {
    let sum = this.#spentNano;
    for (const { instance } of this.#entries.values()) {
      if (instance.state !== 'terminated') sum += costOf(instance, this.#clock.nowMs());
    }
    return sum;
  }

  #emit(event: Ec2Event): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Whether the call is let in; true if its answer will be lost. */
  #enter(action: Ec2Action): boolean {
    const fault = this.#options.faults?.on(action);
    if (fault?.type === 'refuse') throw new Ec2Error(fault.code, `${action} was refused`);
    if (this.#options.isThrottled === true && this.#limits.get(action)?.take() === false) {
      throw new Ec2Error('RequestLimitExceeded', 'Request limit exceeded.');
    }
    return fault?.type === 'lose-answer';
  }

  #known(instanceId: string): Entry {
    const entry = this.#entries.get(instanceId);
    if (entry !== undefined) return entry;
    throw new Ec2Error(
      'InvalidInstanceID.NotFound',
      `The instance ID '${instanceId}' does not exist`,
    );
  }

  #fulfil(request: FleetRequest): FleetResult {
    const instances: Ec2Instance[] = [];
    const errors: FleetError[] = [];
    for (const override of this.#inOrder(request)) {
      while (instances.length < request.targetCapacity) {
        const error = this.#obstacle(request, override);
        const type = this.#facts.get(override.instanceType);
        if (error !== undefined || type === undefined) {
          if (error !== undefined) errors.push(error);
          break;
        }
        instances.push(this.#launch(request, override, type));
      }
    }
    return { fleetId: `fleet-${this.#random.uuid()}`, instances, errors };
  }

  #inOrder(request: FleetRequest): readonly FleetOverride[] {
    if (request.strategy === 'prioritized') return request.overrides;
    const price = ({ instanceType, zone }: FleetOverride): number => {
      const type = this.#facts.get(instanceType);
      return (type && priceOf(type, zone, request.capacityType)) ?? Infinity;
    };
    return request.overrides.toSorted((a, b) => price(a) - price(b));
  }

  /** Why no instance comes from there; `undefined` if one was taken. */
  #obstacle(request: FleetRequest, override: FleetOverride): FleetError | undefined {
    const refuse = (code: string, message: string): FleetError => ({ ...override, code, message });
    const type = this.#facts.get(override.instanceType);
    const { capacityType } = request;
    if (type === undefined || priceOf(type, override.zone, capacityType) === undefined) {
      return refuse('Unsupported', 'The instance type is not offered in the Availability Zone.');
    }
    const { quotaVcpu = Infinity, addressesPerZone = Infinity } = this.#options;
    if (this.#vcpusInUse[capacityType] + type.vcpuCount > quotaVcpu) {
      return capacityType === 'spot'
        ? refuse('MaxSpotInstanceCountExceeded', 'Max spot instance count exceeded')
        : refuse('VcpuLimitExceeded', 'You have requested more vCPU capacity than your limit.');
    }
    if ((this.#addressesInUse.get(override.zone) ?? 0) >= addressesPerZone) {
      return refuse('InsufficientFreeAddressesInSubnet', 'The subnet has no free addresses.');
    }
    if (!this.#pools.take({ ...override, capacityType }, type)) {
      return refuse('InsufficientInstanceCapacity', 'There is no capacity for your request.');
    }
    return undefined;
  }

  #launch(request: FleetRequest, override: FleetOverride, type: InstanceTypeFacts): Ec2Instance {
    const { capacityType, imageId, userData, tags } = request;
    const random = this.#random;
    const nowMs = this.#clock.nowMs();
    const instanceId = `i-${random.uuid().replaceAll('-', '').slice(0, 17)}`;
    const address = this.#freeAddresses.pop() ?? (this.#nextAddress += 1);
    const instance: Ec2Instance = {
      ...override,
      instanceId,
      capacityType,
      state: 'pending',
      stateReason: '',
      launchedMs: nowMs,
      privateDnsName: dnsNameOf(address),
      imageId,
      userData,
      tags,
      priceNanoUsdPerHour: priceOf(type, override.zone, capacityType) ?? 0,
    };
    const boot = drawBootTimes(type, this.#options.boot ?? defaultBootModel, random);
    const entry: Entry = { instance, visibleMs: nowMs + this.#lagMs(), facts: type, boot, address };
    this.#countAddress(override.zone, 1);
    this.#entries.set(instanceId, entry);
    this.#vcpusInUse[capacityType] += type.vcpuCount;
    this.#schedule(entry);
    return instance;
  }

  #schedule(entry: Entry): void {
    const { boot, instance } = entry;
    const isUp = () => entry.instance.state === 'pending' || entry.instance.state === 'running';
    this.#clock.schedule(boot.runningMs, () => {
      if (entry.instance.state === 'pending') this.#setState(entry, { state: 'running' });
    });
    if (boot.registerMs !== undefined) {
      this.#clock.schedule(boot.runningMs + boot.registerMs, () => {
        if (isUp()) this.#emit({ type: 'kubelet', instance: entry.instance, boot });
      });
    }
    const { spotLifeMs = Infinity, hostLifeMs = Infinity } = this.#options;
    if (instance.capacityType === 'spot' && spotLifeMs < Infinity) {
      const lifeMs = exponential(this.#random, spotLifeMs);
      this.#clock.schedule(lifeMs, () => this.reclaim(instance.instanceId));
    }
    if (hostLifeMs < Infinity) {
      const lifeMs = exponential(this.#random, hostLifeMs);
      this.#clock.schedule(lifeMs, () => this.fail(instance.instanceId));
    }
  }

  #end(entry: Entry, stateReason: string): void {
    if (entry.instance.state === 'shutting-down' || entry.instance.state === 'terminated') return;
    this.#setState(entry, { state: 'shutting-down', stateReason });
    const lastsMs = shutdownMinMs + this.#random.float() * (shutdownMaxMs - shutdownMinMs);
    this.#clock.schedule(lastsMs, () => {
      const { instance } = entry;
      this.#spentNano += costOf(instance, this.#clock.nowMs());
      this.#vcpusInUse[instance.capacityType] -= entry.facts.vcpuCount;
      this.#pools.give(instance);
      this.#countAddress(instance.zone, -1);
      this.#freeAddresses.push(entry.address);
      this.#setState(entry, { state: 'terminated' });
      this.#clock.schedule(listedAfterEndMs, () => this.#entries.delete(instance.instanceId));
    });
  }

  #setState(entry: Entry, change: Partial<Ec2Instance>): void {
    entry.instance = { ...entry.instance, ...change };
    this.#emit({ type: 'state', instance: entry.instance });
  }

  #countAddress(zone: string, change: 1 | -1): void {
    this.#addressesInUse.set(zone, (this.#addressesInUse.get(zone) ?? 0) + change);
  }

  #lagMs(): number {
    if (this.#options.isConsistent === true) return 0;
    const maxMs = this.#random.chance(longLagShare) ? longLagMaxMs : lagMaxMs;
    return this.#random.float() * maxMs;
  }
}

/** The answer, unless it is lost on the way. */
function leave<T>(isLost: boolean, answer: T): T {
  if (isLost) throw new Ec2Error('RequestTimeout', 'the answer was lost');
  return answer;
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
