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
import { formatAddress } from './ec2-addresses.ts';
import type { PoolKey } from './ec2-capacity.ts';
import { createLauncher, type LaunchClaim, type Launcher } from './ec2-launcher.ts';
import { createRateLimits, type RateLimits } from './ec2-limits.ts';
import type { CapacityReservation } from './ec2-reservations.ts';
import type { SpotPrice } from './ec2-spot-prices.ts';
import {
  Ec2Error,
  type Ec2Event,
  type Ec2Instance,
  type Ec2Options,
  type FleetOrder,
  type FleetRequest,
  type FleetResult,
  type ReservationEvent,
} from './ec2-types.ts';
import { exponential, type SeededRandom } from './random.ts';

const hourMs = 3_600_000;
const warningMs = 120_000;
const shutdownMs = [20_000, 60_000] as const;
const listedAfterEndMs = hourMs;
/** How long a client token is remembered. */
const tokenLifeMs = 24 * hourMs;
/** Share of launches that stay unseen for long, and for how long the others and these do. */
const longLagShare = 0.02;
const lagMaxMs = 5_000;
const longLagMaxMs = 30_000;
/** A capacity block is warned of, and its instances are taken, so long before it ends. */
const blockWarningMs = 40 * 60_000;
const blockReclaimMs = 30 * 60_000;

interface Entry {
  instance: Ec2Instance;
  readonly visibleMs: number;
  readonly boot: BootTimes;
  /** What it holds of the account and the pools, until it has ended. */
  readonly claim: LaunchClaim;
}

export class Ec2Engine {
  readonly #clock: Clock;
  readonly #random: SeededRandom;
  readonly #options: Ec2Options;
  readonly #launcher: Launcher;
  readonly #limits: RateLimits;
  readonly #entries = new Map<string, Entry>();
  readonly #fleets = new Map<string, { readonly request: string; readonly result: FleetResult }>();
  readonly #listeners: ((event: Ec2Event) => void)[] = [];
  readonly #reservationListeners: ((event: ReservationEvent) => void)[] = [];
  #spentNano = 0;

