/**
 * Puts the pods that a node was launched for on that node, and opens it to all others.
 *
 * In: the view (NodeClaims with a reservation, their Nodes, their pods). Out: Bindings, the reserved
 * taint, the reservation's annotation. What is to be done is `core/binding/next-step.ts`; here it is
 * carried out, one step per look. It remembers what it has asked of the API server until the watch has
 * told of it, which saves calls; a restart that forgets it asks again and gets the same answers.
 */
import { isTrue } from '../../../core/api/conditions.ts';
import type { Live } from '../../../core/api/kinds.ts';
import { reservedTaint } from '../../../core/api/labels.ts';
import { devicesOf, locksOutDaemons } from '../../../core/binding/fence.ts';
import { nextStep, type Step } from '../../../core/binding/next-step.ts';
import { type Owner, ownersOf } from '../../../core/binding/owners.ts';
import { daemonsOf, misfits, missingDevices } from '../../../core/binding/room-check.ts';
import { ClusterError } from '../../../core/ports.ts';
import type { NodeReservation } from '../../../core/scheduling/reservation.ts';
import {
  annotationReservation,
  reservationRecord,
} from '../../../core/scheduling/reservation-record.ts';
import { hasReservedTaint } from '../../../core/scheduling/taints.ts';
import type { LivePod } from '../../../core/state/live-pod.ts';
import { type Controller, type ControllerContext, fieldManager } from '../context.ts';
import { type Reconciled, startReconciler } from '../reconciler.ts';
import { BindSlots } from './bind-slots.ts';
import { BinderRecord } from './binder-record.ts';
import { DaemonBook } from './daemon-book.ts';
import { HeldClaims } from './held-claims.ts';
import { watchRefusals } from './refusals.ts';

/** Binds under way at once in this process: 20 to 50 do (design section 7.3). */
const bindsAtOnceMax = 30;
/** Claims looked at side by side; each waits for the API server most of the time. */
const claimsAtOnce = 16;

/**
 * An owner that our watch of pods has not told of by then is gone: watches of two kinds may be apart by
 * so much.
 */
const unseenMs = 10_000;

/** Keyed by the name of the NodeClaim. Runs while this replica leads. */
export function startBinder(context: ControllerContext): Controller {
  const binder = new Binder(context);
  return startReconciler(context, {
    name: 'binder',
    concurrency: claimsAtOnce,
    reconcile: async (name) => await binder.look(name),
    watch: (add) => binder.watch(add),
  });
}

/** What has been asked and not been told of. One per held claim; forgotten when it is held no more. */
interface Memory {
  readonly claimUid: string;
  readonly asked: Set<string>;
  readonly answered: Set<string>;
  /** UID of an owner -> from when on it is gone if it is not there; 0 once it has been there. */
  readonly goneAtMs: Map<string, number>;
  step: Step['type'] | undefined;
  stepSinceMs: number;
}

/** A claim as one look sees it. */
interface Sight {
  readonly claim: Live<'NodeClaim'>;
  readonly node: Live<'Node'> | undefined;
  readonly reservation: NodeReservation | undefined;
  readonly owners: readonly Owner[];
  readonly memory: Memory;
}

