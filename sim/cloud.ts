/**
 * The CloudProvider port on the simulated EC2.
 *
 * In: an engine, instance types, latencies. Out: the port. It does what the real adapter does with
 * EC2's answers: classifies codes, remembers for three minutes what cannot be had, falls through the
 * capacity types in the order in which they are asked for, tags what is ours.
 */

import type { EC2NodeClass } from '../core/api/ec2nodeclass.ts';
import {
  CloudError,
  type CloudInstance,
  type CloudProvider,
  type LaunchFailure,
  type LaunchOffering,
  type LaunchOutcome,
  type LaunchRequest,
} from '../core/cloud-port.ts';
import { inGroupOrder } from '../core/lifecycle/launch-group.ts';
import { tagLaunch } from '../core/lifecycle/launch-request.ts';
import type { CallOptions, Clock } from '../core/ports.ts';
import { type AllocatableOptions, resolveInstanceTypes } from '../core/scheduling/allocatable.ts';
import { SharedAnswers } from '../core/shared-answers.ts';
import type { InstanceType, InstanceTypeFacts } from '../core/state/instance-type.ts';
import type { Ec2Engine } from './ec2-engine.ts';
import { Ec2Error, type Ec2Instance, type FleetError } from './ec2-types.ts';
import type { UserData } from './user-data.ts';

export interface SimulatedCloudOptions {
  readonly clock: Clock;
  readonly engine: Ec2Engine;
  readonly types: readonly InstanceTypeFacts[];
  readonly clusterName: string;
  readonly latencyMs?: () => number;
  readonly allocatable?: AllocatableOptions;
}

/** What was launched for a request or a group of them, and why no more was. */
interface Launched {
  readonly instances: readonly CloudInstance[];
  readonly exhausted: readonly LaunchOffering[];
  readonly failure: LaunchFailure;
  readonly message: string;
  readonly isWhole: boolean;
}

/** As Karpenter remembers a dry pool. */
const dryMs = 180_000;
/** Groups whose answers are kept. */
const groupsMax = 256;
const defaultLatencyMs = 300;
const throttledRetryMs = 1_000;
const imageId = 'ami-00000000000000000';
const defaultAllocatable: AllocatableOptions = { memoryOverhead: 'measured', reservedEnis: 0 };
/** Tag keys of ours. */
export const clusterTag = 'eks:eks-cluster-name';

export function createSimulatedCloud(options: SimulatedCloudOptions): CloudProvider {
  const { clock, engine, types, clusterName } = options;
  const latencyMs = options.latencyMs ?? (() => defaultLatencyMs);
  const dryUntilMs = new Map<string, number>();
  const groups = new SharedAnswers<Launched>(groupsMax, ({ isWhole }) => isWhole);
  const resolved = new WeakMap<EC2NodeClass, { dry: string; types: readonly InstanceType[] }>();

  async function call<T>({ signal }: CallOptions, execute: () => T): Promise<T> {
    await clock.sleep(latencyMs() / 2, signal);
    try {
      return execute();
    } finally {
      await clock.sleep(latencyMs() / 2, signal);
    }
  }

  async function read<T>(callOptions: CallOptions, execute: () => T): Promise<T> {
    try {
      return await call(callOptions, execute);
    } catch (error) {
      if (!(error instanceof Ec2Error)) throw error;
      throw new CloudError(readErrorOf(error.code), error.message, error);
    }
  }

  function dryOfferings(): ReadonlySet<string> {
    const nowMs = clock.nowMs();
    for (const [id, untilMs] of dryUntilMs) if (untilMs <= nowMs) dryUntilMs.delete(id);
    return new Set(dryUntilMs.keys());
  }

  function ours({ tags, state }: Ec2Instance): boolean {
    return tags[clusterTag] === clusterName && state !== 'terminated';
  }

  /** One fleet per run of offerings of one capacity type. */
  function fleetOf(
    request: LaunchRequest,
    run: readonly LaunchOffering[],
    number: number,
    targetCapacity: number,
  ) {
    const [first] = run;
    if (first === undefined || first.capacityType === 'reserved') {
      throw new Ec2Error('UnsupportedOperation', 'reservations are not simulated');
    }
    const { labels, taints, nodeClass, place, nodeClaimName } = request;
    const userData: UserData = { labels, taints, nodeClass };
    const clientToken = `${request.clientToken}-${number}`;
    const own = place === undefined ? { Name: nodeClaimName } : { [tagLaunch]: clientToken };
    return engine.createFleet({
      clientToken,
      capacityType: first.capacityType,
      strategy: 'prioritized',
      overrides: run.map(({ instanceType, zone }) => ({ instanceType, zone })),
      targetCapacity,
      imageId,
      userData: JSON.stringify(userData),
      tags: { ...request.tags, [clusterTag]: clusterName, ...own },
    });
  }

  function launchNow(request: LaunchRequest): Launched {
    const { size } = request.place ?? { size: 1 };
    const made: CloudInstance[] = [];
    const exhausted: LaunchOffering[] = [];
    let failure: LaunchFailure = 'insufficient-capacity';
    let message = '';
    for (const [number, run] of runsOf(request.offerings).entries()) {
      const { instances, errors } = fleetOf(request, run, number, size - made.length);
      for (const error of errors) {
        const offering = run.find((one) => isSame(one, error));
        if (offering === undefined) continue;
        failure = failureOf(error.code);
        message = error.message;
        exhausted.push(offering);
        if (isRemembered(failure)) {
          dryUntilMs.set(idOf(offering), clock.nowMs() + dryMs);
        }
      }
      made.push(...inGroupOrder(instances.map(cloudInstanceOf)));
      if (made.length === size) break;
    }
    return { instances: made, exhausted, failure, message, isWhole: made.length === size };
  }

  return {
    instanceTypes: async (nodeClass) => {
      const dry = dryOfferings();
      const key = [...dry].sort().join();
      const known = resolved.get(nodeClass);
      if (known?.dry === key) return known.types;
      const all = resolveInstanceTypes(types, nodeClass, options.allocatable ?? defaultAllocatable);
      const found = all.map((type) => ({
        ...type,
        offerings: type.offerings.map((offering) => ({
          ...offering,
          available: offering.available && !dry.has(idOf({ ...offering, instanceType: type.name })),
        })),
      }));
      resolved.set(nodeClass, { dry: key, types: found });
      return found;
    },

    launch: async (request, callOptions = {}) => {
      try {
        const { clientToken, place } = request;
        const ask = async (): Promise<Launched> =>
          await call(callOptions, () => launchNow(request));
        const launched = await (place === undefined ? ask() : groups.of(clientToken, ask));
        return outcomeOf(launched, place?.index ?? 0);
      } catch (error) {
        if (!(error instanceof Ec2Error)) throw error;
        const failure = failureOf(error.code);
        const retryAfterMs = failure === 'throttled' ? throttledRetryMs : 0;
        const { message } = error;
        return { outcome: 'failed', failure, message, exhausted: [], retryAfterMs };
      }
    },

    list: async (callOptions = {}) =>
      await read(callOptions, () => engine.describeInstances().filter(ours).map(cloudInstanceOf)),

    get: async (providerID, callOptions = {}) =>
      await read(callOptions, () => {
        const [instance] = engine.describeInstances([instanceIdOf(providerID)]);
        return instance === undefined ? undefined : cloudInstanceOf(instance);
      }),

    tag: async (providerID, tags, callOptions = {}) =>
      await read(callOptions, () => engine.createTags(instanceIdOf(providerID), tags)),

    terminate: async (providerID, callOptions = {}) => {
      try {
        return await read(callOptions, () => {
          const [instance] = engine.terminateInstances([instanceIdOf(providerID)]);
          return instance?.state === 'terminated' ? 'gone' : 'terminating';
        });
      } catch (error) {
        const isUnknown =
          error instanceof CloudError &&
          error.cause instanceof Ec2Error &&
          error.cause.code === 'InvalidInstanceID.NotFound';
        if (isUnknown) return 'gone';
        throw error;
      }
    },

    markUnavailable: (offering, _reason, untilMs) => {
      const id = idOf(offering);
      dryUntilMs.set(id, Math.max(untilMs, dryUntilMs.get(id) ?? 0));
    },
  };
}

