// A machine that boots and joins the cluster, as its kubelet would have it.
//
// In:  what the machine is (labels, taints, providerID, allocatable) and how long
//      each step takes. Out: a Node that registers, becomes ready under KWOK and
//      gets its devices, step by step; or the end of its kubelet.
// It knows no cloud: who launched the machine and why is the caller's business.

import { setTimeout as delay } from 'node:timers/promises';
import type { ApiClient } from './api-client.ts';
import type { Node, Quantities, Taint } from './objects.ts';

/** The machine. */
export interface JoiningNode {
  readonly name: string;
  readonly providerId: string;
  /** As given to the kubelet with `--node-labels`, and those it finds out by itself. */
  readonly labels: Readonly<Record<string, string>>;
  /** As given to the kubelet with `--register-with-taints`. */
  readonly taints: readonly Taint[];
  readonly allocatable: Quantities;
  /** By default the same as allocatable. */
  readonly capacity?: Quantities;
  /** Extended resources: zero at registration, reported after {@link JoinDelays.devicesMs}. */
  readonly devices?: Quantities;
  /** Names of the CSI drivers that register after the kubelet. */
  readonly csiDrivers?: readonly string[];
  /** An address in 127.0.0.0/8 or any other: nothing connects to it. */
  readonly internalIp?: string;
}

/** How long the machine takes, each step after the one before. */
export interface JoinDelays {
  /** From now to registration. */
  readonly bootMs: number;
  /** From registration to Ready. */
  readonly readyMs: number;
  /** From Ready to allocatable devices and CSI drivers. */
  readonly devicesMs: number;
}

/** A machine that boots at once. */
export const NO_DELAYS: JoinDelays = { bootMs: 0, readyMs: 0, devicesMs: 0 };

/** The label that makes KWOK act as the kubelet of a Node (see control-plane.ts). */
export const KUBELET_LABEL = 'sim/joined';

/**
 * Boots the machine; resolves when its last step is done (KWOK's part follows within a second).
 * @throws AbortError when the signal ends it on the way, as the machine's termination would.
 */
export async function joinNode(
  client: ApiClient,
  machine: JoiningNode,
  delays: JoinDelays = NO_DELAYS,
  signal?: AbortSignal,
): Promise<void> {
  const wait = async (ms: number): Promise<void> => {
    if (ms > 0) await delay(ms, undefined, signal === undefined ? {} : { signal });
    signal?.throwIfAborted();
  };
  const path = `/api/v1/nodes/${machine.name}`;
  await wait(delays.bootMs);
  const node = await client.expect<Node>('POST', '/api/v1/nodes', registration(machine));
  await wait(delays.readyMs);
  await client.expect('PATCH', path, { metadata: { labels: { [KUBELET_LABEL]: 'true' } } });
  const devices = machine.devices ?? {};
  const drivers = machine.csiDrivers ?? [];
  if (Object.keys(devices).length === 0 && drivers.length === 0) return;
  await wait(delays.devicesMs);
  if (Object.keys(devices).length > 0) {
    await client.expect('PATCH', `${path}/status`, {
      status: { allocatable: devices, capacity: devices },
    });
  }
  if (drivers.length > 0) {
    await client.expect('POST', '/apis/storage.k8s.io/v1/csinodes', csiNode(node, drivers));
  }
}

/**
 * The machine dies, or loses its network: the kubelet is silent from now on. The
 * Node stays until somebody deletes it, and turns Unknown after 50 s.
 */
export async function stopKubelet(client: ApiClient, nodeName: string): Promise<void> {
  await client.expect('PATCH', `/api/v1/nodes/${nodeName}`, {
    metadata: { labels: { [KUBELET_LABEL]: null } },
  });
}

/** What a kubelet posts first: not ready yet, no device known yet. */
function registration(machine: JoiningNode): object {
  const zeroDevices = Object.fromEntries(
    Object.keys(machine.devices ?? {}).map((name) => [name, '0']),
  );
  const now = new Date().toISOString();
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: machine.name,
      labels: { 'kubernetes.io/hostname': machine.name, ...machine.labels },
    },
    spec: { providerID: machine.providerId, taints: machine.taints },
    status: {
      allocatable: { ...machine.allocatable, ...zeroDevices },
      capacity: { ...(machine.capacity ?? machine.allocatable), ...zeroDevices },
      addresses: [
        { type: 'InternalIP', address: machine.internalIp ?? '127.0.0.1' },
        { type: 'Hostname', address: machine.name },
      ],
      conditions: [
        {
          type: 'Ready',
          status: 'False',
          reason: 'KubeletNotReady',
          message: 'container runtime network not ready: cni plugin not initialized',
          lastHeartbeatTime: now,
          lastTransitionTime: now,
        },
      ],
      nodeInfo: {
        architecture: machine.labels['kubernetes.io/arch'] ?? 'amd64',
        bootID: '',
        containerRuntimeVersion: 'containerd://2.1.0',
        kernelVersion: '6.12.0',
        kubeProxyVersion: '',
        kubeletVersion: 'v1.36.3',
        machineID: '',
        operatingSystem: machine.labels['kubernetes.io/os'] ?? 'linux',
        osImage: 'simulated',
        systemUUID: '',
      },
    },
  };
}

function csiNode(node: Node, drivers: readonly string[]): object {
  const { name, uid } = node.metadata;
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSINode',
    metadata: { name, ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid }] },
    spec: {
      drivers: drivers.map((driver) => ({
        name: driver,
        nodeID: name,
        topologyKeys: ['topology.kubernetes.io/zone'],
      })),
    },
  };
}
