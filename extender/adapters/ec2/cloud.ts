/**
 * The CloudProvider port on EC2.
 *
 * In: region, credentials, whose instances are ours, the embedded catalogue. Out: the port, and the
 * port of the node classes. This puts the parts together and turns AWS's errors into the port's; it
 * decides nothing. Nothing is called before {@link Ec2Cloud.start}.
 */
import type { Logger } from 'pino';
import type { Catalogue } from '../../../catalogue/loader.ts';
import type { EC2NodeClass } from '../../../core/api/ec2nodeclass.ts';
import {
  CloudError,
  type CloudProvider,
  type LaunchOutcome,
  type LaunchRequest,
} from '../../../core/cloud-port.ts';
import { addressSupplies } from '../../../core/ec2/address-supply.ts';
import { spotPriceBandDefault } from '../../../core/ec2/fleet-asks.ts';
import type { NodeClassCloud } from '../../../core/ec2/node-class-port.ts';
import { ReservationLedger } from '../../../core/ec2/reservation-ledger.ts';
import { SubnetLedger } from '../../../core/ec2/subnet-ledger.ts';
import {
  type RefusalMemory,
  UnavailableOfferings,
} from '../../../core/ec2/unavailable-offerings.ts';
import type { Clock, Random } from '../../../core/ports.ts';
import type { AllocatableOptions } from '../../../core/scheduling/allocatable.ts';
import type { Metrics } from '../../metrics.ts';
import { AwsError, type CallMeter, cloudErrorOf, createApiCalls } from './api-calls.ts';
import { type ClientOptions, createClients } from './clients.ts';
import { createClusterLookup, type StatedCluster } from './cluster-lookup.ts';
import type { Ec2Connection } from './connection.ts';
import { startDiscovery } from './discovery.ts';
import { createInstances, instanceIdOf } from './instances.ts';
import { createLauncher } from './launcher.ts';
import { createNodeClassCloud } from './node-classes.ts';
import { type BookPart, OfferingsBook, type PartSource } from './offerings-book.ts';
import { findSubnets } from './selectors.ts';
import { createTemplateStore } from './templates.ts';
import { TypeBook } from './type-book.ts';

export interface Ec2CloudOptions extends ClientOptions {
  readonly clusterName: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics['cloud'];
  /** Stands in until EC2 has told its types and prices. */
  readonly catalogue: Catalogue;
  /** What is known of the cluster; the rest is asked of EKS. */
  readonly cluster?: StatedCluster;
  readonly allocatable?: AllocatableOptions;
  /** Spot pools that cost this share more than the cheapest are as good; default 0.2. */
  readonly spotPriceBand?: number;
}

export interface Ec2Cloud extends CloudProvider {
  /** For the EC2NodeClass controller. */
  readonly nodeClasses: NodeClassCloud;
  /** What EC2 has refused, to outlive this process. */
  readonly refusals: RefusalMemory;
  /** Where types and prices are from, and how old they are. */
  readonly discovery: Readonly<Record<BookPart, PartSource>>;
  /** Reads types and prices; resolves after the first attempt, goes on until the signal. */
  start(signal: AbortSignal): Promise<void>;
  /** For the sources of news. */
  readonly connection: Ec2Connection;
  /** Closes connections. */
  close(): void;
}

/** What EC2 tells of a subnet's addresses is asked anew before a launch when it is older. */
const subnetsMs = 60_000;
const defaultAllocatable: AllocatableOptions = { memoryOverhead: 'measured', reservedEnis: 0 };

