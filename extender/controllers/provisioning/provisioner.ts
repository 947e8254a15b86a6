/**
 * The provisioning loop: pods that no node has room for become NodeClaims.
 *
 * In: the live view, the solver, the cloud's types. Out: NodeClaims with reservations, pods added to
 * claims under way, a verdict for every pending pod. One batch at a time; what fails is planned again
 * with back-off from the state that is then. It keeps nothing that a restart would miss: who is
 * planned where stands on the claims.
 */
import { createHash } from 'node:crypto';
import type { Live } from '../../../core/api/kinds.ts';
import { labelNodePool } from '../../../core/api/labels.ts';
import { fenceFor } from '../../../core/binding/fence.ts';
import { bindsPod } from '../../../core/binding/whose-pods.ts';
import { CloudError } from '../../../core/cloud-port.ts';
import { interruptionOf } from '../../../core/interruption/interruption-record.ts';
import type { PlannedClaim } from '../../../core/packing/planned-claims.ts';
import { ClusterError, type Solver } from '../../../core/ports.ts';
import { claimDraft } from '../../../core/provisioning/claim-draft.ts';
import { planningSnapshot } from '../../../core/provisioning/in-flight.ts';
import { isStandIn, podsOnClaims } from '../../../core/provisioning/nominations.ts';
import { standingOfPod } from '../../../core/provisioning/pending.ts';
import type { LivePod } from '../../../core/state/live-pod.ts';
import type { SnapshotPod } from '../../../core/state/snapshot.ts';
import { offeringRisk } from '../../planning/offering-risk.ts';
import { type BatchPlan, planBatch } from '../../planning/plan-batch.ts';
import { inSlices } from '../../planning/slices.ts';
import type { Controller, ControllerContext } from '../context.ts';
import type { PriceBook } from '../price-book.ts';
import { BatchWindow } from './batch-window.ts';
import { type ClaimAddition, ClaimWriter } from './claim-writer.ts';
import type { PlanBoard } from './plan-board.ts';
import { recordPlan } from './plan-record.ts';
import { type InterruptedPods, interruptedPods, writeReplacements } from './stand-ins.ts';
import { type Verdict, Verdicts } from './verdicts.ts';

export interface ProvisionerOptions {
  readonly solver: Solver;
  readonly prices: PriceBook;
  readonly board: PlanBoard;
}

/** While pods are pending the state is looked at again at least this often. */
const lookAgainMs = 10_000;
/** A pod that should fit an open node, and is not placed for so long, gets a node of its own. */
const fitPatienceMs = 30_000;
/** Batches beyond so many pods get proportionally more time to solve, up to four times. */
const podsPerBudget = 2_000;
const budgetFactorMax = 4;
const failureWaitMs = 2_000;
const nanoPerUsd = 1e9;

export function startProvisioner(
  context: ControllerContext,
  options: ProvisionerOptions,
): Controller {
  const provisioner = new Provisioner(context, options);
  const done = provisioner.run();
  done.catch(() => undefined);
  return { name: 'provisioner', done };
}

class Provisioner {
  readonly #context: ControllerContext;
  readonly #options: ProvisionerOptions;
  readonly #window: BatchWindow;
  readonly #writer: ClaimWriter;
  readonly #verdicts: Verdicts;
  /** Pods of the last batch: others are new. */
  #seen: ReadonlySet<string> = new Set();
  /** Nodes that the cloud takes away, as of this round. */
  #interrupted: readonly InterruptedPods[] = [];
  /** When a pod was first said to fit an open node, monotonic. */
  readonly #fitSinceMs = new Map<string, number>();