function outcomeOf(
  { instances, exhausted, failure, message }: Launched,
  index: number,
): LaunchOutcome {
  const instance = instances[index];
  return instance === undefined
    ? { outcome: 'failed', failure, message, exhausted, retryAfterMs: 0 }
    : { outcome: 'launched', instance, exhausted };
}

/** `aws:///zone/id`, as nodes carry it. */
export function providerIdOf({ zone, instanceId }: Ec2Instance): string {
  return `aws:///${zone}/${instanceId}`;
}

function instanceIdOf(providerID: string): string {
  return providerID.slice(providerID.lastIndexOf('/') + 1);
}

function cloudInstanceOf(instance: Ec2Instance): CloudInstance {
  const { instanceType, zone, capacityType, state, launchedMs, tags, priceNanoUsdPerHour } =
    instance;
  return {
    providerID: providerIdOf(instance),
    instanceType,
    zone,
    capacityType,
    state,
    imageId: instance.imageId,
    priceNanoUsdPerHour,
    launchedMs,
    tags,
  };
}

function runsOf(offerings: readonly LaunchOffering[]): LaunchOffering[][] {
  const runs: LaunchOffering[][] = [];
  for (const offering of offerings) {
    const last = runs.at(-1);
    if (last?.[0]?.capacityType === offering.capacityType) last.push(offering);
    else runs.push([offering]);
  }
  return runs;
}

function isSame(offering: LaunchOffering, error: FleetError): boolean {
  return offering.instanceType === error.instanceType && offering.zone === error.zone;
}

function idOf({ instanceType, zone, capacityType }: LaunchOffering): string {
  return `${instanceType}/${zone}/${capacityType}`;
}

/** What does not change from one moment to the next: plans must keep away for a while. */
function isRemembered(failure: LaunchFailure): boolean {
  return (
    failure === 'insufficient-capacity' ||
    failure === 'no-addresses' ||
    failure === 'quota-exceeded'
  );
}

/** EC2's codes, by what the caller should do (`reference/ec2.md` C2). */
function failureOf(code: string): LaunchFailure {
  switch (code) {
    case 'InsufficientInstanceCapacity':
    case 'UnfulfillableCapacity':
    case 'Unsupported':
      return 'insufficient-capacity';
    case 'InsufficientFreeAddressesInSubnet':
      return 'no-addresses';
    case 'MaxSpotInstanceCountExceeded':
    case 'VcpuLimitExceeded':
      return 'quota-exceeded';
    case 'RequestLimitExceeded':
      return 'throttled';
    case 'UnauthorizedOperation':
    case 'AuthFailure.ServiceLinkedRoleCreationNotPermitted':
      return 'unauthorized';
    case 'RequestTimeout':
    case 'InternalError':
      return 'unavailable';
    default:
      return 'invalid';
  }
}

function readErrorOf(code: string): CloudError['code'] {
  const failure = failureOf(code);
  return failure === 'throttled' || failure === 'unauthorized' ? failure : 'unavailable';
}
