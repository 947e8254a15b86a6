/**
 * The kubelets of all simulated machines.
 *
 * In: machines that have booted, or die; pods that are bound. Out: Nodes that register and become
 * ready, pods that are admitted, start, end and stop. As a real kubelet it re-checks what the binder
 * promised: a pod that does not fit what the node has is Failed with `OutOf<resource>` and lost.
 * Annotations shape a pod's life as they do under KWOK (`test/control-plane/stages.ts`):
 * `sim/start-duration`, `sim/run-duration`, `sim/stop-duration`.
 */
import type { Live } from '../core/api/kinds.ts';
import type { Condition, Node, Taint } from '../core/api/kubernetes.ts';
import { nodeSelectionOf } from '../core/scheduling/node-affinity.ts';
import { offeredResources } from '../core/scheduling/quantity.ts';
import { admitsLabels } from '../core/scheduling/requirements.ts';
import { firstUntoleratedTaint } from '../core/scheduling/taints.ts';
import { canonicalLabels } from '../core/scheduling/well-known-labels.ts';
import { type SimulatedCluster, timestamp } from './cluster/cluster.ts';
import { deleteObject } from './cluster/deletion.ts';
import type { PodIndex } from './cluster/pod-index.ts';
import type { Heartbeats } from './controllers/node-lifecycle.ts';
import { durationMs } from './duration.ts';
import { requestsOf } from './pod-requests.ts';
import { lognormal, type SeededRandom } from './random.ts';

/** A machine whose kubelet has started. */
export interface Machine {
  readonly nodeName: string;
  readonly providerID: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  /** Quantities. */
  readonly capacity: Readonly<Record<string, string>>;
  readonly allocatable: Readonly<Record<string, string>>;
  /** Extended resources: zero at registration, reported when their plugin is up. */
  readonly devices: Readonly<Record<string, string>>;
}

export interface MachineDelays {
  /** From registration to Ready. */
  readonly readyMs: number;
  /** From Ready to allocatable devices. */
  readonly devicesMs: number;
}

export interface KubeletOptions {
  /** How long pods of Jobs run whose annotation does not say. */
  readonly jobRunMs: number;
  /** Median time to pull images and start. */
  readonly startMedianMs: number;
}

const noticeMs = 30;
const startSigma = 0.5;
const stopMs = 1_000;

export class Kubelets {
  readonly #cluster: SimulatedCluster;
  readonly #pods: PodIndex;
  readonly #random: SeededRandom;
  readonly #options: KubeletOptions;
  /** Pods that each running kubelet has taken up, by UID. */
  readonly #running = new Map<string, Map<string, Live<'Pod'>>>();
  readonly #silentSinceMs = new Map<string, number>();

  constructor(
    cluster: SimulatedCluster,
    pods: PodIndex,
    random: SeededRandom,
    options: KubeletOptions,
  ) {
    this.#cluster = cluster;
    this.#pods = pods;
    this.#random = random;
    this.#options = options;
    cluster.listen('Pod', ({ type, object, previous }) => {
      const { nodeName = '' } = object.spec;
      if (nodeName === '') return;
      if (type === 'deleted') this.#running.get(nodeName)?.delete(object.metadata.uid);
      else if (
        previous?.spec.nodeName !== nodeName ||
        previous?.metadata.deletionTimestamp !== object.metadata.deletionTimestamp
      ) {
        this.#notice(nodeName, object);
      }
    });
  }

  /** When each was last heard of. */
  readonly heartbeats: Heartbeats = (nodeName) =>
    this.#running.has(nodeName) ? this.#cluster.clock.nowMs() : this.#silentSinceMs.get(nodeName);