  constructor(context: ControllerContext, options: ProvisionerOptions) {
    this.#context = context;
    this.#options = options;
    const { clock, settings } = context;
    this.#window = new BatchWindow({
      clock,
      idleMs: settings.batchIdleMs,
      maxMs: settings.batchMaxMs,
    });
    this.#writer = new ClaimWriter(context);
    this.#verdicts = new Verdicts(context);
  }

  async run(): Promise<void> {
    const { signal, metrics } = this.#context;
    const stops = this.#listen();
    const close = (): void => this.#window.close();
    signal.addEventListener('abort', close, { once: true });
    if (signal.aborted) close();
    this.#window.note();
    try {
      for (;;) {
        const windowMs = await this.#window.next();
        if (windowMs === undefined) return;
        metrics.solver.batchWindowSeconds.observe(windowMs / 1000);
        await this.#roundOrWait();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      for (const stop of stops) stop();
      signal.removeEventListener('abort', close);
      this.#window.close();
    }
  }

  #listen(): (() => void)[] {
    const { view } = this.#context;
    const note = (): void => {
      if (view.unboundPods.size + this.#interrupted.length > 0) this.#window.note();
    };
    return [
      view.listen('Pod', ({ type, object }) => {
        if (type === 'deleted' || object.nodeName !== '' || this.#seen.has(object.uid)) return;
        if (object.unscheduledReason !== '' && object.deletionMs === 0) this.#window.note();
      }),
      ...(['NodePool', 'NodeOverlay'] as const).map((kind) =>
        view.listen(kind, ({ object, previous }) => {
          if (object.metadata.generation !== previous?.metadata.generation) note();
        }),
      ),
      view.listen('NodeClaim', ({ type, object, previous }) => {
        const isLeaving = object.metadata.deletionTimestamp !== undefined;
        const wasLeaving = previous?.metadata.deletionTimestamp !== undefined;
        if (type === 'deleted' || (isLeaving && !wasLeaving)) note();
        const isNews = previous === undefined || interruptionOf(previous) === undefined;
        if (isNews && interruptionOf(object) !== undefined) this.#window.note();
      }),
    ];
  }

  /** Outages are met by planning again a little later. */
  async #roundOrWait(): Promise<void> {
    const { signal, log } = this.#context;
    try {
      await this.#round();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ClusterError || error instanceof CloudError)) throw error;
      log.warn({ code: error.code }, `planning is put off: ${error.message}`);
      this.#window.noteAfter(failureWaitMs);
    }
  }

  async #round(): Promise<void> {
    const { clock, view, signal, metrics, settings, owns } = this.#context;
    const closedMs = clock.monotonicMs();
    const claims = this.#writer.claims();
    const claimOfPod = podsOnClaims(claims, clock.nowMs());
    const pending = this.#pending(claimOfPod);
    this.#seen = new Set(pending.map(({ uid }) => uid));
    this.#interrupted = interruptedPods(this.#context, claims);
    const successors = this.#interrupted.flatMap(({ pods }) => pods);
    const unplanned = successors.filter(({ uid }) => !claimOfPod.has(uid));
    metrics.scheduler.queueDepth.set({ controller: 'provisioner' }, pending.length);
    if (view.unboundPods.size + successors.length > 0) this.#window.noteAfter(lookAgainMs);
    const placeOf = new Map(claimOfPod);
    if (pending.length + unplanned.length === 0) {
      await writeReplacements(this.#context, this.#interrupted, placeOf);
      return;
    }
    metrics.solver.batchPods.observe(pending.length + unplanned.length);
    const typesOf = await this.#options.prices.types(signal);
    const patience = clock.monotonicMs() - fitPatienceMs;
    const isStubborn = ({ uid }: SnapshotPod): boolean =>
      (this.#fitSinceMs.get(uid) ?? Number.POSITIVE_INFINITY) < patience;
    const lanes = [
      { pods: [...pending.filter((pod) => !isStubborn(pod)), ...unplanned], withOpenNodes: true },
      { pods: pending.filter(isStubborn), withOpenNodes: false },
    ];
    for (const { pods, withOpenNodes } of lanes) {
      if (pods.length === 0) continue;
      const steps = planningSnapshot({
        snapshot: view.snapshot(),
        claims: this.#writer.claims(),
        pending: new Set(pods),
        successors,
        // With what the lane before has planned.
        claimOfPod: placeOf,
        nodePools: [...view.all('NodePool')].filter(({ spec }) =>
          owns(spec.template.spec.nodeClassRef),
        ),
        isOurs: ({ spec }) => owns(spec.nodeClassRef),
        withOpenNodes,
      });
      const { snapshot, inFlight } = await inSlices(steps, clock, signal);
      const plan = await planBatch(snapshot, pods, {
        clock,
        solver: this.#options.solver,
        typesOf,
        signal,
        model: {
          nodeCostNano: settings.nodeCostNano,
          riskNano: offeringRisk(settings),
          addresses: this.#options.prices.addresses(),
        },
        solve: {
          gap: settings.solveGap,
          timeLimitMs: this.#budgetMs(pods.length),
          seed: settings.seed,
          threads: settings.solverThreads,
          master: settings.master,
        },
        complain: (line) => this.#context.log.error(line),
      });
      recordPlan(plan, {
        context: this.#context,
        prices: this.#options.prices,
        board: this.#options.board,
        podCount: pods.length,
        isPending: (uid) => this.#seen.has(uid),
      });
      await this.#carryOut(plan, inFlight, placeOf, closedMs);
    }
    await writeReplacements(this.#context, this.#interrupted, placeOf);
  }

  #budgetMs(podCount: number): number {
    const factor = Math.min(budgetFactorMax, Math.max(1, podCount / podsPerBudget));
    return Math.round(this.#context.settings.solveTimeLimitMs * factor);
  }

  /** Pods to plan for, the most important and then the oldest first. */
  #pending(claimOfPod: ReadonlyMap<string, string>): LivePod[] {
    const { view, metrics } = this.#context;
    const facts = {
      claimOf: (uid: string) => claimOfPod.get(uid),
      nodeExists: (name: string) => view.get('Node', { name }) !== undefined,
    };
    const pending: LivePod[] = [];
    let ignored = 0;
    for (const pod of view.unboundPods.values()) {
      const standing = standingOfPod(pod, facts);
      if (standing.kind === 'plan') {
        pending.push(pod);
        continue;
      }
      const claim = claimOfPod.get(pod.uid);
      // Planned by a process that led before this one: said again, as nobody else can be asked now.
      if (claim !== undefined) this.#verdicts.tell(pod, plannedOn(claim));
      else if (standing.kind === 'ignore') ignored += 1;
      else this.#verdicts.tell(pod, { outcome: 'waiting', reason: standing.reason });
    }
    metrics.scheduler.ignoredPods.set(ignored);
    this.#verdicts.retain((uid) => view.unboundPods.has(uid));
    for (const uid of this.#fitSinceMs.keys()) {
      if (!view.unboundPods.has(uid)) this.#fitSinceMs.delete(uid);
    }
    return pending.sort((a, b) => b.priority - a.priority || a.createdMs - b.createdMs);
  }

  async #carryOut(
    plan: BatchPlan,
    inFlight: ReadonlyMap<string, Live<'NodeClaim'>>,
    placeOf: Map<string, string>,
    closedMs: number,
  ): Promise<void> {
    const { clock, metrics } = this.#context;
    const additions: ClaimAddition[] = [];
    for (const [nodeName, pods] of plan.placements) {
      const claim = inFlight.get(nodeName);
      for (const { uid } of pods) placeOf.set(uid, claim?.metadata.name ?? '');
      if (claim?.status?.nodeName === undefined && claim !== undefined) {
        additions.push({ claim, ...this.#divide(pods) });
        this.#tellPlanned(pods, claim.metadata.name, plan);
      } else {
        this.#tellFits(pods, nodeName, claim !== undefined);
      }
    }
    for (const { pod, reason } of plan.unschedulable) {
      // Pods that stand somewhere already are in the snapshot too; only pending ones are told.
      if (this.#seen.has(pod.uid)) {
        this.#verdicts.tell(pod, { outcome: 'unschedulable', reason });
      }
    }
    const planned = new Map(plan.claims.map((one) => [this.#draft(one), one]));
    const created = await this.#writer.create([...planned.keys()]);
    for (const claim of created) {
      const { metadata } = claim;
      this.#options.board.noteClaim(metadata.name, closedMs);
      metrics.nodeClaims.created.inc({
        reason: isStandIn(claim) ? 'interruption' : 'provisioning',
        nodepool: metadata.labels?.[labelNodePool] ?? '',
        min_values_relaxed: 'false',
      });
    }
    for (const [draft, one] of planned) {
      for (const { uid } of one.pods) placeOf.set(uid, draft.metadata.name ?? '');
      this.#tellPlanned(one.pods, draft.metadata.name ?? '', plan, one);
    }
    await this.#writer.add(additions);
    const unschedulable = plan.unschedulable.filter(({ pod }) => this.#seen.has(pod.uid)).length;
    metrics.scheduler.unschedulablePods.set({ controller: 'provisioner' }, unschedulable);
    metrics.scheduler.schedulingSeconds.observe(
      { controller: 'provisioner' },
      (clock.monotonicMs() - closedMs) / 1000,
    );
  }

  #draft(planned: PlannedClaim) {
    const { view } = this.#context;
    const pool = view.get('NodePool', { name: planned.nodePool });
    if (pool === undefined) throw new ClusterError('NotFound', `NodePool ${planned.nodePool}`);
    const { owners, nominated, standsFor, hold } = this.#divide(planned.pods);
    const pods = { owners: new Set(owners), nominated, standsFor, fence: hold.fence };
    const source = { pool, nodeClass: this.#options.prices.nodeClassOf(pool) };
    const isLeaving = (name: string): boolean =>
      view.get('NodeClaim', { name })?.metadata.deletionTimestamp !== undefined;
    return claimDraft(planned, source, pods, hold.expiresAtMs, shortHash, isLeaving);
  }

  /**
   * Pods that we bind, pods that others do, and pods that only their successors' room is for; how the
   * node is held for the first.
   */
  #divide(pods: readonly SnapshotPod[]): Required<Omit<ClaimAddition, 'claim'>> {
    const { clock, settings } = this.#context;
    const { launchTimeoutMs, registrationTimeoutMs, reservationMs } = settings;
    const bound: SnapshotPod[] = [];
    const nominated: string[] = [];
    const standsFor: string[] = [];
    for (const pod of pods) {
      if (!this.#seen.has(pod.uid)) standsFor.push(pod.uid);
      else if (bindsPod(settings.bind, settings.schedulerName, pod)) bound.push(pod);
      else nominated.push(pod.uid);
    }
    const fence = fenceFor(bound.map(({ spec }) => spec));
    const untilMs = launchTimeoutMs + registrationTimeoutMs + reservationMs;
    const hold = { fence, expiresAtMs: clock.nowMs() + untilMs };
    return { owners: bound.map(({ uid }) => uid), nominated, standsFor, hold };
  }

  #tellPlanned(
    pods: readonly SnapshotPod[],
    claim: string,
    plan: BatchPlan,
    planned?: PlannedClaim,
  ): void {
    const details = {
      claim,
      lowerBoundUsdPerHour: plan.lowerBoundNano / nanoPerUsd,
      planUsdPerHour: plan.costNano / nanoPerUsd,
      isProven: plan.isProven,
      ...(planned === undefined
        ? {}
        : {
            nodePool: planned.nodePool,
            instanceType: planned.offering.instanceType,
            zone: planned.offering.zone,
            capacityType: planned.offering.capacityType,
            pricePerHour: planned.offering.priceNano / nanoPerUsd,
            alternatives: planned.substitutes
              .slice(0, 5)
              .map(({ instanceType, zone, capacityType }) =>
                [instanceType, zone, capacityType].join('/'),
              ),
          }),
    };
    for (const pod of pods) {
      if (!this.#seen.has(pod.uid)) continue;
      this.#fitSinceMs.delete(pod.uid);
      this.#verdicts.tell(pod, { ...plannedOn(claim), details });
    }
  }

  #tellFits(pods: readonly SnapshotPod[], node: string, isOpening: boolean): void {
    const nowMs = this.#context.clock.monotonicMs();
    const reason = isOpening
      ? `fits node ${node}, which is about to open`
      : `fits node ${node}; its scheduler is expected to place it`;
    for (const pod of pods) {
      if (!this.#seen.has(pod.uid)) continue;
      if (!this.#fitSinceMs.has(pod.uid)) this.#fitSinceMs.set(pod.uid, nowMs);
      this.#verdicts.tell(pod, { outcome: 'fits-existing', reason, details: { node } });
    }
  }
}

function plannedOn(claim: string): Verdict {
  return { outcome: 'planned', reason: `Pod should schedule on: nodeclaim/${claim}` };
}

/** Lower-case letters and digits. */
function shortHash(text: string): string {
  const digest = createHash('sha256').update(text).digest();
  return BigInt(`0x${digest.toString('hex')}`).toString(36);
}
