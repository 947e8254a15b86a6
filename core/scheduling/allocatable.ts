/**
 * What pods may use of an instance type under a node class.
 *
 * In: facts of a type, an EC2NodeClass and the process's two settings. Out: an `InstanceType`:
 * capacity, allocatable and labels by the formulas of Karpenter 1.14 (reference/karpenter.md 3.1),
 * with the memory that was measured in place of its 7.5 % guess where it is known. It knows neither
 * pools nor DaemonSets. All amounts are integers, capacity and allocatable rounded down, what is
 * taken away rounded up.
 */

import type { EC2NodeClass } from '../api/ec2nodeclass.ts';
import {
  resourceAmdGpu,
  resourceEfa,
  resourceGaudi,
  resourceNeuron,
  resourceNeuronCore,
  resourceNvidiaGpu,
  resourcePodEni,
  resourcePrivateIPv4,
} from '../api/labels.ts';
import type { InstanceType, InstanceTypeFacts, Offering } from '../state/instance-type.ts';
import { type AmiFamily, amiFamily } from './ami-family.ts';
import { hasImageFor, instanceLabels } from './instance-labels.ts';
import { type KubeletSettings, kubeletSettings, thresholdBytes } from './kubelet-settings.ts';
import { incompatibility, subnetZones } from './node-class-compatibility.ts';
import { ephemeralStorageBytes } from './node-storage.ts';
import type { Resources } from './resources.ts';

/** Share of memory that Karpenter takes to be hidden by the hypervisor. */
export const karpenterMemoryOverhead = 0.075;

export interface AllocatableOptions {
  /**
   * `measured`: the memory that launches were seen to have, and Karpenter's share where none was
   * measured; a number: this share of every type's memory is hidden.
   */
  readonly memoryOverhead: 'measured' | number;
  /** Network interfaces of each node that pods do not get. */
  readonly reservedEnis: number;
}

type Capacity = Resources & {
  readonly cpu: number;
  readonly memory: number;
  readonly 'ephemeral-storage': number;
};

const mebibyte = 2 ** 20;
const gibibyte = 2 ** 30;

/** Pods of a node whose number does not follow its network interfaces. */
const podsWithoutEniLimit = 110;

/** Contiguous memory that Linux sets aside on Graviton. */
const gravitonReserveMiB = 64;

const gpuResources: ReadonlyMap<string, string> = new Map([
  ['NVIDIA', resourceNvidiaGpu],
  ['AMD', resourceAmdGpu],
  ['Habana', resourceGaudi],
]);

/**
 * A type under a node class; `undefined` stands for one with AL2023 and no settings. Offerings stay
 * those of the facts, unavailable where the node class cannot run the type or has no subnet.
 * O(labels + offerings).
 * @throws InputError if a setting is not what validation lets through
 */
export function resolveInstanceType(
  facts: InstanceTypeFacts,
  nodeClass: EC2NodeClass | undefined,
  options: AllocatableOptions,
): InstanceType {
  return resolve(facts, nodeClass, kubeletSettings(nodeClass), options);
}

/** Many types under one node class, whose settings are then read once. */
export function resolveInstanceTypes(
  types: readonly InstanceTypeFacts[],
  nodeClass: EC2NodeClass | undefined,
  options: AllocatableOptions,
): InstanceType[] {
  const settings = kubeletSettings(nodeClass);
  return types.map((facts) => resolve(facts, nodeClass, settings, options));
}

function resolve(
  facts: InstanceTypeFacts,
  nodeClass: EC2NodeClass | undefined,
  settings: KubeletSettings,
  options: AllocatableOptions,
): InstanceType {
  const family = amiFamily(nodeClass);
  const pods = podCount(facts, nodeClass, family, settings, options.reservedEnis);
  const capacity: Capacity = {
    cpu: facts.vcpuCount * 1000,
    memory: memoryCapacityBytes(facts, options.memoryOverhead),
    'ephemeral-storage': ephemeralStorageBytes(facts, nodeClass, family),
    pods,
    ...deviceCapacity(facts, nodeClass, family),
  };
  const reservePods = family.eniLimitedReserve ? eniPodCount(facts, nodeClass, 0) : pods;
  return {
    name: facts.name,
    labels: instanceLabels(facts, family),
    capacity,
    allocatable: allocatable(capacity, settings, reservePods),
    offerings: usableOfferings(facts, nodeClass),
    facts,
  };
}

/** Capacity less kube-reserved, system-reserved and the hard eviction thresholds; never below 0. */
function allocatable(
  capacity: Capacity,
  settings: KubeletSettings,
  reservePods: number,
): Resources {
  const { kubeReserved, systemReserved } = settings;
  const cpu = capacity.cpu - (kubeReserved['cpu'] ?? reservedCpuMilli(capacity.cpu));
  const memory =
    capacity.memory -
    (kubeReserved['memory'] ?? (255 + 11 * reservePods) * mebibyte) -
    thresholdBytes(settings.evictionMemory, capacity.memory);
  const storage =
    capacity['ephemeral-storage'] -
    (kubeReserved['ephemeral-storage'] ?? gibibyte) -
    thresholdBytes(settings.evictionStorage, capacity['ephemeral-storage']);
  return {
    ...capacity,
    cpu: Math.max(0, cpu - (systemReserved['cpu'] ?? 0)),
    memory: Math.max(0, memory - (systemReserved['memory'] ?? 0)),
    'ephemeral-storage': Math.max(0, storage - (systemReserved['ephemeral-storage'] ?? 0)),
  };
}

