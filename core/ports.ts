/**
 * The doors to the outside: time, chance, the cluster, the solver, the record. The door to the cloud
 * is in `cloud-port.ts`.
 *
 * In: nothing. Out: interfaces, and the one error that comes through them. Adapters turn what is
 * foreign (HTTP statuses, cut connections) into these once, so that nobody else interprets it. What
 * a caller must expect in ordinary running (a pod bound elsewhere, a budget that forbids an
 * eviction) is a value; an outage or a lost race is a {@link ClusterError}.
 */
import type { ObjectReference } from './api/control-objects.ts';
import type { Kind, KindTypes, Live, MergePatchOf, PartOf } from './api/kinds.ts';
import type { PackingProblem } from './packing/problem.ts';
import type { PackingSolution, SolveOptions, SolveProgress } from './packing/solution.ts';

// Time and chance.

/** Something that will happen. */
export interface Timer {
  /** Takes it back; has no effect once it has happened. */
  cancel(): void;
}

export interface Clock {
  /** Wall clock, milliseconds since 1970: for what is written down. It may jump. */
  nowMs(): number;
  /** Never goes back, starts anywhere: for durations and deadlines. */
  monotonicMs(): number;
  /** Resolves after `durationMs`; rejects with the signal's reason when that is aborted first. */
  sleep(durationMs: number, signal?: AbortSignal): Promise<void>;
  /** Calls `run` once after `durationMs`, never before this call has returned. */
  schedule(durationMs: number, run: () => void): Timer;
}

/** A stream of random numbers. Reproducible where it was made from a seed. */
export interface Random {
  /** In [0, 1). */
  float(): number;
  /** An integer in [0, `below`); `below` is at least 1. */
  integer(below: number): number;
}

// The cluster.

/**
 * - `NotFound`: the object, or its kind, is not there.
 * - `AlreadyExists`: an object of that name is there.
 * - `Conflict`: somebody was faster (resourceVersion, UID, or a field that another manager owns):
 *   read again, decide again.
 * - `Expired`: the history asked for is forgotten: list again.
 * - `Invalid`: the request is wrong and will stay so.
 * - `Unauthorized`, `Forbidden`: credentials, rights (or a namespace that is being deleted).
 * - `TooManyRequests`: come again after `retryAfterMs`; nothing was done.
 * - `Unavailable`: no answer, or a server fault; see `mayHaveHappened`.
 */
export type ClusterErrorCode =
  | 'NotFound'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Expired'
  | 'Invalid'
  | 'Unauthorized'
  | 'Forbidden'
  | 'TooManyRequests'
  | 'Unavailable';

/** The API server did not do what was asked. */
export class ClusterError extends Error {
  override readonly name = 'ClusterError';
  readonly code: ClusterErrorCode;
  /** How long the server wants to be left alone; 0 if it did not say. */
  readonly retryAfterMs: number;
  /** True where the write may have been carried out though no answer says so. */
  readonly mayHaveHappened: boolean;

