/**
 * Launches one instance, or those of a group, once.
 *
 * In: a request with a client token. Out: the instance, or why there is none. Asks go one after the
 * other under the request's token and a number, which counts up with every answer and never with an
 * error: so a repetition, also after a restart, passes every answer that was ever given before it can
 * launch anything. What is asked under a token stays the same while this process lives; where it is
 * not the same any more, the instances are looked for by their tags. Refusals are remembered for
 * others.
 */
import type {
  CloudInstance,
  LaunchOffering,
  LaunchOutcome,
  LaunchRequest,
} from '../../../core/cloud-port.ts';
import { classifyError, type ErrorClass } from '../../../core/ec2/error-codes.ts';
import { type FleetAsk, fleetAsks } from '../../../core/ec2/fleet-asks.ts';
import type { ReservationLedger } from '../../../core/ec2/reservation-ledger.ts';
import type {
  UnavailableOfferings,
  UnavailableReason,
} from '../../../core/ec2/unavailable-offerings.ts';
import { wholeGroup } from '../../../core/lifecycle/launch-group.ts';
import { tagLaunch, tagNodeClaimUid } from '../../../core/lifecycle/launch-request.ts';
import { SharedAnswers } from '../../../core/shared-answers.ts';
import type { CapacityType, InstanceType } from '../../../core/state/instance-type.ts';
import { AwsError } from './api-calls.ts';
import type { Ec2Connection } from './connection.ts';
import {
  createFleet,
  type FleetInstance,
  type FleetResult,
  type PreparedFleet,
  type PreparedOffering,
} from './fleet-call.ts';
import { type PreparationTools, prepareFleet } from './fleet-preparation.ts';
import { type Instances, providerIdOf } from './instances.ts';
import {
  type Failed,
  isOfCapacity,
  noRoom,
  problemOf,
  unavailableReasons,
  unfulfilledFailure,
  weightiest,
} from './launch-refusals.ts';

export interface LauncherTools extends PreparationTools {
  readonly instances: Instances;
  readonly unavailable: UnavailableOfferings;
  readonly reservations: ReservationLedger;
  readonly spotPriceBand: number;
  priceOf(instanceType: string, zone: string, capacityType: CapacityType): number | undefined;
}

export type Launch = (
  request: LaunchRequest,
  types: ReadonlyMap<string, InstanceType>,
  signal: AbortSignal | undefined,
) => Promise<LaunchOutcome>;

/** Rounds of one ask that bring nothing: a template made anew, another subnet, a throttled remainder. */
const idleRoundsMax = 4;
/** Rounds of one ask: each fills another subnet of its first choice. */
const roundsMax = 16;
const roundPauseMs = 1_000;
const throttledRetryMs = 2_000;
/** Tokens whose fleets are kept; more than claims are launched at once. */
const tokensMax = 5_000;
/** Groups whose instances are kept: members come back for theirs. */
const groupsMax = 256;
/** How long an instance may take to be listed (`reference/ec2.md` C4). */
const searchPausesMs = [0, 1_000, 2_000, 4_000, 8_000, 15_000];

/** What one round of an ask brought. */
type RoundResult =
  /** All that was ever launched for the request. */
  | { readonly found: readonly CloudInstance[] }
  | {
      readonly instances: readonly CloudInstance[];
      /** Why there are no more; undefined if there are as many as were asked for. */
      readonly refusal?: Failed;
      readonly isWorthAnother?: boolean;
      /** EC2 said again what it had said to an earlier run. */
      readonly isRepeated?: boolean;
    };

/** What became of a request or of a group of them. */
interface Launched {
  /** In the order of the group. */
  readonly instances: readonly CloudInstance[];
  /** Why there are no more; undefined if each member has one. */
  readonly failed: Failed | undefined;
  readonly exhausted: readonly LaunchOffering[];
}

export function createLauncher(connection: Ec2Connection, tools: LauncherTools): Launch {
  /** Token -> the fleet that was asked for under it. */
  const asked = new Map<string, PreparedFleet>();
  const groups = new SharedAnswers<Launched>(groupsMax, ({ failed }) => failed === undefined);

  return async (request, types, signal) => {
    const { clientToken, place } = request;
    const launch = async (): Promise<Launched> =>
      await new LaunchRun(connection, tools, request, types, signal, asked).launch();
    const launched = await (place === undefined ? launch() : groups.of(clientToken, launch));
    return outcomeOf(launched, place?.index ?? 0);
  };
}

function keep(asked: Map<string, PreparedFleet>, fleet: PreparedFleet): void {
  const [oldest] = asked.keys();
  if (asked.size >= tokensMax && oldest !== undefined) asked.delete(oldest);
  asked.set(fleet.clientToken, fleet);
}

function outcomeOf({ instances, failed, exhausted }: Launched, index: number): LaunchOutcome {
  const instance = instances[index];
  if (instance !== undefined) return { outcome: 'launched', instance, exhausted };
  const { failure, message } = failed ?? unfulfilledFailure;
  const retryAfterMs = failure === 'throttled' ? throttledRetryMs : 0;
  return { outcome: 'failed', failure, message, exhausted, retryAfterMs };
}

