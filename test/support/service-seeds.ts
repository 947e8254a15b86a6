/**
 * A randomized run of the whole service: a few minutes in which anything may happen, then a tail
 * without faults in which everything must come to rest.
 *
 * In: a seed. Out: what was wrong, in sentences. Nothing depends on the machine: one seed is one run.
 * What must hold: the invariants of the simulated world at every moment; in the tail no instance
 * without NodeClaim for longer than two collection periods; every waiting pod with a stated reason;
 * in the end no pod waiting that could run, no node, no claim, no instance.
 */
import { inspect } from 'node:util';
import { ClusterError } from '../../core/ports.ts';
import type { ServiceSettings } from '../../extender/settings.ts';
import { defaultBootModel } from '../../sim/boot-time.ts';
import { defaultCapacityModel, endlessCapacity } from '../../sim/ec2-capacity.ts';
import { type ApiFaults, randomFaults } from '../../sim/faults.ts';
import { createRandom, type SeededRandom } from '../../sim/random.ts';
import { batchShapes, deployService, submitJob } from '../../sim/workloads.ts';
import { countingSolver, firstFitSolver } from './in-process-solver.ts';
import {
  collectionPeriodMs,
  ownNodes,
  type Replica,
  type ReplicaOptions,
  statedReason,
  type WholeWorld,
  wholeWorld,
} from './whole-service.ts';

export interface SeedOutcome {
  /** Empty is right. */
  readonly problems: readonly string[];
  /** What happened, by name: a run in which nothing happens proves nothing. */
  readonly counts: Readonly<Record<string, number>>;
}

const second = 1_000;
const minute = 60 * second;
/** Things go wrong for so long ... */
const troubleMs = 4 * minute;
/** ... and by then every pod that waits has a reason ... */
const settleMs = 2 * minute;
/** ... and by then everything has ended: pods, timeouts of claims, reservations, nodes. */
const tailMs = 90 * minute;
const podsPerJobMax = 15;
const impossibleCpu = '4000';
/** An instance may be so old without a claim: two periods, and the grace for a claim not seen yet. */
const orphanMaxMs = 2 * collectionPeriodMs + 30 * second;

/** Runs one seed. Rejects only where the run itself is broken. */
export async function runSeed(seed: number | string): Promise<SeedOutcome> {
  const run = new SeededRun(seed);
  await run.play();
  return { problems: run.problems, counts: Object.fromEntries(run.counts) };
}

class SeededRun {
  readonly problems: string[] = [];
  readonly counts = new Map<string, number>();
  readonly #random: SeededRandom;
  readonly #world: WholeWorld;
  readonly #faults: ReturnType<typeof randomFaults>;
  readonly #settings: Partial<ServiceSettings>;
  readonly #isSlowSolver: boolean;
  #isTrouble = true;
  #outageUntilMs = 0;
  #replicaNumber = 0;

