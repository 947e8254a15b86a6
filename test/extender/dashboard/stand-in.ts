/**
 * A small world for the dashboard to look at: a simulated cluster, and a stand-in for the controllers.
 *
 * In: a seed. Out: workloads can be submitted; nodes are planned for pods by the simplest rule (so many
 * per node), with the NodeClaims, conditions, taints and decisions that the real controllers write, and
 * are taken away once they are empty. It proves nothing about provisioning.
 */
import { loadCatalogue } from '../../../catalogue/loader.ts';
import { conditionOf, withConditions } from '../../../core/api/conditions.ts';
import type { Live } from '../../../core/api/kinds.ts';
import type { CapacityType } from '../../../core/api/labels.ts';
import {
  disruptedTaint,
  labelCapacityType,
  labelInstanceType,
  labelNodePool,
  labelZone,
  reservedTaint,
} from '../../../core/api/labels.ts';
import type { LaunchOffering } from '../../../core/cloud-port.ts';
import type { DecisionRecord } from '../../../core/ports.ts';
import { annotationOfferings, offeringsRecord } from '../../../core/scheduling/claim-offerings.ts';
import { effectiveRequests } from '../../../core/scheduling/requests.ts';
import {
  annotationReservation,
  reservationRecord,
} from '../../../core/scheduling/reservation-record.ts';
import type { LivePod } from '../../../core/state/live-pod.ts';
import type { ClusterView } from '../../../core/state/view.ts';
import { startLiveState } from '../../../extender/controllers/live-state.ts';
import type { DashboardSources } from '../../../extender/dashboard/collector.ts';
import type { DecisionSource } from '../../../extender/dashboard/decision-source.ts';
import type { PlanFigures } from '../../../extender/dashboard/plan-state.ts';
import { workloadGroup } from '../../../extender/dashboard/workload-group.ts';
import { endlessCapacity } from '../../../sim/ec2-capacity.ts';
import { installSamples } from '../../../sim/sample-objects.ts';
import { createWorld, type ProcessPorts, type World } from '../../../sim/world.ts';

const zones = ['us-east-1a', 'us-east-1b'];
const lookMs = 1_000;
const emptyMs = 30_000;
const nanoPerUsd = 1e9;

interface Choice {
  readonly type: string;
  readonly pool: string;
  readonly price: number;
  readonly cpuMilli: number;
  readonly memory: number;
}

const choices: readonly Choice[] = [
  { type: 'm7i.large', pool: 'general', price: 0.1008, cpuMilli: 1_800, memory: 6.5 * 2 ** 30 },
  { type: 'm7i.2xlarge', pool: 'general', price: 0.4032, cpuMilli: 7_700, memory: 28 * 2 ** 30 },
  { type: 'm7i.4xlarge', pool: 'general', price: 0.8064, cpuMilli: 15_600, memory: 57 * 2 ** 30 },
  { type: 'g5.2xlarge', pool: 'accelerated', price: 1.212, cpuMilli: 7_700, memory: 28 * 2 ** 30 },
];

/** An in-memory list of decisions. */
export class DecisionList implements DecisionSource {
  readonly records: DecisionRecord[] = [];
  readonly #listeners = new Set<(record: DecisionRecord) => void>();

  recent(limit: number): readonly DecisionRecord[] {
    return this.records.slice(-limit);
  }