  /** The kubelet registers now. */
  join(machine: Machine, delays: MachineDelays): void {
    const { nodeName, devices } = machine;
    const now = (): string => timestamp(this.#cluster.clock.nowMs());
    this.#running.set(nodeName, new Map());
    this.#silentSinceMs.delete(nodeName);
    if (this.#cluster.get('Node', { name: nodeName }) === undefined) {
      this.#cluster.create('Node', registration(machine, now()), 'kubelet');
    }
    this.#later(nodeName, delays.readyMs, () =>
      this.#report(nodeName, { conditions: conditionsOf('True', now()) }),
    );
    if (Object.keys(devices).length > 0) {
      this.#later(nodeName, delays.readyMs + delays.devicesMs, () =>
        this.#report(nodeName, { capacity: devices, allocatable: devices }),
      );
    }
    // Bound before it came: it takes them up now.
    for (const pod of this.#pods.onNode(nodeName)) this.#notice(nodeName, pod);
  }

  /** The machine is gone or cut off: nothing is heard of it any more. */
  stop(nodeName: string): void {
    if (this.#running.delete(nodeName)) {
      this.#silentSinceMs.set(nodeName, this.#cluster.clock.nowMs());
    }
  }

  #later(nodeName: string, delayMs: number, act: () => void): void {
    const kubelet = this.#running.get(nodeName);
    this.#cluster.clock.schedule(delayMs, () => {
      // Not if the machine has died meanwhile, or another one has its name.
      if (kubelet !== undefined && this.#running.get(nodeName) === kubelet) act();
    });
  }

  #current(pod: Live<'Pod'>): Live<'Pod'> | undefined {
    const found = this.#cluster.get('Pod', pod.metadata);
    return found?.metadata.uid === pod.metadata.uid ? found : undefined;
  }

  #notice(nodeName: string, pod: Live<'Pod'>): void {
    const kubelet = this.#running.get(nodeName);
    if (kubelet === undefined) return;
    if (pod.metadata.deletionTimestamp !== undefined) {
      this.#later(nodeName, noticeMs, () => this.#stopPod(nodeName, pod));
    } else if (!kubelet.has(pod.metadata.uid) && !hasEnded(pod)) {
      this.#later(nodeName, noticeMs, () => this.#admit(nodeName, pod));
    }
  }

  #admit(nodeName: string, wanted: Live<'Pod'>): void {
    const pod = this.#current(wanted);
    const node = this.#cluster.get('Node', { name: nodeName });
    const kubelet = this.#running.get(nodeName);
    if (pod === undefined || node === undefined || hasEnded(pod)) return;
    if (pod.metadata.deletionTimestamp !== undefined) return;
    if (kubelet?.has(pod.metadata.uid) !== false) return;
    // Those that were admitted before: who comes first is served first.
    const refusal = refusalOf(pod, node, [...kubelet.values()]);
    if (refusal !== undefined) {
      const message = `Pod was rejected: ${refusal}`;
      this.#setStatus(pod, { phase: 'Failed', reason: refusal, message });
      return;
    }
    kubelet.set(pod.metadata.uid, pod);
    const startMs =
      annotated(pod, 'sim/start-duration') ??
      lognormal(this.#random, this.#options.startMedianMs, startSigma);
    this.#later(nodeName, startMs, () => this.#startPod(nodeName, pod));
  }

  #startPod(nodeName: string, wanted: Live<'Pod'>): void {
    const pod = this.#current(wanted);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return;
    const startTime = timestamp(this.#cluster.clock.nowMs());
    const conditions = readiness(pod, 'True', startTime);
    this.#setStatus(pod, { phase: 'Running', startTime, conditions });
    const isOfJob = pod.metadata.ownerReferences?.some(({ kind }) => kind === 'Job') === true;
    const runMs =
      annotated(pod, 'sim/run-duration') ?? (isOfJob ? this.#options.jobRunMs : undefined);
    if (runMs === undefined) return;
    this.#later(nodeName, runMs, () => {
      const found = this.#current(pod);
      if (found !== undefined) this.#finish(nodeName, found, 'Succeeded');
    });
  }

  #stopPod(nodeName: string, wanted: Live<'Pod'>): void {
    const pod = this.#current(wanted);
    if (pod === undefined) return;
    const { deletionGracePeriodSeconds: graceSeconds = 0 } = pod.metadata as {
      readonly deletionGracePeriodSeconds?: number;
    };
    const delayMs = Math.min(annotated(pod, 'sim/stop-duration') ?? stopMs, graceSeconds * 1000);
    this.#later(nodeName, delayMs, () => {
      const found = this.#current(pod);
      if (found === undefined) return;
      if (!hasEnded(found)) this.#finish(nodeName, found, 'Failed');
      const { uid } = found.metadata;
      deleteObject(this.#cluster, 'Pod', found.metadata, { uid, gracePeriodSeconds: 0 });
    });
  }

  #finish(nodeName: string, pod: Live<'Pod'>, phase: 'Succeeded' | 'Failed'): void {
    this.#running.get(nodeName)?.delete(pod.metadata.uid);
    const now = timestamp(this.#cluster.clock.nowMs());
    this.#setStatus(pod, { phase, conditions: readiness(pod, 'False', now) });
  }

  #setStatus(pod: Live<'Pod'>, status: object): void {
    const body = { status };
    this.#cluster.patch('Pod', pod.metadata, { type: 'merge', body }, { subresource: 'status' });
  }

  #report(nodeName: string, status: object): void {
    if (this.#cluster.get('Node', { name: nodeName }) === undefined) return;
    this.#cluster.patch(
      'Node',
      { name: nodeName },
      { type: 'merge', body: { status } },
      { subresource: 'status', fieldManager: 'kubelet' },
    );
  }
}