  constructor(seed: number | string) {
    const random = createRandom(`service ${seed}`);
    this.#random = random;
    const isScarce = random.chance(0.3);
    this.#world = wholeWorld(seed, {
      hasExtender: random.chance(0.7),
      schedulerNames: ['default-scheduler', 'volcano'],
      kubelets: { startMedianMs: 1_000 },
      ec2: {
        capacity: isScarce
          ? {
              ...defaultCapacityModel,
              onDemandMedianVcpu: 300,
              spotMedianVcpu: 100,
              acceleratedShare: 1,
              sigma: 0.5,
            }
          : endlessCapacity,
        boot: { ...defaultBootModel, neverJoinsShare: random.chance(0.3) ? 0.1 : 0 },
        isThrottled: random.chance(0.3),
        spotLifeMs: random.chance(0.3) ? 20 * minute : Infinity,
        hostLifeMs: random.chance(0.2) ? 60 * minute : Infinity,
        faults: {
          on: (action) => {
            if (!this.#isTrouble || !random.chance(0.03)) return undefined;
            this.#count(`ec2 ${action}`);
            return random.chance(0.5)
              ? { type: 'lose-answer' }
              : { type: 'refuse', code: random.pick(['RequestLimitExceeded', 'InternalError']) };
          },
        },
      },
    });
    const rate = random.pick([0, 0.005, 0.03]);
    this.#faults = randomFaults(random.branch('api'), {
      refuse: rate,
      loseRequest: rate / 4,
      loseAnswer: rate / 2,
      delay: rate,
      cut: rate * 10,
      lag: rate * 10,
    });
    this.#settings = { bind: random.pick(['default', 'default', 'default', 'own', 'none']) };
    this.#isSlowSolver = random.chance(0.15);
  }

  async play(): Promise<void> {
    const w = this.#world;
    const replicas = this.#random.pick([1, 1, 2]);
    for (let count = 0; count < replicas; count += 1) await this.#startReplica();
    this.#plan();
    await w.clock.advance(troubleMs);
    await this.#endTrouble();
    await w.clock.advance(settleMs);
    this.#checkReasons();
    for (const pod of w.cluster.all('Pod')) {
      if (pod.metadata.name.startsWith('impossible')) this.#delete('Pod', pod.metadata);
    }
    await this.#comeToRest();
    await w.clock.advance(2 * collectionPeriodMs);
    if (w.living() > 0) this.#problem(`${w.living()} instances are left over`);
    for (const { message, subject, kind, timeMs } of w.invariants.violations) {
      this.problems.push(`${new Date(timeMs).toISOString()} ${kind} ${subject}: ${message}`);
    }
    this.#count('comparisons', w.invariants.comparisons);
    this.#count('launched', w.engine.instances.size);
  }

  /** Everything that will happen, at its time. */
  #plan(): void {
    const random = this.#random;
    const often = (most: number, fromMs: number, event: () => void): void => {
      for (let left = random.integer(most + 1); left > 0; left -= 1) {
        this.#at(fromMs + random.integer(troubleMs - fromMs), event);
      }
    };
    this.#at(random.integer(10 * second), () => this.#submit());
    this.#at(random.integer(60 * second), () => this.#submit());
    often(5, 0, () => this.#submit());
    often(1, 0, () => this.#deploy());
    often(2, 0, () => this.#createBare('impossible', impossibleCpu));
    often(6, 0, () => this.#createBare('bare', random.pick(['100m', '1', '3'])));
    often(4, 5 * second, () => this.#deletePod());
    often(3, 5 * second, () => this.#kill());
    often(2, 5 * second, () => this.#dry());
    often(1, 5 * second, () => this.#outage());
    often(2, 5 * second, () => this.#world.cluster.forget());
    often(2, 40 * second, () => this.#loseInstance());
    often(2, 40 * second, () => this.#deleteAny('NodeClaim'));
    often(1, 40 * second, () => this.#deleteAny('Node'));
  }

  #submit(): void {
    const random = this.#random;
    const shape = random.pick(batchShapes);
    const runMs = 10 * second + random.integer(110 * second);
    submitJob(this.#world.cluster, shape, { pods: 1 + random.integer(podsPerJobMax), runMs });
    this.#count('job');
  }

  #deploy(): void {
    const size = { cpuMilli: 500, memoryMiB: 512, maxUnavailable: 1 };
    if (
      this.#world.cluster.get('Deployment', { namespace: 'default', name: 'web' }) === undefined
    ) {
      deployService(this.#world.cluster, 'web', { replicas: 4, ...size });
      this.#count('deployment');
    }
  }

  #createBare(name: string, cpu: string): void {
    const random = this.#random;
    this.#world.cluster.create('Pod', {
      metadata: {
        namespace: 'default',
        name: `${name}-${random.suffix(6)}`,
        annotations: { 'sim/run-duration': `${10 + random.integer(60)}s` },
      },
      spec: {
        schedulerName: random.pick(['default-scheduler', 'default-scheduler', 'volcano']),
        restartPolicy: 'Never',
        priority: random.pick([0, 0, 1_000]),
        containers: [{ name: 'main', resources: { requests: { cpu, memory: '128Mi' } } }],
      },
    });
    this.#count(`${name} pod`);
  }

  #deletePod(): void {
    const pods = [...this.#world.cluster.all('Pod')].filter(
      ({ metadata }) => metadata.namespace === 'default',
    );
    if (pods.length === 0) return;
    this.#delete('Pod', this.#random.pick(pods).metadata);
    this.#count('pod deleted');
  }

  #deleteAny(kind: 'NodeClaim' | 'Node'): void {
    const objects = [...this.#world.cluster.all(kind)];
    if (objects.length === 0) return;
    this.#delete(kind, this.#random.pick(objects).metadata);
    this.#count(`${kind} deleted`);
  }

  #delete(
    kind: 'Pod' | 'NodeClaim' | 'Node',
    { namespace, name }: { readonly namespace?: string; readonly name: string },
  ): void {
    const { client } = this.#user();
    const object = namespace === undefined ? { name } : { namespace, name };
    client.delete(kind, object).catch((error: unknown) => this.#problem(String(error)));
  }

  #user() {
    return this.#world.startProcess('user');
  }

  /** At once, or at the next write of some kind. */
  #kill(): void {
    const random = this.#random;
    const living = this.#living();
    if (living.length === 0) return;
    const victim = random.pick(living);
    victim.kill();
    this.#count('kill');
    this.#at(random.integer(20 * second), () => void this.#startReplica());
  }

  #living(): Replica[] {
    return this.#world.replicas.filter(({ ports }) => ports.process.isAlive);
  }

  #dry(): void {
    const { clock, engine } = this.#world;
    const random = this.#random;
    const letter = random.pick(['m', 'c', 'r', 'g']);
    const zone = random.pick(['us-east-1a', 'us-east-1b', '']);
    engine.drain(
      (key) => key.instanceType.startsWith(letter) && (zone === '' || key.zone === zone),
      clock.nowMs() + random.integer(5 * minute),
    );
    this.#count('drought');
  }

  #outage(): void {
    this.#outageUntilMs = this.#world.clock.nowMs() + 30 * second;
    this.#count('outage');
  }

  #loseInstance(): void {
    const running = [...this.#world.engine.instances.values()].filter(
      ({ state }) => state === 'running',
    );
    if (running.length === 0) return;
    const { instanceId } = this.#random.pick(running);
    if (this.#random.chance(0.5)) this.#world.engine.fail(instanceId);
    else this.#world.engine.reclaim(instanceId);
    this.#count('instance lost');
  }

  async #startReplica(): Promise<void> {
    const random = this.#random;
    this.#replicaNumber += 1;
    const name = `replica-${this.#replicaNumber}`;
    const faults: ApiFaults = {
      on: (call) =>
        this.#isTrouble && this.#world.clock.nowMs() < this.#outageUntilMs
          ? { type: 'refuse', error: new ClusterError('Unavailable', 'connect ECONNREFUSED') }
          : this.#faults.on(call),
    };
    let writesLeft = random.chance(0.4) ? 1 + random.integer(150) : Infinity;
    const options: ReplicaOptions = {
      settings: this.#settings,
      faults,
      solver: (ports) =>
        this.#isSlowSolver ? countingSolver(this.#world.clock, ports) : firstFitSolver(ports),
      crashPoint: {
        moment: random.pick(['before', 'after'] as const),
        matches: ({ verb, kind }) => {
          const isRead = ['list', 'watch', 'get', 'serves', 'probe'].includes(verb);
          if (!this.#isTrouble || isRead || kind === 'Event' || kind === 'Lease') return false;
          writesLeft -= 1;
          return writesLeft === 0;
        },
      },
      onDeath: () => {
        if (!this.#isTrouble) return;
        this.#count('death');
        this.#at(random.integer(10 * second), () => {
          if (this.#living().length === 0) void this.#startReplica();
        });
      },
    };
    try {
      await this.#world.startReplica(name, options);
    } catch (error) {
      this.#problem(`a replica did not start: ${String(error)}`);
    }
  }

  async #endTrouble(): Promise<void> {
    this.#isTrouble = false;
    this.#faults.stop();
    for (const [name, count] of this.#faults.counts) this.#count(name, count);
    if (this.#living().length === 0) await this.#startReplica();
    const { client } = this.#user();
    const name = { namespace: 'default', name: 'web' };
    await this.#world.clock.settle(
      client.delete('Deployment', name, { propagation: 'Background' }),
    );
  }

  #checkReasons(): void {
    const { cluster, clock } = this.#world;
    const leader = this.#living().find(({ service }) => service.isLeader);
    if (leader === undefined) return this.#problem('nobody leads');
    for (const { metadata, spec, status } of cluster.all('Pod')) {
      const isOld = clock.nowMs() - Date.parse(metadata.creationTimestamp) > minute;
      const isWaiting = spec.nodeName === undefined && status?.phase === 'Pending' && isOld;
      if (!isWaiting || metadata.deletionTimestamp !== undefined) continue;
      if (statedReason(leader, metadata.uid) === undefined) {
        this.#problem(`no reason is stated for pod ${metadata.name}`);
      }
    }
  }

  async #comeToRest(): Promise<void> {
    const w = this.#world;
    const endMs = w.clock.nowMs() + tailMs;
    const orphanSinceMs = new Map<string, number>();
    while (w.clock.nowMs() < endMs && !this.#isAtRest()) {
      await w.clock.advance(10 * second);
      this.#checkOrphans(orphanSinceMs);
      const bug = w.replicas.flatMap(({ failures }) => failures)[0];
      if (bug !== undefined) {
        const text = bug instanceof Error ? (bug.stack ?? bug.message) : inspect(bug);
        return this.#problem(`a replica failed: ${text}`);
      }
    }
    if (this.#isAtRest()) return;
    const left = [...w.cluster.all('Pod')].filter(
      ({ metadata, status }) => metadata.namespace === 'default' && isUnfinished(status?.phase),
    );
    const [pod] = left;
    const leader = this.#living().find(({ service }) => service.isLeader);
    const reason =
      pod === undefined || leader === undefined ? '' : statedReason(leader, pod.metadata.uid);
    this.#problem(
      `not at rest: ${left.length} pods (${pod?.metadata.name} on ${pod?.spec.nodeName}: ${reason}), ` +
        `${ownNodes(w)} nodes, ${w.cluster.count('NodeClaim')} claims, ${w.living()} instances`,
    );
  }

  #isAtRest(): boolean {
    const w = this.#world;
    if (w.living() > 0 || ownNodes(w) > 0 || w.cluster.count('NodeClaim') > 0) return false;
    for (const { metadata, status } of w.cluster.all('Pod')) {
      if (metadata.namespace === 'default' && isUnfinished(status?.phase)) return false;
    }
    return true;
  }

  #checkOrphans(sinceMs: Map<string, number>): void {
    const { engine, cluster, clock } = this.#world;
    const known = new Set(
      [...cluster.all('NodeClaim')].map(({ status }) => status?.providerID?.split('/').at(-1)),
    );
    for (const { instanceId, state, tags } of engine.instances.values()) {
      const claim = cluster.get('NodeClaim', { name: tags['karpenter.sh/nodeclaim'] ?? '' });
      const isKnown = claim !== undefined || known.has(instanceId);
      if ((state !== 'pending' && state !== 'running') || isKnown) {
        sinceMs.delete(instanceId);
        continue;
      }
      const since = sinceMs.get(instanceId) ?? clock.nowMs();
      sinceMs.set(instanceId, since);
      if (clock.nowMs() - since <= orphanMaxMs) continue;
      sinceMs.set(instanceId, Infinity);
      this.#problem(`instance ${instanceId} has been without claim for too long`);
    }
  }

  #at(durationMs: number, run: () => void): void {
    this.#world.clock.schedule(durationMs, () => {
      if (this.#isTrouble) run();
    });
  }

  #count(name: string, by = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + by);
  }

  #problem(text: string): void {
    this.problems.push(`${new Date(this.#world.clock.nowMs()).toISOString()} ${text}`);
  }
}

function isUnfinished(phase: string | undefined): boolean {
  return phase !== 'Succeeded' && phase !== 'Failed';
}