  subscribe(listener: (record: DecisionRecord) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  add(record: DecisionRecord): void {
    this.records.push(record);
    for (const listener of this.#listeners) listener(record);
  }
}

export interface StandIn {
  readonly world: World;
  readonly view: ClusterView;
  readonly decisions: DecisionList;
  readonly sources: DashboardSources;
  /** What the sources say of the plan; undefined before the first. */
  figures: PlanFigures | undefined;
  /** Pods of these names get no node, and a decision that says why. */
  readonly hopeless: Set<string>;
  stop(): void;
}

export interface StandInOptions {
  readonly seed: number | string;
  /** Told as the simulation's speed. */
  readonly speed?: number;
  /** Nodes come only if it is set. */
  readonly isProvisioning?: boolean;
}

/** A world whose view is synced; its clock has to be driven. */
export async function startStandIn(options: StandInOptions): Promise<StandIn> {
  const types = loadCatalogue().types.filter(({ name }) =>
    choices.some(({ type }) => type === name),
  );
  const world = createWorld({
    seed: options.seed,
    types,
    absentKinds: ['EC2NodeClass.stowage.dev'],
    ec2: { capacity: endlessCapacity },
  });
  installSamples(world.cluster, zones);
  world.startScheduler({ schedulerNames: ['default-scheduler'] });
  const ports = world.startProcess('stand-in');
  const end = new AbortController();
  const live = startLiveState({ ...ports, signal: end.signal });
  await world.clock.settle(live.synced);
  const decisions = new DecisionList();
  const standIn: StandIn = {
    world,
    view: live.view,
    decisions,
    figures: undefined,
    hopeless: new Set(),
    stop: () => end.abort(new Error('stopped')),
    sources: {
      view: live.view,
      priceOf: (labels) => {
        const price = choices.find(({ type }) => type === labels[labelInstanceType])?.price;
        return price === undefined ? undefined : Math.round(price * nanoPerUsd);
      },
      decisions,
      planState: { latest: () => standIn.figures },
      about: () => ({
        cluster: 'simulated',
        identity: 'stowage-0',
        isLeader: true,
        leader: 'stowage-0',
        karpenterLeads: false,
        version: '0.1.0',
        speed: options.speed ?? null,
      }),
      nowMs: () => world.clock.nowMs(),
    },
  };
  if (options.isProvisioning ?? true) {
    void new Provisioner(standIn, ports).run(end.signal).catch((error: unknown) => {
      if (!end.signal.aborted) throw error;
    });
  }
  return standIn;
}

class Provisioner {
  readonly #of: StandIn;
  readonly #ports: ProcessPorts;
  #number = 0;
  readonly #emptySinceMs = new Map<string, number>();

  constructor(of: StandIn, ports: ProcessPorts) {
    this.#of = of;
    this.#ports = ports;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#ports;
    for (;;) {
      await clock.sleep(lookMs, signal);
      await this.#plan();
      const claims = [...this.#of.view.all('NodeClaim')];
      for (const claim of claims) await this.#follow(claim);
    }
  }

  async #plan(): Promise<void> {
    const { view, hopeless } = this.#of;
    const held = new Set([...view.all('NodeClaim')].flatMap((claim) => [...ownersOf(claim)]));
    const pending = [...view.unboundPods.values()].filter(
      ({ uid, unscheduledReason, ownerKind }) =>
        unscheduledReason === 'Unschedulable' && ownerKind !== 'DaemonSet' && !held.has(uid),
    );
    const bins: { choice: Choice; pods: LivePod[]; cpu: number; memory: number }[] = [];
    for (const pod of pending) {
      if (hopeless.has(workloadGroup(pod))) {
        this.#decide(pod, 'unschedulable', 'no offering has the memory that it asks for');
        continue;
      }
      const { cpu = 0, memory = 0, 'nvidia.com/gpu': gpu = 0 } = effectiveRequests(pod.spec);
      const pool = gpu > 0 ? 'accelerated' : 'general';
      let bin = bins.find(
        (one) => one.choice.pool === pool && gpu === 0 && one.cpu >= cpu && one.memory >= memory,
      );
      if (bin === undefined) {
        const left = pending.length - bins.reduce((sum, { pods }) => sum + pods.length, 0);
        const fitting = choices.filter(
          (one) => one.pool === pool && one.cpuMilli >= cpu && one.memory >= memory,
        );
        const choice = fitting[Math.min(fitting.length - 1, left > 6 ? 2 : left > 2 ? 1 : 0)];
        if (choice === undefined) continue;
        bin = { choice, pods: [], cpu: choice.cpuMilli, memory: choice.memory };
        bins.push(bin);
      }
      bin.pods.push(pod);
      bin.cpu -= cpu;
      bin.memory -= memory;
    }
    if (bins.length === 0) return;
    this.#publish(
      bins.map(({ choice }) => choice.price),
      pending.length,
    );
    for (const { choice, pods } of bins) await this.#want(choice, pods);
  }

  #publish(prices: readonly number[], pods: number): void {
    const { view, sources } = this.#of;
    const standing = [...view.all('NodeClaim')].reduce(
      (sum, { metadata }) => sum + (sources.priceOf(metadata.labels ?? {}) ?? 0),
      0,
    );
    const batch = Math.round(prices.reduce((sum, price) => sum + price, 0) * nanoPerUsd);
    this.#of.figures = {
      timeMs: this.#ports.clock.nowMs(),
      costNanoUsdPerHour: standing + batch,
      batchCostNanoUsdPerHour: batch,
      lowerBoundNanoUsdPerHour: standing + batch * 0.985,
      firstFitNanoUsdPerHour: standing + batch * 1.17,
      gap: 0.015,
      pods,
      solveMs: 210,
      pendingByReason: {},
    };
  }

  async #want(choice: Choice, pods: readonly LivePod[]): Promise<void> {
    const { client, clock } = this.#ports;
    this.#number += 1;
    const name = `${choice.pool}-${this.#number.toString(16).padStart(5, '0')}`;
    const capacityType: CapacityType =
      choice.pool === 'general' && this.#number % 3 !== 0 ? 'spot' : 'on-demand';
    const zone = zones[this.#number % zones.length] ?? '';
    const offering: LaunchOffering = { instanceType: choice.type, zone, capacityType };
    for (const pod of pods)
      this.#decide(pod, 'planned', `Pod should schedule on: nodeclaim/${name}`);
    await client.create('NodeClaim', {
      apiVersion: 'karpenter.sh/v1',
      kind: 'NodeClaim',
      metadata: {
        name,
        labels: {
          [labelNodePool]: choice.pool,
          [labelInstanceType]: choice.type,
          [labelZone]: zone,
          [labelCapacityType]: capacityType,
        },
        annotations: {
          [annotationOfferings]: offeringsRecord([offering]),
          [annotationReservation]: reservationRecord({
            owners: new Set(pods.map(({ uid }) => uid)),
            expiresAtMs: clock.nowMs() + 600_000,
            fence: 'binding',
          }),
        },
      },
      spec: {
        requirements: [],
        resources: { requests: { cpu: `${choice.cpuMilli}m`, memory: String(choice.memory) } },
        nodeClassRef: { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass', name: 'default' },
      },
    });
  }

  /** One step further, if the claim is ready for one. */
  async #follow(claim: Live<'NodeClaim'>): Promise<void> {
    const { name } = claim.metadata;
    const node = this.#nodeOf(claim);
    if (conditionOf(claim, 'Launched') === undefined) return await this.#launch(claim);
    if (node === undefined) return;
    if (conditionOf(claim, 'Registered') === undefined) {
      await this.#set(claim, 'Registered', { nodeName: node.metadata.name });
      return;
    }
    const isReady = node.status?.conditions?.some(
      ({ type, status }) => type === 'Ready' && status === 'True',
    );
    if (conditionOf(claim, 'Initialized') === undefined) {
      if (isReady === true) await this.#set(claim, 'Initialized', {});
      return;
    }
    const taints = (node.spec?.taints ?? []).filter(({ key }) => key !== reservedTaint.key);
    if (taints.length !== (node.spec?.taints ?? []).length) {
      await this.#ports.client.patch('Node', node.metadata, {
        type: 'merge',
        body: { spec: { taints } },
      });
      this.#tell('NodeClaim', name, 'released', 'the pods that it was held for are bound');
      return;
    }
    await this.#end(claim, node);
  }

  async #launch(claim: Live<'NodeClaim'>): Promise<void> {
    const { client, cloud } = this.#ports;
    const nodeClass = await client.get('EC2NodeClass', { name: 'default' });
    if (nodeClass === undefined) throw new Error('there is no node class');
    const labels = claim.metadata.labels ?? {};
    const outcome = await cloud.launch({
      clientToken: claim.metadata.uid,
      nodeClaimName: claim.metadata.name,
      nodePoolName: labels[labelNodePool] ?? '',
      nodeClass,
      offerings: [
        {
          instanceType: labels[labelInstanceType] ?? '',
          zone: labels[labelZone] ?? '',
          capacityType: 'on-demand',
        },
      ],
      tags: { 'karpenter.sh/nodeclaim': claim.metadata.name },
      labels,
      taints: [reservedTaint],
    });
    if (outcome.outcome === 'failed') throw new Error(outcome.message);
    const { providerID, instanceType } = outcome.instance;
    await this.#set(claim, 'Launched', { providerID });
    this.#tell('NodeClaim', claim.metadata.name, 'launched', `${instanceType} as ${providerID}`);
  }

  /** Empty for a while: tainted, then gone. */
  async #end(claim: Live<'NodeClaim'>, node: Live<'Node'>): Promise<void> {
    const { client, clock, cloud } = this.#ports;
    const { name } = claim.metadata;
    const isEmpty = [...this.#of.view.usageOf(node.metadata.name).pods.values()].every(
      ({ ownerKind, phase }) => ownerKind === 'DaemonSet' || phase === 'Succeeded',
    );
    if (!isEmpty) {
      this.#emptySinceMs.delete(name);
      return;
    }
    const sinceMs = this.#emptySinceMs.get(name) ?? clock.nowMs();
    this.#emptySinceMs.set(name, sinceMs);
    const isTainted = node.spec?.taints?.some(({ key }) => key === disruptedTaint.key) ?? false;
    if (clock.nowMs() - sinceMs > emptyMs && !isTainted) {
      const taints = [...(node.spec?.taints ?? []), disruptedTaint];
      await client.patch('Node', node.metadata, { type: 'merge', body: { spec: { taints } } });
      this.#tell(
        'NodeClaim',
        name,
        'disrupted',
        'it has been empty for longer than consolidateAfter',
      );
    } else if (clock.nowMs() - sinceMs > 2 * emptyMs) {
      await cloud.terminate(claim.status?.providerID ?? '');
      await client.delete('Node', node.metadata);
      await client.delete('NodeClaim', claim.metadata);
    }
  }

  #nodeOf({ status }: Live<'NodeClaim'>): Live<'Node'> | undefined {
    return status?.providerID === undefined
      ? undefined
      : this.#of.view.nodeByProviderID(status.providerID);
  }

  async #set(
    claim: Live<'NodeClaim'>,
    type: string,
    status: NonNullable<Live<'NodeClaim'>['status']>,
  ): Promise<void> {
    const { client, clock } = this.#ports;
    const conditions = withConditions(
      claim.status?.conditions ?? [],
      [{ type, status: 'True' }],
      1,
      clock.nowMs(),
    );
    const body = { status: { ...status, conditions: [...conditions] } };
    await client.patch(
      'NodeClaim',
      claim.metadata,
      { type: 'merge', body },
      { subresource: 'status' },
    );
  }

  #decide({ namespace, name, uid }: LivePod, outcome: string, reason: string): void {
    const last = this.#of.decisions.records.findLast(({ subject }) => subject.uid === uid);
    if (last?.outcome === outcome) return;
    this.#of.decisions.add({
      timeMs: this.#ports.clock.nowMs(),
      actor: 'provisioner',
      subject: { kind: 'Pod', namespace, name, uid },
      outcome,
      reason,
    });
  }

  #tell(kind: 'NodeClaim', name: string, outcome: string, reason: string): void {
    this.#of.decisions.add({
      timeMs: this.#ports.clock.nowMs(),
      actor: 'lifecycle',
      subject: { kind, name },
      outcome,
      reason,
    });
  }
}

function ownersOf({ metadata }: Live<'NodeClaim'>): readonly string[] {
  const record = metadata.annotations?.[annotationReservation];
  return record === undefined ? [] : (JSON.parse(record) as { pods: string[] }).pods;
}
