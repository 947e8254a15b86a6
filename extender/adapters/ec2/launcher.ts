/**
 * Launches one instance, once.
 *
 * In: a request with a client token. Out: the instance, or why there is none. Asks go one after the
 * other, each under a token of its own that follows from the request's, so that a repetition, also
 * after a restart, walks the same way and finds the same instance. What is asked under a token stays
 * the same while this process lives; where it is not the same any more, the instance is looked for by
 * its tag. Refusals are remembered for others.
 */
import type {
  CloudInstance,
  LaunchFailure,
  LaunchOffering,
  LaunchOutcome,
  LaunchRequest,
} from '../../../core/cloud-port.ts';
import { classifyError, type ErrorClass } from '../../../core/ec2/error-codes.ts';
import { type FleetAsk, fleetAsks } from '../../../core/ec2/fleet-asks.ts';
import type {
  UnavailableOfferings,
  UnavailableReason,
} from '../../../core/ec2/unavailable-offerings.ts';
import { tagNodeClaimUid } from '../../../core/lifecycle/launch-request.ts';
import type { CapacityType, InstanceType } from '../../../core/state/instance-type.ts';
import { AwsError } from './api-calls.ts';
import type { Ec2Connection } from './connection.ts';
import {
  createFleet,
  type FleetInstance,
  type FleetResult,
  type PreparedFleet,
} from './fleet-call.ts';
import { type PreparationTools, prepareFleet } from './fleet-preparation.ts';
import { type Instances, providerIdOf } from './instances.ts';

export interface LauncherTools extends PreparationTools {
  readonly instances: Instances;
  readonly unavailable: UnavailableOfferings;
  readonly spotPriceBand: number;
  priceOf(instanceType: string, zone: string, capacityType: CapacityType): number | undefined;
}

export type Launch = (
  request: LaunchRequest,
  types: ReadonlyMap<string, InstanceType>,
  signal: AbortSignal | undefined,
) => Promise<LaunchOutcome>;

/** Rounds of one ask: a template made anew, another subnet, a throttled remainder. */
const roundsMax = 4;
const roundPauseMs = 1_000;
const throttledRetryMs = 2_000;
/** Tokens whose fleets are kept; more than claims are launched at once. */
const tokensMax = 5_000;
/** How long an instance may take to be listed (`reference/ec2.md` C4). */
const searchPausesMs = [0, 1_000, 2_000, 4_000, 8_000, 15_000];

/** What became of one ask. */
type AskResult =
  | { readonly instance: FleetInstance }
  | { readonly found: CloudInstance }
  | { readonly refusal: ErrorClass; readonly message: string };

export function createLauncher(connection: Ec2Connection, tools: LauncherTools): Launch {
  /** Token -> the fleet that was asked for under it. */
  const asked = new Map<string, PreparedFleet>();

  function keep(fleet: PreparedFleet): void {
    const [oldest] = asked.keys();
    if (asked.size >= tokensMax && oldest !== undefined) asked.delete(oldest);
    asked.set(fleet.clientToken, fleet);
  }

  return async (request, types, signal) => {
    const run = new LaunchRun(connection, tools, request, types, signal, asked, keep);
    return await run.launch();
  };
}

class LaunchRun {
  readonly #connection: Ec2Connection;
  readonly #tools: LauncherTools;
  readonly #request: LaunchRequest;
  readonly #types: ReadonlyMap<string, InstanceType>;
  readonly #signal: AbortSignal | undefined;
  readonly #asked: ReadonlyMap<string, PreparedFleet>;
  readonly #keep: (fleet: PreparedFleet) => void;
  readonly #exhausted = new Set<LaunchOffering>();

  constructor(
    connection: Ec2Connection,
    tools: LauncherTools,
    request: LaunchRequest,
    types: ReadonlyMap<string, InstanceType>,
    signal: AbortSignal | undefined,
    asked: ReadonlyMap<string, PreparedFleet>,
    keep: (fleet: PreparedFleet) => void,
  ) {
    this.#connection = connection;
    this.#tools = tools;
    this.#request = request;
    this.#types = types;
    this.#signal = signal;
    this.#asked = asked;
    this.#keep = keep;
  }

