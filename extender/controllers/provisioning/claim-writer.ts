/**
 * Writes plans to the API server: NodeClaims, and pods added to claims that are under way.
 *
 * In: drafts of claims, additions. Out: what was written. Until the watch has told of what was written
 * here, it is kept here, so that the next plan knows of it: room is never given away twice. Writes that
 * fail leave their pods to the next plan; a claim that is there already was planned twice and is one.
 */
import type { Live } from '../../../core/api/kinds.ts';
import type { NodeClaim } from '../../../core/api/nodeclaim.ts';
import { isOlderVersion } from '../../../core/api/resource-version.ts';
import { widerFence } from '../../../core/binding/fence.ts';
import { ClusterError, isClusterError } from '../../../core/ports.ts';
import { annotationNominated, nominatedOf } from '../../../core/provisioning/nominations.ts';
import {
  annotationStandsIn,
  standInsOf,
  standsInRecord,
} from '../../../core/provisioning/stand-ins.ts';
import type { NodeReservation } from '../../../core/scheduling/reservation.ts';
import {
  annotationReservation,
  reservationOf,
  reservationRecord,
} from '../../../core/scheduling/reservation-record.ts';
import { hasReservedTaint } from '../../../core/scheduling/taints.ts';
import { type ControllerContext, fieldManager } from '../context.ts';

/** Creates under way at once. */
const writesAtOnce = 30;
/** What the watch has not told of by then is taken for gone. */
const unseenMs = 30_000;

/** A claim whose launch writes faster than this is left to the next plan. */
const addAttemptsMax = 5;

/** Pods that a claim under way gets besides. */
export interface ClaimAddition {
  readonly claim: Live<'NodeClaim'>;
  readonly owners: readonly string[];
  readonly nominated: readonly string[];
  /** Pods of nodes that are taken away, whose successors get room there. */
  readonly standsFor?: readonly string[];
  /** How the node is held for the owners, if it is held for nobody any more. */
  readonly hold: Omit<NodeReservation, 'owners'>;
}

/** A claim as it was written here last. */
interface WrittenClaim {
  readonly claim: Live<'NodeClaim'>;
  readonly atMs: number;
  /** The watch had not told of it by then. */
  readonly isNew: boolean;
}

export class ClaimWriter {
  readonly #context: ControllerContext;
  /** By name; no more than were written within {@link unseenMs}. */
  readonly #written = new Map<string, WrittenClaim>();

  constructor(context: ControllerContext) {
    this.#context = context;
  }

  /** Claims as they are now: as the view has them, or as they were written here since. */
  claims(): Live<'NodeClaim'>[] {
    const { view, clock } = this.#context;
    const claims = new Map([...view.all('NodeClaim')].map((one) => [one.metadata.name, one]));
    for (const [name, written] of this.#written) {
      const isOld = clock.monotonicMs() - written.atMs > unseenMs;
      if (isOld || isTold(written, claims.get(name))) this.#written.delete(name);
      else claims.set(name, written.claim);
    }
    return [...claims.values()];
  }

  /** Answers the claims that exist now. @throws ClusterError if none could be written */
  async create(drafts: readonly NodeClaim[]): Promise<readonly Live<'NodeClaim'>[]> {
    const created = await this.#each(drafts, (draft) => this.#createOne(draft));
    return created.filter((claim) => claim !== undefined);
  }

  /** Adds pods to claims; a claim that has a node meanwhile, or goes, is left as it is. */
  async add(additions: readonly ClaimAddition[]): Promise<void> {
    await this.#each(additions, (addition) => this.#addOne(addition));
  }