class Binder {
  readonly #context: ControllerContext;
  readonly #held: HeldClaims;
  readonly #daemons: DaemonBook;
  readonly #record: BinderRecord;
  readonly #slots = new BindSlots(bindsAtOnceMax);
  readonly #memories = new Map<string, Memory>();
  /** Objects that we have changed since: the watch has a newer one to tell of. */
  readonly #outdated = new WeakSet<object>();

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#held = new HeldClaims(context.view, context.metrics.reservations.nodes);
    this.#daemons = new DaemonBook(context.view);
    this.#record = new BinderRecord(context);
  }

  watch(add: (key: string) => void): () => void {
    const { view } = this.#context;
    const stops = [
      view.listen('NodeClaim', ({ object }) => add(object.metadata.name)),
      view.listen('Node', ({ object }) => {
        const claim = view.claimByProviderID(object.spec?.providerID ?? '');
        if (claim !== undefined) add(claim.metadata.name);
      }),
      view.listen('Pod', ({ object }) => {
        for (const name of this.#held.claimsOf(object.uid)) add(name);
      }),
    ];
    for (const { metadata } of view.all('NodeClaim')) add(metadata.name);
    stops.push(watchRefusals(this.#context));
    return () => {
      for (const stop of stops) stop();
      this.#held.close();
      this.#daemons.close();
    };
  }

  async look(name: string): Promise<Reconciled | undefined> {
    const { clock, settings } = this.#context;
    const sight = this.#see(name);
    if (sight === undefined) return undefined;
    const { claim, node, reservation, owners, memory } = sight;
    const daemons = node === undefined ? [] : daemonsOf(node, this.#daemons.templates);
    const devices = owners.flatMap(({ standing, pod }) =>
      pod !== undefined && (standing === 'waiting' || standing === 'left')
        ? devicesOf(pod.spec)
        : [],
    );
    const step = nextStep(
      {
        isRegistered: isTrue(claim, 'Registered'),
        isInitialized: isTrue(claim, 'Initialized'),
        reservation,
        node,
        owners,
        locksOutDaemons: locksOutDaemons(daemons),
        missingDevices: node === undefined ? [] : missingDevices(node, devices),
      },
      clock.nowMs(),
      settings.reservationMs,
    );
    if (memory.step !== step.type) {
      memory.step = step.type;
      memory.stepSinceMs = clock.monotonicMs();
    }
    const quietMs = 'quietMs' in step ? step.quietMs : 0;
    const remainingMs = memory.stepSinceMs + quietMs - clock.monotonicMs();
    if (remainingMs > 0) return { againAfterMs: remainingMs };
    return await this.#take(step, sight);
  }

  /** Undefined if there is nothing to look at, or the watch has something newer to tell. */
  #see(name: string): Sight | undefined {
    const { view, clock, settings } = this.#context;
    const claim = view.get('NodeClaim', { name });
    if (claim === undefined || claim.metadata.deletionTimestamp !== undefined) {
      this.#memories.delete(name);
      return undefined;
    }
    const node = view.nodeByProviderID(claim.status?.providerID ?? '');
    const reservation = this.#held.reservation(claim);
    if (reservation === undefined) this.#memories.delete(name);
    if (reservation === undefined && !hasReservedTaint(node)) return undefined;
    if (this.#outdated.has(claim) || (node !== undefined && this.#outdated.has(node))) {
      return undefined;
    }
    const memory = this.#memoryOf(claim, reservation !== undefined);
    const nowMs = clock.nowMs();
    const owners = ownersOf(reservation?.owners ?? [], {
      nodeName: node?.metadata.name,
      podByUid: (uid) => {
        const pod = view.podByUid(uid);
        if (pod !== undefined) memory.goneAtMs.set(uid, 0);
        else if (!memory.goneAtMs.has(uid)) memory.goneAtMs.set(uid, nowMs + unseenMs);
        return pod;
      },
      goneAtMs: (uid) => memory.goneAtMs.get(uid) ?? 0,
      nowMs,
      answered: memory.answered,
      asked: memory.asked,
      claimOf: (uid) => this.#held.claimOf(uid, nowMs),
      claimName: name,
      bind: settings.bind,
      schedulerName: settings.schedulerName,
    });
    return { claim, node, reservation, owners, memory };
  }

  #memoryOf({ metadata: { name, uid } }: Live<'NodeClaim'>, isKept: boolean): Memory {
    const known = this.#memories.get(name);
    if (known?.claimUid === uid) return known;
    const memory: Memory = {
      claimUid: uid,
      asked: new Set(),
      answered: new Set(),
      goneAtMs: new Map(),
      step: undefined,
      stepSinceMs: 0,
    };
    if (isKept) this.#memories.set(name, memory);
    return memory;
  }

  async #take(step: Step, sight: Sight): Promise<Reconciled | undefined> {
    const { claim, node, reservation } = sight;
    switch (step.type) {
      case 'wait':
        if (step.untilMs === undefined) return undefined;
        return { againAfterMs: step.untilMs - this.#context.clock.nowMs() };
      case 'rewrite':
        await this.#writeReservation(claim, step.reservation);
        for (const owner of step.released) {
          if (owner.standing !== 'released') continue;
          this.#record.released(owner.pod, owner.reason, owner.why, claim);
        }
        return undefined;
      case 'fence':
      case 'unfence':
        if (node !== undefined) await this.#setTaint(node, step.type === 'fence');
        return undefined;
      case 'bind':
        if (node !== undefined && reservation !== undefined) {
          await this.#bind(sight, node, reservation);
        }
        return undefined;
      case 'end':
        // In this order: a reservation without taint is honoured and ended, by us or by its time.
        if (node !== undefined && hasReservedTaint(node)) await this.#setTaint(node, false);
        await this.#writeReservation(claim, undefined);
        if (reservation === undefined) return undefined;
        this.#memories.delete(claim.metadata.name);
        this.#record.ended(claim, node?.metadata.name, reservation, sight.owners, step.hasExpired);
        return undefined;
    }
  }

  async #bind(
    { claim, owners, memory }: Sight,
    node: Live<'Node'>,
    reservation: NodeReservation,
  ): Promise<void> {
    const nodeName = node.metadata.name;
    const waiting = owners.filter((owner) => owner.standing === 'waiting');
    const reasons = misfits(
      {
        node,
        usage: this.#context.view.usageOf(nodeName),
        daemons: this.#daemons.templates,
        // What was asked for once has passed this check, and may be there already.
        coming: owners.flatMap((owner) =>
          owner.standing === 'answered' || (owner.standing === 'waiting' && owner.isAsked)
            ? [owner.pod]
            : [],
        ),
      },
      waiting.flatMap(({ pod, isAsked }) => (isAsked ? [] : [pod])),
    );
    const released: { readonly pod: LivePod; readonly reason: string; readonly why: string }[] = [];
    const results = await Promise.allSettled(
      waiting.map(async ({ pod }) => {
        const why = reasons.get(pod.uid);
        if (why !== undefined) released.push({ pod, reason: 'unfit', why });
        else if ((await this.#bindOne(pod, nodeName, claim, memory)) === 'gated') {
          released.push({ pod, reason: 'gated', why: 'it has scheduling gates' });
        }
      }),
    );
    if (released.length > 0) {
      const gone = new Set(released.map(({ pod }) => pod.uid));
      const kept = [...reservation.owners].filter((uid) => !gone.has(uid));
      await this.#writeReservation(claim, { ...reservation, owners: new Set(kept) });
      for (const { pod, reason, why } of released) this.#record.released(pod, reason, why, claim);
    }
    throwFirst(results);
  }

  async #bindOne(pod: LivePod, nodeName: string, claim: Live<'NodeClaim'>, memory: Memory) {
    const { client, signal } = this.#context;
    const { outcome } = await this.#slots.run(async () => {
      signal.throwIfAborted();
      memory.asked.add(pod.uid);
      return await client.bind(pod, nodeName, { signal });
    });
    if (outcome === 'bound') this.#record.bound(pod, nodeName, claim);
    if (outcome === 'gated') memory.asked.delete(pod.uid);
    else memory.answered.add(pod.uid);
    return outcome;
  }

  async #setTaint(node: Live<'Node'>, isOn: boolean): Promise<void> {
    const { client, signal } = this.#context;
    const others = (node.spec?.taints ?? []).filter(({ key }) => key !== reservedTaint.key);
    const taints = isOn ? [...others, { ...reservedTaint }] : others;
    const { name, uid, resourceVersion } = node.metadata;
    await client.patch(
      'Node',
      { name },
      { type: 'merge', body: { spec: { taints } } },
      { fieldManager, uid, resourceVersion, signal },
    );
    this.#outdated.add(node);
  }

  async #writeReservation(
    claim: Live<'NodeClaim'>,
    reservation: NodeReservation | undefined,
  ): Promise<void> {
    const { client, signal } = this.#context;
    const record = reservation === undefined ? null : reservationRecord(reservation);
    const { name, uid, resourceVersion } = claim.metadata;
    await client.patch(
      'NodeClaim',
      { name },
      { type: 'merge', body: { metadata: { annotations: { [annotationReservation]: record } } } },
      { fieldManager, uid, resourceVersion, signal },
    );
    this.#outdated.add(claim);
  }
}

/** A bug before an outage. */
function throwFirst(results: readonly PromiseSettledResult<void>[]): void {
  const errors = results.flatMap((result) =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  );
  const [first] = errors;
  if (first === undefined) return;
  throw errors.find((error) => !(error instanceof ClusterError)) ?? first;
}