  constructor(
    code: ClusterErrorCode,
    message: string,
    details: {
      readonly retryAfterMs?: number;
      readonly mayHaveHappened?: boolean;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryAfterMs = details.retryAfterMs ?? 0;
    this.mayHaveHappened = details.mayHaveHappened ?? false;
  }
}

/** True for a {@link ClusterError} of one of these codes. */
export function isClusterError(
  error: unknown,
  ...codes: readonly ClusterErrorCode[]
): error is ClusterError {
  return error instanceof ClusterError && (codes.length === 0 || codes.includes(error.code));
}

/** Name of an object; `namespace` for namespaced kinds. */
export interface ObjectName {
  readonly namespace?: string;
  readonly name: string;
}

/** One very pod: names are used again, UIDs are not. */
export interface PodIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface CallOptions {
  /** Gives up: the call rejects with the signal's reason. A write may have happened nevertheless. */
  readonly signal?: AbortSignal;
}

/** Which objects of a kind. Selectors are in the API's own syntax, such as `a=b,c!=d`. */
export interface Selection {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface ListOptions extends CallOptions, Selection {
  /** Most objects in the answer; without it all. */
  readonly limit?: number;
  /** `continue` of the page before, with otherwise the same options. */
  readonly continue?: string;
}

export interface ListPage<K extends Kind> {
  readonly items: readonly Live<K>[];
  /** Where a watch goes on from. The same on every page of a list. */
  readonly resourceVersion: string;
  /** Absent on the last page. */
  readonly continue?: string;
}

export interface WatchOptions extends Selection {
  /** Events after this version. */
  readonly resourceVersion: string;
  /** The server ends the watch after this long. */
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
}

export type WatchEvent<K extends Kind> =
  | {
      /** `deleted` carries the last state; `added` also tells of what came into the selection. */
      readonly type: 'added' | 'modified' | 'deleted';
      readonly object: Live<K>;
    }
  /** Everything up to here has been told. */
  | { readonly type: 'bookmark'; readonly resourceVersion: string };

export interface JsonPatchOperation {
  readonly op: 'add' | 'remove' | 'replace' | 'test';
  /** JSON pointer. */
  readonly path: string;
  readonly value?: unknown;
}

export type Patch<K extends Kind> =
  | { readonly type: 'merge'; readonly body: MergePatchOf<KindTypes[K]> }
  | { readonly type: 'json'; readonly operations: readonly JsonPatchOperation[] };

export interface WriteOptions extends CallOptions {
  /** Writes status and nothing else; without it a kind with status loses what is said of it. */
  readonly subresource?: 'status';
  /** Who owns the fields written. */
  readonly fieldManager?: string;
}

export interface PatchOptions extends WriteOptions {
  /** Refused with `Conflict` unless the object still has it. */
  readonly resourceVersion?: string;
  /** Refused with `Conflict` unless the object still has it. */
  readonly uid?: string;
}

export interface ApplyOptions extends WriteOptions {
  readonly fieldManager: string;
  /** Takes fields over from other managers; without it that is a `Conflict`. */
  readonly force?: boolean;
}

export interface DeleteOptions extends CallOptions {
  readonly uid?: string;
  /** Refused with `Conflict` unless the object still has it. */
  readonly resourceVersion?: string;
  /** 0 removes a pod at once, without its kubelet. */
  readonly gracePeriodSeconds?: number;
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan';
}

/**
 * `deleted`: it is gone now. `terminating`: a finalizer or a kubelet holds it, it has a
 * deletionTimestamp. `gone`: there was none. `replaced`: the name now belongs to another UID.
 */
export type DeleteOutcome = 'deleted' | 'terminating' | 'gone' | 'replaced';

export type BindOutcome =
  /** The pod is on that node: bound now, or found there. */
  | { readonly outcome: 'bound' }
  /** It was bound to another node. */
  | { readonly outcome: 'elsewhere'; readonly nodeName: string }
  /** There is no pod of that UID; or it is being deleted; or it has scheduling gates. */
  | { readonly outcome: 'gone' | 'terminating' | 'gated' };

export type EvictOutcome =
  /** It is being deleted, by this call or already. */
  | { readonly outcome: 'evicted' }
  /** A disruption budget does not allow it now. */
  | { readonly outcome: 'blocked'; readonly message: string; readonly retryAfterMs: number }
  /** Never possible until somebody changes something: several budgets cover the pod. */
  | { readonly outcome: 'refused'; readonly message: string }
  /** There is no pod of that UID. */
  | { readonly outcome: 'gone' };

/**
 * The API server. Every method may throw {@link ClusterError}; the codes named with a method are
 * those beyond `Unauthorized`, `Forbidden`, `TooManyRequests` and `Unavailable`. Reads are retried
 * inside within the adapter's deadline; writes only if the server certainly did nothing.
 */
export interface ClusterClient {
  /** One page. `Expired` for a `continue` that is too old; `NotFound` if the kind is not served. */
  list<K extends Kind>(kind: K, options?: ListOptions): Promise<ListPage<K>>;

  /**
   * Calls `onEvent` for every change, in order, until the server ends the watch or the signal is
   * aborted (then it resolves). What `onEvent` throws ends it too. Throws `Expired`.
   */
  watch<K extends Kind>(
    kind: K,
    options: WatchOptions,
    onEvent: (event: WatchEvent<K>) => void,
  ): Promise<void>;