/** Why a kubelet would not run the pod; `undefined` if it would. */
function refusalOf(
  pod: Live<'Pod'>,
  node: Live<'Node'>,
  others: readonly Live<'Pod'>[],
): string | undefined {
  const labels = {
    ...canonicalLabels(node.metadata.labels ?? {}),
    '@metadata.name': node.metadata.name,
  };
  const { alternatives } = nodeSelectionOf(pod.spec);
  if (!alternatives.some((one) => admitsLabels(one, labels))) return 'NodeAffinity';
  const severe = (node.spec?.taints ?? []).filter(({ effect }) => effect === 'NoExecute');
  if (firstUntoleratedTaint(severe, pod.spec.tolerations ?? []) !== undefined) return 'Taint';
  const allocatable = offeredResources(node.status?.allocatable ?? {});
  if (others.length + 1 > (allocatable['pods'] ?? 0)) return 'OutOfpods';
  for (const [resource, amount] of Object.entries(requestsOf(pod.spec))) {
    const taken = others.reduce((sum, other) => sum + (requestsOf(other.spec)[resource] ?? 0), 0);
    if (amount + taken > (allocatable[resource] ?? 0)) return `OutOf${resource}`;
  }
  return undefined;
}

function registration(machine: Machine, now: string): Node {
  const zeros = Object.fromEntries(Object.keys(machine.devices).map((name) => [name, '0']));
  return {
    metadata: {
      name: machine.nodeName,
      labels: { 'kubernetes.io/hostname': machine.nodeName, ...machine.labels },
    },
    spec: { providerID: machine.providerID, taints: [...machine.taints] },
    status: {
      capacity: { ...machine.capacity, ...zeros },
      allocatable: { ...machine.allocatable, ...zeros },
      conditions: conditionsOf('False', now),
      nodeInfo: { kubeletVersion: 'v1.36.3' },
    },
  };
}

function conditionsOf(ready: 'True' | 'False', now: string): Condition[] {
  const reason = ready === 'True' ? 'KubeletReady' : 'KubeletNotReady';
  return [
    { type: 'Ready', status: ready, reason, lastTransitionTime: now },
    { type: 'MemoryPressure', status: 'False', reason: 'KubeletHasSufficientMemory' },
    { type: 'DiskPressure', status: 'False', reason: 'KubeletHasNoDiskPressure' },
    { type: 'PIDPressure', status: 'False', reason: 'KubeletHasSufficientPID' },
  ];
}

function readiness(pod: Live<'Pod'>, status: 'True' | 'False', now: string): Condition[] {
  const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== 'Ready');
  return [...others, { type: 'Ready', status, lastTransitionTime: now }];
}

function annotated(pod: Live<'Pod'>, annotation: string): number | undefined {
  return durationMs(pod.metadata.annotations?.[annotation]);
}

function hasEnded({ status }: Live<'Pod'>): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}