/** 6 % of the first core, 1 % of the second, 0.5 % of the next two, 0.25 % of the rest. */
function reservedCpuMilli(cpuMilli: number): number {
  const within = (from: number, to: number): number => Math.max(0, Math.min(cpuMilli, to) - from);
  return (
    Math.trunc((within(0, 1000) * 6) / 100) +
    Math.trunc(within(1000, 2000) / 100) +
    Math.trunc(within(2000, 4000) / 200) +
    Math.trunc(within(4000, cpuMilli) / 400)
  );
}

/** Memory that the kubelet will report, in bytes, a whole number of MiB. */
function memoryCapacityBytes(facts: InstanceTypeFacts, overhead: 'measured' | number): number {
  if (overhead === 'measured' && facts.memoryVisibleMiB !== undefined) {
    return facts.memoryVisibleMiB * mebibyte;
  }
  const ratio = overhead === 'measured' ? karpenterMemoryOverhead : overhead;
  const reserve = facts.architecture === 'arm64' ? gravitonReserveMiB : 0;
  const memory = (facts.memoryMiB - reserve) * mebibyte;
  // Floating point in Karpenter's own order, so that the rounded result is its result.
  return Math.max(0, memory - Math.ceil((memory * ratio) / 1024 / 1024) * mebibyte);
}

/** maxPods, else the interface limit, else 110; podsPerCore can only lower it. */
function podCount(
  facts: InstanceTypeFacts,
  nodeClass: EC2NodeClass | undefined,
  family: AmiFamily,
  settings: KubeletSettings,
  reservedEnis: number,
): number {
  const byFamily = family.eniLimitedPods
    ? eniPodCount(facts, nodeClass, reservedEnis)
    : podsWithoutEniLimit;
  const count = settings.maxPods ?? byFamily;
  const perCore = family.honoursPodsPerCore ? settings.podsPerCore : 0;
  return perCore > 0 ? Math.min(count, perCore * facts.vcpuCount) : count;
}

/**
 * Pods that get an address: each interface of the default card gives all its addresses but its own;
 * two pods use the host's network. EFA-only interfaces carry no addresses.
 */
function eniPodCount(
  facts: InstanceTypeFacts,
  nodeClass: EC2NodeClass | undefined,
  reservedEnis: number,
): number {
  const efaOnly = (nodeClass?.spec.networkInterfaces ?? []).filter(
    ({ networkCardIndex, interfaceType }) => networkCardIndex === 0 && interfaceType === 'efa-only',
  ).length;
  const usable = facts.eniCountDefaultCard - reservedEnis - efaOnly;
  return usable <= 0 ? 0 : usable * (facts.ipv4PerEni - 1) + 2;
}

/** GPUs, Neuron, EFA, branch interfaces and Windows addresses, those that there are. */
function deviceCapacity(
  facts: InstanceTypeFacts,
  nodeClass: EC2NodeClass | undefined,
  family: AmiFamily,
): Resources {
  const counts: Record<string, number> = {};
  const add = (name: string | undefined, count: number): void => {
    if (name !== undefined && count > 0) counts[name] = (counts[name] ?? 0) + count;
  };
  for (const { manufacturer, count } of facts.gpus) add(gpuResources.get(manufacturer), count);
  add(resourceNeuron, facts.neuron?.count ?? 0);
  add(resourceNeuronCore, (facts.neuron?.count ?? 0) * (facts.neuron?.coresPerDevice ?? 0));
  const interfaces = nodeClass?.spec.networkInterfaces;
  const efaOnly = interfaces?.filter(({ interfaceType }) => interfaceType === 'efa-only').length;
  add(resourceEfa, efaOnly ?? facts.efaCount);
  add(resourcePodEni, facts.branchEniCount);
  if (family.operatingSystem === 'windows' && hasImageFor(facts, family)) {
    add(resourcePrivateIPv4, facts.ipv4PerEni - 1);
  }
  return counts;
}

/** The offerings of the facts themselves where nothing stands against them. */
function usableOfferings(
  facts: InstanceTypeFacts,
  nodeClass: EC2NodeClass | undefined,
): readonly Offering[] {
  const runs = incompatibility(facts, nodeClass) === undefined;
  const zones = subnetZones(nodeClass);
  if (runs && zones === undefined) return facts.offerings;
  return facts.offerings.map((offering) => {
    const usable = runs && (zones === undefined || zones.has(offering.zone));
    return usable ? offering : { ...offering, available: false };
  });
}