  /** The object as it is now, `undefined` if there is none. */
  get<K extends Kind>(
    kind: K,
    object: ObjectName,
    options?: CallOptions,
  ): Promise<Live<K> | undefined>;

  /**
   * Stores a new object, named by its `name` or made up from its `generateName`. Not idempotent
   * under `generateName`; otherwise `AlreadyExists` tells. Status is not stored for kinds with a
   * status subresource, except Nodes and Pods as the API server keeps them. `Invalid`.
   */
  create<K extends Kind>(kind: K, object: KindTypes[K], options?: WriteOptions): Promise<Live<K>>;

  /**
   * Stores the whole object if its resourceVersion is still the stored one. `Conflict`, `Invalid`;
   * for an object that is gone `NotFound`, or `Conflict` for a Lease.
   */
  replace<K extends Kind>(kind: K, object: Live<K>, options?: WriteOptions): Promise<Live<K>>;

  /** Changes parts. Idempotent as far as the patch is. `Conflict`, `NotFound`, `Invalid`. */
  patch<K extends Kind>(
    kind: K,
    object: ObjectName,
    patch: Patch<K>,
    options?: PatchOptions,
  ): Promise<Live<K>>;

  /**
   * Server-side apply: the object has these fields and this manager owns them; what it owned and
   * no longer names goes. Creates the object if there is none (not through a subresource).
   * Idempotent. `Conflict`, `Invalid`.
   */
  apply<K extends Kind>(
    kind: K,
    object: PartOf<KindTypes[K]> & { readonly metadata: ObjectName },
    options: ApplyOptions,
  ): Promise<Live<K>>;

  /** Asks for the end of an object. Idempotent. `Conflict` for a stale resourceVersion. */
  delete(kind: Kind, object: ObjectName, options?: DeleteOptions): Promise<DeleteOutcome>;

  /**
   * Binds a pod to a node. Idempotent: where the answer is lost or a conflict, the pod is read and
   * its state decides. The server checks neither that the node exists nor that the pod fits.
   */
  bind(pod: PodIdentity, nodeName: string, options?: CallOptions): Promise<BindOutcome>;

  /** Asks for the eviction of a pod, within disruption budgets. Idempotent. */
  evict(
    pod: PodIdentity,
    options?: CallOptions & { readonly gracePeriodSeconds?: number },
  ): Promise<EvictOutcome>;

  /** True if the server knows the kind (a CRD may not be installed). */
  serves(kind: Kind, options?: CallOptions): Promise<boolean>;

  /** Resolves if the server is ready to answer. */
  probe(options?: CallOptions): Promise<void>;
}

// The solver.

export interface Solver {
  /**
   * Solves within `options.timeLimitMs`; aborted earlier it answers the best it has, and rejects
   * with the signal's reason only if it has nothing. `onProgress` is told of every improvement.
   */
  solve(
    problem: PackingProblem,
    options: SolveOptions,
    signal?: AbortSignal,
    onProgress?: SolveProgress,
  ): Promise<PackingSolution>;
}

// The record.

/** Why something was done, or not: what `stowage explain` answers from. */
export interface DecisionRecord {
  readonly timeMs: number;
  /** Which part decided, such as `provisioner`, `binder`, `filter`. */
  readonly actor: string;
  readonly subject: {
    readonly kind: Kind;
    readonly namespace?: string;
    readonly name: string;
    readonly uid?: string;
  };
  /** One of few words per actor, such as `planned`, `unschedulable`, `released`. */
  readonly outcome: string;
  /** A sentence for people. */
  readonly reason: string;
  readonly details?: Readonly<Record<string, string | number | boolean | readonly string[]>>;
}

/** Neither method waits, throws or grows without bound: what cannot be kept is counted and dropped. */
export interface Recorder {
  /** An Event on an object; repetitions are merged and throttled. `reason` is CamelCase. */
  event(
    regarding: ObjectReference,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
  ): void;

  /** Keeps a decision in the ring. */
  decide(record: DecisionRecord): void;
}