class LaunchRun {
  readonly #connection: Ec2Connection;
  readonly #tools: LauncherTools;
  readonly #request: LaunchRequest;
  readonly #types: ReadonlyMap<string, InstanceType>;
  readonly #signal: AbortSignal | undefined;
  readonly #asked: Map<string, PreparedFleet>;
  /** Answers so far: the next token. */
  #answers = 0;
  readonly #exhausted = new Set<LaunchOffering>();

  constructor(
    connection: Ec2Connection,
    tools: LauncherTools,
    request: LaunchRequest,
    types: ReadonlyMap<string, InstanceType>,
    signal: AbortSignal | undefined,
    asked: Map<string, PreparedFleet>,
  ) {
    this.#connection = connection;
    this.#tools = tools;
    this.#request = request;
    this.#types = types;
    this.#signal = signal;
    this.#asked = asked;
  }

  async launch(): Promise<Launched> {
    const { offerings, place } = this.#request;
    const size = place?.size ?? 1;
    const asks = fleetAsks(
      offerings,
      ({ instanceType, zone, capacityType }) =>
        this.#tools.priceOf(instanceType, zone, capacityType),
      this.#tools.spotPriceBand,
    );
    let failed: Failed | undefined = unfulfilledFailure;
    const instances: CloudInstance[] = [];
    for (const ask of asks) {
      const result = await this.#askOnce(ask, size - instances.length);
      if ('found' in result) return this.#launched(result.found, undefined);
      instances.push(...result.instances);
      failed = result.refusal;
      if (failed === undefined || !isOfCapacity(failed.failure)) break;
    }
    return this.#launched(instances, failed);
  }

  #launched(instances: readonly CloudInstance[], failed: Failed | undefined): Launched {
    return { instances, failed, exhausted: [...this.#exhausted] };
  }

  async #askOnce(ask: FleetAsk, wanted: number): Promise<RoundResult> {
    const instances: CloudInstance[] = [];
    let idleRounds = 0;
    // Repeated answers do not count: they are as many as earlier runs got, and each is passed once.
    for (let round = 0; ; ) {
      const { clock } = this.#connection;
      if (idleRounds > 0) await clock.sleep(roundPauseMs * 2 ** (idleRounds - 1), this.#signal);
      const result = await this.#round(ask, wanted - instances.length);
      if ('found' in result) return result;
      instances.push(...result.instances);
      if (instances.length === wanted) return { instances };
      const { refusal = noRoom, isWorthAnother = false } = result;
      if (result.isRepeated !== true) {
        round += 1;
        if (result.instances.length === 0) idleRounds += 1;
      }
      const isOver = idleRounds >= idleRoundsMax || round >= roundsMax;
      if (isOver || !(isWorthAnother || result.refusal === undefined)) {
        return { instances, refusal };
      }
    }
  }

  async #round(ask: FleetAsk, wanted: number): Promise<RoundResult> {
    const clientToken = `${this.#request.clientToken}-${this.#answers}`;
    const known = this.#asked.get(clientToken);
    const { fleet, release, problem } =
      known === undefined
        ? await this.#prepare(ask, clientToken, wanted)
        : { fleet: known, release: () => undefined, problem: noRoom };
    if (fleet.offerings.length === 0) return { instances: [], refusal: problem };
    let usedSubnetIds: readonly string[] = [];
    try {
      const result = await this.#create(fleet);
      if ('found' in result) return result;
      this.#answers += 1;
      usedSubnetIds = result.instances.map(({ prepared }) => prepared.subnetId);
      return this.#judge(result, fleet, known !== undefined);
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      const { message, class: known } = error;
      const refusal = { failure: known.failure, message };
      const isDefinite = known.failure !== 'unavailable' || known.repair === 'recreate-template';
      // Nothing was launched under the token: it may stand for something else.
      if (isDefinite) this.#asked.delete(clientToken);
      if (known.scope === 'spot') this.#mark(fleet.offerings[0]?.offering, 'spot-role');
      if (known.repair !== 'recreate-template') return { instances: [], refusal };
      for (const { template } of fleet.offerings) this.#tools.templates.lost(template);
      return { instances: [], refusal, isWorthAnother: true };
    } finally {
      release(usedSubnetIds);
    }
  }

  async #prepare(ask: FleetAsk, clientToken: string, wanted: number) {
    const request = this.#request;
    const { nodeClass, tags, nodeClaimName, place } = request;
    const prepared = await prepareFleet(
      this.#tools,
      ask,
      wanted,
      request,
      this.#types,
      this.#signal,
    );
    for (const offering of prepared.withoutAddresses) this.#exhausted.add(offering);
    for (const offering of prepared.impossible.offerings) this.#exhausted.add(offering);
    const { clusterName } = this.#connection;
    const own = place === undefined ? { Name: nodeClaimName } : { [tagLaunch]: clientToken };
    const fleet: PreparedFleet = {
      ask,
      clientToken,
      count: prepared.count,
      offerings: prepared.offerings,
      tags: { ...tags, 'eks:eks-cluster-name': clusterName, ...own },
      context: nodeClass.spec.context,
    };
    if (prepared.offerings.length > 0) keep(this.#asked, fleet);
    return { fleet, release: prepared.release, problem: problemOf(prepared) };
  }