  async launch(): Promise<LaunchOutcome> {
    const asks = fleetAsks(
      this.#request.offerings,
      ({ instanceType, zone, capacityType }) =>
        this.#tools.priceOf(instanceType, zone, capacityType),
      this.#tools.spotPriceBand,
    );
    let last: { readonly failure: LaunchFailure; readonly message: string } = {
      failure: 'insufficient-capacity',
      message: 'nothing was asked for',
    };
    for (const [index, ask] of asks.entries()) {
      const result = await this.#askOnce(ask, `${this.#request.clientToken}-${index}`);
      if ('instance' in result) return this.#launched(this.#instanceOf(result.instance));
      if ('found' in result) return this.#launched(result.found);
      const { failure } = result.refusal;
      last = { failure, message: result.message };
      if (!isOfCapacity(failure)) break;
    }
    return {
      outcome: 'failed',
      ...last,
      exhausted: [...this.#exhausted],
      retryAfterMs: last.failure === 'throttled' ? throttledRetryMs : 0,
    };
  }

  /** Rounds under tokens of their own: an answer under a token never changes. */
  async #askOnce(ask: FleetAsk, token: string): Promise<AskResult> {
    let refusal: AskResult = { refusal: noAddresses, message: 'no subnet has room' };
    for (let round = 0; round < roundsMax; round += 1) {
      const { clock } = this.#connection;
      if (round > 0) await clock.sleep(roundPauseMs * 2 ** (round - 1), this.#signal);
      const result = await this.#round(ask, round === 0 ? token : `${token}-${round}`);
      if (!('refusal' in result)) return result;
      refusal = result;
      if (!result.isWorthAnother) return refusal;
    }
    return refusal;
  }

  async #round(
    ask: FleetAsk,
    clientToken: string,
  ): Promise<AskResult & { readonly isWorthAnother?: boolean }> {
    const known = this.#asked.get(clientToken);
    const { fleet, release, problem } =
      known === undefined
        ? await this.#prepare(ask, clientToken)
        : { fleet: known, release: () => undefined, problem: undefined };
    if (fleet.offerings.length === 0) return problem ?? { refusal: noAddresses, message: '' };
    let usedSubnetId: string | undefined;
    try {
      const result = await this.#create(fleet);
      if ('found' in result) return result;
      usedSubnetId = result.instances[0]?.prepared.subnetId;
      return this.#judge(result, fleet);
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      if (error.class.scope === 'spot') this.#mark(fleet.offerings[0]?.offering, 'spot-role');
      if (error.class.repair === 'recreate-template') {
        for (const { template } of fleet.offerings) this.#tools.templates.lost(template);
        return { refusal: error.class, message: error.message, isWorthAnother: true };
      }
      return { refusal: error.class, message: error.message };
    } finally {
      release(usedSubnetId);
    }
  }

  async #prepare(ask: FleetAsk, clientToken: string) {
    const { nodeClass, tags, nodeClaimName } = this.#request;
    const prepared = await prepareFleet(this.#tools, ask, this.#request, this.#types, this.#signal);
    for (const offering of prepared.withoutAddresses) this.#exhausted.add(offering);
    for (const offering of prepared.impossible.offerings) this.#exhausted.add(offering);
    const { clusterName } = this.#connection;
    const fleet: PreparedFleet = {
      ask,
      clientToken,
      offerings: prepared.offerings,
      tags: { ...tags, 'eks:eks-cluster-name': clusterName, Name: nodeClaimName },
      context: nodeClass.spec.context,
    };
    if (prepared.offerings.length > 0) this.#keep(fleet);
    const { message } = prepared.impossible;
    const problem: AskResult | undefined =
      prepared.withoutAddresses.length > 0 || message === ''
        ? { refusal: noAddresses, message: 'no subnet of these zones has room' }
        : { refusal: classifyError('InvalidParameterValue', message, 0), message };
    return { fleet, release: prepared.release, problem };
  }

  async #create(fleet: PreparedFleet): Promise<FleetResult | { readonly found: CloudInstance }> {
    try {
      return await createFleet(this.#connection, fleet, this.#signal);
    } catch (error) {
      const isOther = error instanceof AwsError && error.class.repair === 'find-by-tag';
      const found = isOther ? await this.#search() : undefined;
      if (found === undefined) throw error;
      return { found };
    }
  }