  async #createOne(draft: NodeClaim): Promise<Live<'NodeClaim'> | undefined> {
    const { client, log, signal } = this.#context;
    try {
      const claim = await client.create('NodeClaim', draft, { fieldManager, signal });
      this.#note(claim);
      return claim;
    } catch (error) {
      if (!isClusterError(error, 'AlreadyExists')) throw error;
      log.debug({ claim: draft.metadata.name }, 'the claim is there already');
      return undefined;
    }
  }

  /** A claim changes at every step of its launch: what is added is added to what it is now. */
  async #addOne(addition: ClaimAddition): Promise<void> {
    const { client, signal } = this.#context;
    const { name, uid } = addition.claim.metadata;
    let claim: Live<'NodeClaim'> | undefined = addition.claim;
    for (let attempt = 1; claim !== undefined && attempt <= addAttemptsMax; attempt += 1) {
      // It has moved on, or is another one: its pods are planned anew.
      if (claim.metadata.uid !== uid || !takesPods(claim)) return;
      try {
        this.#note(await this.#patchPods(claim, addition));
        return;
      } catch (error) {
        if (isClusterError(error, 'NotFound')) return;
        if (!isClusterError(error, 'Conflict')) throw error;
      }
      claim = await client.get('NodeClaim', { name }, { signal });
    }
  }

  async #patchPods(
    claim: Live<'NodeClaim'>,
    { owners, nominated, standsFor = [], hold }: ClaimAddition,
  ): Promise<Live<'NodeClaim'>> {
    const { client, signal } = this.#context;
    const { metadata } = claim;
    const known = reservationOf(metadata.annotations);
    // Its owners may all have gone other ways; its node comes up closed to others all the same.
    const isHeld = known !== undefined || hasReservedTaint(claim);
    const annotations: Record<string, string> = {};
    if (owners.length > 0 && isHeld) {
      annotations[annotationReservation] = reservationRecord({
        expiresAtMs: known?.expiresAtMs ?? hold.expiresAtMs,
        fence: known === undefined ? hold.fence : widerFence(known.fence, hold.fence),
        owners: new Set([...(known?.owners ?? []), ...owners]),
      });
    }
    // A claim that is held for nobody opens at once: whoever is planned there is placed by others.
    const named = isHeld ? nominated : [...owners, ...nominated];
    if (named.length > 0) {
      const all = new Set([...nominatedOf(metadata.annotations), ...named]);
      annotations[annotationNominated] = JSON.stringify([...all].toSorted());
    }
    if (standsFor.length > 0) {
      annotations[annotationStandsIn] = standsInRecord([...standInsOf({ metadata }), ...standsFor]);
    }
    const patch = { type: 'merge', body: { metadata: { annotations } } } as const;
    const { resourceVersion, uid } = metadata;
    const options = { fieldManager, resourceVersion, uid, signal };
    return await client.patch('NodeClaim', { name: metadata.name }, patch, options);
  }

  #note(claim: Live<'NodeClaim'>): void {
    const { view, clock } = this.#context;
    const { name, uid } = claim.metadata;
    const isNew = view.get('NodeClaim', { name })?.metadata.uid !== uid;
    this.#written.set(name, { claim, atMs: clock.monotonicMs(), isNew });
  }

  /** Outages are logged, and thrown only if nothing went through. */
  async #each<T, R>(items: readonly T[], write: (item: T) => Promise<R>): Promise<R[]> {
    const results: R[] = [];
    let failure: ClusterError | undefined;
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < items.length) {
        const item = items[next] as T;
        next += 1;
        try {
          results.push(await write(item));
        } catch (error) {
          this.#context.signal.throwIfAborted();
          if (!(error instanceof ClusterError)) throw error;
          failure = error;
          this.#context.log.warn({ code: error.code }, `a claim was not written: ${error.message}`);
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(writesAtOnce, items.length) }, worker));
    if (failure !== undefined && results.length === 0) throw failure;
    return results;
  }
}

/** True once the view knows of the write, or of the claim's end. */
function isTold({ claim, isNew }: WrittenClaim, seen: Live<'NodeClaim'> | undefined): boolean {
  if (seen === undefined) return !isNew;
  const { uid, resourceVersion } = claim.metadata;
  return (
    seen.metadata.uid !== uid || !isOlderVersion(seen.metadata.resourceVersion, resourceVersion)
  );
}

/** While it has no node, nobody has begun to bind its pods. */
function takesPods({ metadata, status }: Live<'NodeClaim'>): boolean {
  return metadata.deletionTimestamp === undefined && status?.nodeName === undefined;
}