  constructor(clock: Clock, random: SeededRandom, options: Ec2Options) {
    this.#clock = clock;
    this.#random = random;
    this.#options = options;
    this.#limits = createRateLimits(clock);
    this.#launcher = createLauncher(clock, random, options, (count) => {
      return options.isThrottled !== true || this.#limits.take('RunInstances/instances', count);
    });
    for (const reservation of options.reservations ?? []) this.#scheduleBlock(reservation);
  }

  /** Everything as it is, without lag: for checks. */
  get instances(): ReadonlyMap<string, Ec2Instance> {
    return new Map([...this.#entries].map(([id, { instance }]) => [id, instance]));
  }

  /** The pools, addresses, quotas and reservations that launches draw on. */
  get launcher(): Launcher {
    return this.#launcher;
  }

  /** Calls `listener` on every event; it must not call back. */
  listen(listener: (event: Ec2Event) => void): void {
    this.#listeners.push(listener);
  }

  /** Calls `listener` when a capacity block has come, and when it will end; it must not call back. */
  listenReservations(listener: (event: ReservationEvent) => void): void {
    this.#reservationListeners.push(listener);
  }

  /** @throws Ec2Error */
  createFleet(request: FleetRequest): FleetResult {
    const isLost = this.admit('CreateFleet');
    if (request.overrides.length === 0) {
      throw new Ec2Error('MissingParameter', 'The request must contain overrides.');
    }
    const { clientToken } = request;
    const text = JSON.stringify(request);
    const known = this.#fleets.get(clientToken);
    if (known !== undefined && known.request !== text) {
      throw new Ec2Error('IdempotentParameterMismatch', 'The client token was used before.');
    }
    const result = known?.result ?? {
      ...this.fulfil(request),
      fleetId: `fleet-${this.#random.uuid()}`,
    };
    if (known === undefined) {
      this.#fleets.set(clientToken, { request: text, result });
      this.#clock.schedule(tokenLifeMs, () => this.#fleets.delete(clientToken));
    }
    return leave(isLost, result);
  }

  /** Launches what can be had; the rest is in the errors. No limits, tokens or faults of the API. */
  fulfil(order: FleetOrder): Omit<FleetResult, 'fleetId'> {
    const { claims, errors } = this.#launcher.claim(order);
    return { instances: claims.map((claim) => this.#launch(claim)), errors };
  }

  /** Those of the ids that can be seen; without ids all that can be seen. @throws Ec2Error */
  describeInstances(instanceIds?: readonly string[]): readonly Ec2Instance[] {
    const isLost = this.admit('DescribeInstances');
    return leave(isLost, this.visible(instanceIds));
  }

  /** As {@link describeInstances}, without limits and faults of the API. */
  visible(instanceIds?: readonly string[]): readonly Ec2Instance[] {
    const nowMs = this.#clock.nowMs();
    const found: Ec2Instance[] = [];
    const look = (entry: Entry | undefined): void => {
      if (entry !== undefined && entry.visibleMs <= nowMs) found.push(entry.instance);
    };
    if (instanceIds === undefined) for (const entry of this.#entries.values()) look(entry);
    else for (const id of instanceIds) look(this.#entries.get(id));
    return found;
  }

  /** Unknown ids refuse the whole call. @throws Ec2Error */
  terminateInstances(instanceIds: readonly string[]): readonly Ec2Instance[] {
    const isLost = this.admit('TerminateInstances');
    return leave(isLost, this.end(instanceIds));
  }

  /** As {@link terminateInstances}, without limits and faults of the API. @throws Ec2Error */
  end(instanceIds: readonly string[]): readonly Ec2Instance[] {
    const found = instanceIds.map((id) => this.#known(id));
    for (const entry of found) this.#end(entry, 'Client.UserInitiatedShutdown');
    return found.map(({ instance }) => instance);
  }

  /** @throws Ec2Error */
  createTags(instanceId: string, tags: Readonly<Record<string, string>>): void {
    const isLost = this.admit('CreateTags');
    this.retag(instanceId, (old) => ({ ...old, ...tags }));
    leave(isLost, undefined);
  }

  /** Changes tags, without limits and faults of the API. @throws Ec2Error */
  retag(
    instanceId: string,
    change: (tags: Readonly<Record<string, string>>) => Readonly<Record<string, string>>,
  ): void {
    const entry = this.#known(instanceId);
    entry.instance = { ...entry.instance, tags: change(entry.instance.tags) };
  }

  /**
   * Lets a call in, whatever it does.
   * @param isUnpaged for reads: neither filter, ids nor page size
   * @returns true if its answer is to be lost
   * @throws Ec2Error where a limit or a fault refuses it
   */
  admit(action: string, isUnpaged = false): boolean {
    const fault = this.#options.faults?.on(action);
    if (fault?.type === 'refuse') throw new Ec2Error(fault.code, `${action} was refused`);
    if (this.#options.isThrottled === true) {
      const isLet = isUnpaged ? this.#limits.takeUnpaged(action) : this.#limits.take(action);
      if (!isLet) throw new Ec2Error('RequestLimitExceeded', 'Request limit exceeded.');
    }
    return fault?.type === 'lose-answer';
  }

  /** Takes tokens for the instances of a call. @throws Ec2Error */
  admitInstances(action: 'TerminateInstances' | 'RunInstances', count: number): void {
    if (this.#options.isThrottled !== true) return;
    if (this.#limits.take(`${action}/instances`, count)) return;
    throw new Ec2Error('RequestLimitExceeded', 'Request limit exceeded.');
  }

  /** Until a time matching pools refuse this share of what is asked of them; all unless given. */
  drain(matches: (key: PoolKey) => boolean, untilMs: number, share?: number): void {
    this.#launcher.pools.drain(matches, untilMs, share);
  }

  /** Spot takes an instance back: a warning now, the end two minutes later. */
  reclaim(instanceId: string): void {
    const entry = this.#running(instanceId);
    if (entry === undefined) return;
    this.#emit({ type: 'interruption', instance: entry.instance });
    this.#clock.schedule(warningMs, () => this.#end(entry, 'Server.SpotInstanceTermination'));
  }

  /** Says that spot may take an instance back before long. */
  recommendRebalance(instanceId: string): void {
    const entry = this.#running(instanceId);
    if (entry !== undefined) this.#emit({ type: 'rebalance', instance: entry.instance });
  }

  /** Announces work on the host of an instance. Nothing happens to it by itself. */
  scheduleMaintenance(instanceId: string, startMs: number): void {
    const entry = this.#running(instanceId);
    if (entry !== undefined) this.#emit({ type: 'maintenance', instance: entry.instance, startMs });
  }

  /** The host of an instance fails now. */
  fail(instanceId: string): void {
    const entry = this.#entries.get(instanceId);
    if (entry !== undefined) this.#end(entry, 'Server.InternalError');
  }

  /** A reservation that the account has from now on. */
  addReservation(reservation: CapacityReservation): void {
    this.#launcher.reservations.add(reservation);
    this.#scheduleBlock(reservation);
    if (reservation.kind !== 'capacity-block') return;
    for (const listener of this.#reservationListeners) listener({ type: 'delivered', reservation });
  }

  /** The spot price of a pool at a time, and since when it holds; `undefined`: not offered. */
  spotPriceAt(type: InstanceTypeFacts, zone: string, timeMs: number): SpotPrice | undefined {
    return this.#launcher.spotPriceAt(type, zone, timeMs);
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

  #running(instanceId: string): Entry | undefined {
    const entry = this.#entries.get(instanceId);
    return entry?.instance.state === 'running' ? entry : undefined;
  }

  #known(instanceId: string): Entry {
    const entry = this.#entries.get(instanceId);
    if (entry !== undefined) return entry;
    throw new Ec2Error(
      'InvalidInstanceID.NotFound',
      `The instance ID '${instanceId}' does not exist`,
    );
  }

  #launch(claim: LaunchClaim): Ec2Instance {
    const random = this.#random;
    const nowMs = this.#clock.nowMs();
    const instanceId = `i-${random.uuid().replaceAll('-', '').slice(0, 17)}`;
    const { instanceType, zone, capacityType, subnetId, reservationId, spec } = claim;
    const privateIpAddress = formatAddress(claim.address);
    const instance: Ec2Instance = {
      instanceType,
      zone,
      instanceId,
      capacityType,
      state: 'pending',
      stateReason: '',
      launchedMs: nowMs,
      privateDnsName: `ip-${privateIpAddress.replaceAll('.', '-')}.ec2.internal`,
      privateIpAddress,
      subnetId,
      reservationId,
      imageId: spec.imageId,
      userData: spec.userData,
      tags: spec.tags,
      spec,
      priceNanoUsdPerHour: claim.priceNanoUsdPerHour,
    };
    const boot = drawBootTimes(claim.facts, this.#options.boot ?? defaultBootModel, random);
    const entry: Entry = { instance, visibleMs: nowMs + this.#lagMs(), boot, claim };
    this.#entries.set(instanceId, entry);
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

  /** Warned of 40 minutes before its end, taken away from 30 minutes before. */
  #scheduleBlock(reservation: CapacityReservation): void {
    const { id, kind, endMs } = reservation;
    if (endMs === undefined) return;
    const inMs = (timeMs: number): number => Math.max(0, timeMs - this.#clock.nowMs());
    const users = (): Entry[] =>
      [...this.#entries.values()].filter(
        ({ instance }) => instance.reservationId === id && instance.state === 'running',
      );
    if (kind === 'capacity-block') {
      this.#clock.schedule(inMs(endMs - blockWarningMs), () => {
        const reclaimMs = endMs - blockReclaimMs;
        for (const listener of this.#reservationListeners) {
          listener({ type: 'expiring', reservation });
        }
        for (const { instance } of users()) {
          this.#emit({ type: 'block-ends', instance, endMs: reclaimMs });
        }
      });
      this.#clock.schedule(inMs(endMs - blockReclaimMs), () => {
        for (const entry of users()) this.#end(entry, 'Server.CapacityBlockExpired');
      });
    }
    this.#clock.schedule(inMs(endMs), () => this.#launcher.reservations.expire(id));
  }

  #end(entry: Entry, stateReason: string): void {
    if (entry.instance.state === 'shutting-down' || entry.instance.state === 'terminated') return;
    this.#setState(entry, { state: 'shutting-down', stateReason });
    const [leastMs, mostMs] = this.#options.shutdownMs ?? shutdownMs;
    const lastsMs = leastMs + this.#random.float() * (mostMs - leastMs);
    this.#clock.schedule(lastsMs, () => {
      const { instance } = entry;
      this.#spentNano += costOf(instance, this.#clock.nowMs());
      this.#launcher.release(entry.claim);
      this.#setState(entry, { state: 'terminated' });
      this.#clock.schedule(listedAfterEndMs, () => this.#entries.delete(instance.instanceId));
    });
  }

  #setState(entry: Entry, change: Partial<Ec2Instance>): void {
    entry.instance = { ...entry.instance, ...change };
    this.#emit({ type: 'state', instance: entry.instance });
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

function costOf({ launchedMs, priceNanoUsdPerHour }: Ec2Instance, nowMs: number): number {
  return Math.round((priceNanoUsdPerHour * (nowMs - launchedMs)) / hourMs);
}