  /** The instance that an earlier process launched under this token with other parameters. */
  async #search(): Promise<CloudInstance | undefined> {
    const uid = this.#request.tags[tagNodeClaimUid];
    if (uid === undefined) return undefined;
    for (const pauseMs of searchPausesMs) {
      await this.#connection.clock.sleep(pauseMs, this.#signal);
      const [found] = await this.#tools.instances.ofClaim(uid, this.#signal);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Remembers refusals; the instance, or the refusal that says most. */
  #judge(
    { instances, refusals }: FleetResult,
    fleet: PreparedFleet,
  ): AskResult & { readonly isWorthAnother?: boolean } {
    const classes = refusals.map(({ prepared, code, message }) => {
      const known = classifyError(code, message, 0);
      this.#remember(known, prepared?.offering, prepared?.subnetId);
      if (known.repair === 'recreate-template') {
        for (const { template } of fleet.offerings) this.#tools.templates.lost(template);
      }
      return { known, message: `${code}: ${message}` };
    });
    const [instance] = instances;
    if (instance !== undefined) return { instance };
    const worst = weightiest.flatMap((failure) =>
      classes.filter(({ known }) => known.failure === failure),
    )[0] ?? { known: unfulfilled, message: 'the fleet launched nothing and gave no reason' };
    if (worst.known === unfulfilled) {
      for (const { offering } of fleet.offerings) this.#mark(offering, 'capacity');
    }
    const isWorthAnother =
      worst.known.failure === 'throttled' ||
      worst.known.repair === 'recreate-template' ||
      // Another subnet of the zone may have room.
      worst.known.failure === 'no-addresses';
    return { refusal: worst.known, message: worst.message, isWorthAnother };
  }

  #remember(
    { scope }: ErrorClass,
    offering: LaunchOffering | undefined,
    subnetId: string | undefined,
  ): void {
    if (scope === 'subnet' && subnetId !== undefined) {
      this.#tools.ledger.markFull(subnetId, this.#tools.nowMs());
    }
    const reason = reasons[scope];
    if (reason !== undefined) this.#mark(offering, reason);
    else if (scope === 'subnet' && offering !== undefined) this.#exhausted.add(offering);
  }

  #mark(offering: LaunchOffering | undefined, reason: UnavailableReason): void {
    if (offering === undefined) return;
    this.#exhausted.add(offering);
    this.#tools.unavailable.mark(offering, reason, this.#tools.nowMs());
  }

  #instanceOf({ instanceId, prepared }: FleetInstance): CloudInstance {
    const { offering, imageId } = prepared;
    const { instanceType, zone, capacityType } = offering;
    const { tags, nodeClaimName } = this.#request;
    this.#tools.unavailable.clear(offering);
    return {
      ...offering,
      providerID: providerIdOf(zone, instanceId),
      state: 'pending',
      imageId,
      priceNanoUsdPerHour: this.#tools.priceOf(instanceType, zone, capacityType) ?? 0,
      launchedMs: this.#connection.clock.nowMs(),
      tags: { ...tags, Name: nodeClaimName },
    };
  }

  #launched(instance: CloudInstance): LaunchOutcome {
    return { outcome: 'launched', instance, exhausted: [...this.#exhausted] };
  }
}

const noAddresses: ErrorClass = { failure: 'no-addresses', scope: 'subnet', repair: 'none' };
const unfulfilled: ErrorClass = {
  failure: 'insufficient-capacity',
  scope: 'offering',
  repair: 'none',
};

/** Of several refusals the one that decides what to do next. */
const weightiest: readonly LaunchFailure[] = [
  'unauthorized',
  'throttled',
  'unavailable',
  'no-addresses',
  'insufficient-capacity',
  'quota-exceeded',
  'invalid',
];

const reasons: Readonly<Record<ErrorClass['scope'], UnavailableReason | undefined>> = {
  offering: 'capacity',
  quota: 'quota',
  reservation: 'reservation',
  spot: 'spot-role',
  // The ledger knows the subnet; the zone may have others.
  subnet: undefined,
  nothing: undefined,
};

/** Other offerings may do. */
function isOfCapacity(failure: LaunchFailure): boolean {
  return (
    failure === 'insufficient-capacity' ||
    failure === 'no-addresses' ||
    failure === 'quota-exceeded'
  );
}