export function createEc2Cloud(options: Ec2CloudOptions): Ec2Cloud {
  const { clock, random, metrics, catalogue, region } = options;
  const clients = createClients(options);
  const api = createApiCalls({ clock, random, meter: meterOf(metrics) });
  const connection: Ec2Connection = { ...options, clients, api };
  const nowMs = (): number => clock.nowMs();
  const book = new OfferingsBook(catalogue, region);
  const unavailable = new UnavailableOfferings();
  const ledger = new SubnetLedger();
  const reservations = new ReservationLedger();
  const types = new TypeBook({
    facts: () => book.facts(),
    unavailable,
    reservations,
    allocatable: options.allocatable ?? defaultAllocatable,
    nowMs,
  });
  const priceOf = book.priceOf.bind(book);
  const instances = createInstances(connection, priceOf);
  const preparation = {
    templates: createTemplateStore(connection),
    cluster: createClusterLookup(connection, options.cluster ?? {}),
    ledger,
    clusterName: options.clusterName,
    nowMs,
  };
  const launch = createLauncher(connection, {
    ...preparation,
    instances,
    unavailable,
    reservations,
    spotPriceBand: options.spotPriceBand ?? spotPriceBandDefault,
    priceOf,
  });
  const freshSubnets = subnetRefresher(connection, ledger);

  async function launchOnce(
    request: LaunchRequest,
    signal: AbortSignal | undefined,
  ): Promise<LaunchOutcome> {
    try {
      await freshSubnets(request.nodeClass, signal);
      const outcome = await launch(request, types.of(request.nodeClass).byName, signal);
      metrics.unavailableOfferings.set(unavailable.size(nowMs()));
      return outcome;
    } catch (error) {
      signal?.throwIfAborted();
      return failedOutcome(error);
    }
  }

  return {
    nodeClasses: createNodeClassCloud(connection, { ...preparation, types, reservations }),
    get discovery() {
      return book.sources;
    },
    refusals: {
      records: () => unavailable.records(nowMs()),
      restore: (records) => unavailable.restore(records, nowMs()),
    },
    start: async (signal) => await startDiscovery(connection, book, signal),
    connection,
    close: () => clients.close(),
    instanceTypes: async (nodeClass) => types.of(nodeClass).list,
    launch: async (request, { signal } = {}) => await launchOnce(request, signal),
    list: async ({ signal } = {}) => await asPort(async () => await instances.list(signal)),
    get: async (providerID, { signal } = {}) =>
      await asPort(async () => await instances.get(instanceIdOf(providerID), signal)),
    tag: async (providerID, tags, { signal } = {}) =>
      await asPort(async () => await instances.tag(instanceIdOf(providerID), tags, signal)),
    terminate: async (providerID, { signal } = {}) =>
      await asPort(async () => await instances.terminate(instanceIdOf(providerID), signal)),
    addressSupplies: (nodeClasses) => addressSupplies(nodeClasses, ledger, nowMs()),
    // For as long as a dry pool is kept away from, which is what the interruption asks for.
    markUnavailable: (offering) =>
      unavailable.mark(
        offering,
        offering.capacityType === 'reserved' ? 'reservation' : 'capacity',
        nowMs(),
      ),
  };
}

/** Subnets that a launch may use, told by EC2 not long ago; asked for once, however many wait. */
function subnetRefresher(
  connection: Ec2Connection,
  ledger: SubnetLedger,
): (nodeClass: EC2NodeClass, signal: AbortSignal | undefined) => Promise<void> {
  const asking = new Map<string, Promise<void>>();
  return async ({ status }, signal) => {
    const ids = (status?.subnets ?? []).map(({ id }) => id);
    const stale = ledger.stale(ids, connection.clock.nowMs() - subnetsMs);
    if (stale.length === 0) return;
    const key = stale.join();
    let run = asking.get(key);
    if (run === undefined) {
      run = findSubnets(
        connection,
        stale.map((id) => ({ id })),
        signal,
      )
        .then((found) => ledger.observe(found, connection.clock.nowMs()))
        .finally(() => asking.delete(key));
      asking.set(key, run);
    }
    await run;
  };
}

function meterOf(metrics: Metrics['cloud']): CallMeter {
  return {
    called: (service, action, code, seconds) => {
      metrics.apiCalls.inc({ service, action, code });
      metrics.apiSeconds.observe({ service, action }, seconds);
    },
    waited: (action, seconds) => metrics.apiWaitSeconds.observe({ action }, seconds),
  };
}

async function asPort<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw cloudErrorOf(error);
  }
}

/** A call on the way to a launch failed; whether anything was launched, its token knows. */
function failedOutcome(error: unknown): LaunchOutcome {
  const failure =
    error instanceof AwsError
      ? error.class.failure
      : error instanceof CloudError
        ? error.code
        : undefined;
  if (failure === undefined) throw error;
  const { message } = error as Error;
  return { outcome: 'failed', failure, message, exhausted: [], retryAfterMs: 0 };
}