  async #create(
    fleet: PreparedFleet,
  ): Promise<FleetResult | { readonly found: readonly CloudInstance[] }> {
    try {
      return await createFleet(this.#connection, fleet, this.#signal);
    } catch (error) {
      const isOther = error instanceof AwsError && error.class.repair === 'find-by-tag';
      const found = isOther ? await this.#search() : undefined;
      if (found === undefined) throw error;
      return { found };
    }
  }

  /**
   * What an earlier process launched under this token with other parameters; of a group all or
   * nothing, for the first of some need not be the first of all.
   */
  async #search(): Promise<readonly CloudInstance[] | undefined> {
    const { tags, place, clientToken } = this.#request;
    const { instances } = this.#tools;
    const uid = tags[tagNodeClaimUid];
    for (const pauseMs of searchPausesMs) {
      await this.#connection.clock.sleep(pauseMs, this.#signal);
      if (place !== undefined) {
        const launched = await instances.ofLaunch(clientToken, this.#signal);
        const group = wholeGroup(launched, clientToken, place.size);
        if (group !== undefined) return group;
      } else if (uid !== undefined) {
        const found = await instances.ofClaim(uid, this.#signal);
        if (found.length > 0) return found;
      }
    }
    return undefined;
  }

  /** Remembers refusals, once; the instances, and the refusal that says most. */
  #judge(
    { instances, refusals }: FleetResult,
    fleet: PreparedFleet,
    isRepeated: boolean,
  ): RoundResult {
    const classes = refusals.map(({ prepared, code, message }) => {
      const known = classifyError(code, message, 0);
      this.#exhaust(known, prepared?.offering);
      if (!isRepeated) this.#remember(known, prepared, fleet);
      return { known, message: `${code}: ${message}` };
    });
    // EC2 promises no order, and the same token must give the same places.
    const launched = instances
      .toSorted((a, b) => (a.instanceId < b.instanceId ? -1 : 1))
      .map((one) => this.#instanceOf(one, fleet));
    if (launched.length >= fleet.count) return { instances: launched, isRepeated };
    const worst = weightiest.flatMap((failure) =>
      classes.filter(({ known }) => known.failure === failure),
    )[0];
    if (worst === undefined) {
      for (const { offering } of fleet.offerings) {
        if (isRepeated) this.#exhausted.add(offering);
        else this.#mark(offering, 'capacity');
      }
      return { instances: launched, refusal: unfulfilledFailure, isRepeated };
    }
    const { failure, repair } = worst.known;
    return {
      instances: launched,
      refusal: { failure, message: worst.message },
      isRepeated,
      // Another subnet of the zone may have room.
      isWorthAnother:
        failure === 'throttled' || failure === 'no-addresses' || repair === 'recreate-template',
    };
  }

  #remember(known: ErrorClass, prepared: PreparedOffering | undefined, fleet: PreparedFleet): void {
    const reason = unavailableReasons[known.scope];
    if (reason !== undefined) this.#mark(prepared?.offering, reason);
    if (known.scope === 'subnet' && prepared !== undefined) {
      this.#tools.ledger.markFull(prepared.subnetId, this.#tools.nowMs());
    }
    if (known.repair !== 'recreate-template') return;
    for (const { template } of fleet.offerings) this.#tools.templates.lost(template);
  }

  #exhaust({ scope }: ErrorClass, offering: LaunchOffering | undefined): void {
    if (offering === undefined) return;
    if (scope === 'subnet' || unavailableReasons[scope] !== undefined) {
      this.#exhausted.add(offering);
    }
  }

  #mark(offering: LaunchOffering | undefined, reason: UnavailableReason): void {
    if (offering === undefined) return;
    this.#exhausted.add(offering);
    this.#tools.unavailable.mark(offering, reason, this.#tools.nowMs());
  }

  #instanceOf({ instanceId, prepared }: FleetInstance, { tags }: PreparedFleet): CloudInstance {
    const { offering, imageId } = prepared;
    const { instanceType, zone, capacityType } = offering;
    if (offering.reservationId !== undefined) {
      this.#tools.reservations.launched(offering.reservationId, this.#tools.nowMs());
    }
    // Of a group that got some of it, the offering may be among the dry.
    if (!this.#exhausted.has(offering)) this.#tools.unavailable.clear(offering);
    return {
      ...offering,
      providerID: providerIdOf(zone, instanceId),
      state: 'pending',
      imageId,
      priceNanoUsdPerHour: this.#tools.priceOf(instanceType, zone, capacityType) ?? 0,
      launchedMs: this.#connection.clock.nowMs(),
      tags,
    };
  }
}
