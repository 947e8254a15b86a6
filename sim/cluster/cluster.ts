/**
 * The simulated cluster: objects with versions, history and the rules of the API server.
 *
 * In: writes, made at once and in full (`client.ts` puts latency, faults and promises in front).
 * Out: stored objects, which are never changed, and changes in order of version. The rules are those
 * that the contract suite tries on a real API server. Listeners are told inside the write and must
 * not write themselves: whoever reacts does it later, through the clock, as everybody does in a
 * real cluster.
 */
import { type Kind, type KindTypes, kinds, type Live, type PartOf } from '../../core/api/kinds.ts';
import {
  type ApplyOptions,
  type Clock,
  ClusterError,
  type ObjectName,
  type Patch,
  type PatchOptions,
  type WriteOptions,
} from '../../core/ports.ts';
import type { SeededRandom } from '../random.ts';
import {
  type AnyObject,
  admitChange,
  admitNew,
  metadataAfter,
  metadataOfNew,
} from './admission.ts';
import {
  applyFields,
  isSameOwnership,
  type Ownership,
  ownerOf,
  recordWrite,
} from './field-ownership.ts';
import { type Change, History } from './history.ts';
import { deepFreeze, isEqual, type JsonObject, jsonPatch, mergePatch, PatchError } from './json.ts';

export interface ClusterOptions {
  readonly clock: Clock;
  readonly random: SeededRandom;
  /** Changes of a kind that are remembered for watches. */
  readonly historyMax?: number;
  /** Makes stored objects unchangeable, so that whoever changes one is found out. Slow. */
  readonly isFrozen?: boolean;
  /** Kinds that are not served. */
  readonly absentKinds?: readonly Kind[];
}

export type ChangeListener<K extends Kind> = (change: Change<K>) => void;

interface Stored {
  readonly object: AnyObject;
  readonly owners: Ownership;
}

interface KindStore {
  readonly objects: Map<string, Stored>;
  readonly history: History;
  readonly listeners: Set<ChangeListener<Kind>>;
}

/** As many as the API server's watch cache starts to forget at under load. */
const defaultHistoryMax = 10_000;
const defaultManager = 'sim';
const nameSuffixLength = 5;
/** Kinds that are applied: for the others owners of fields are not kept. */
const tracksOwners: ReadonlySet<Kind> = new Set<Kind>([
  'Node',
  'NodePool',
  'NodeClaim',
  'EC2NodeClass',
  'EC2NodeClass.stowage.dev',
]);
const noOwners: Ownership = new Map();

/** Key of an object within its kind; sorts as the API server sorts lists. */
export function keyOf({
  namespace,
  name,
}: {
  readonly namespace?: string;
  readonly name?: string;
}): string {
  return namespace === undefined ? (name ?? '') : `${namespace}/${name}`;
}

export class SimulatedCluster {
  readonly clock: Clock;
  readonly random: SeededRandom;
  readonly #stores = new Map<Kind, KindStore>();
  readonly #isFrozen: boolean;
  #version = 1;

  constructor(options: ClusterOptions) {
    this.clock = options.clock;
    this.random = options.random;
    this.#isFrozen = options.isFrozen ?? false;
    for (const kind of Object.keys(kinds) as Kind[]) {
      if (options.absentKinds?.includes(kind)) continue;
      this.#stores.set(kind, {
        objects: new Map(),
        history: new History(options.historyMax ?? defaultHistoryMax, this.#version),
        listeners: new Set(),
      });
    }
  }

  /** Version of the latest change. */
  get version(): number {
    return this.#version;
  }

  serves(kind: Kind): boolean {
    return this.#stores.has(kind);
  }

  get<K extends Kind>(kind: K, name: ObjectName): Live<K> | undefined {
    return this.#store(kind).objects.get(keyOf(name))?.object as unknown as Live<K> | undefined;
  }

  /** All objects of a kind, in no order that means anything. */
  *all<K extends Kind>(kind: K): Generator<Live<K>> {
    for (const { object } of this.#store(kind).objects.values()) yield object as unknown as Live<K>;
  }

  count(kind: Kind): number {
    return this.#store(kind).objects.size;
  }

  /** Changes of a kind after a version; `undefined` if they are forgotten. */
  changesAfter<K extends Kind>(kind: K, version: number): readonly Change<K>[] | undefined {
    return this.#store(kind).history.after(version) as unknown as readonly Change<K>[] | undefined;
  }

  /** Tells of every change of a kind from now on. Returns how to end it. */
  listen<K extends Kind>(kind: K, listener: ChangeListener<K>): () => void {
    const { listeners } = this.#store(kind);
    const any = listener as unknown as ChangeListener<Kind>;
    listeners.add(any);
    return () => listeners.delete(any);
  }

  /** Forgets history: watches from before now are Expired. */
  forget(): void {
    for (const { history } of this.#stores.values()) history.forget(this.#version);
  }

  create<K extends Kind>(kind: K, object: KindTypes[K], manager = defaultManager): Live<K> {
    const { objects } = this.#store(kind);
    const { namespace, generateName } = object.metadata;
    if (
      kinds[kind].isNamespaced &&
      this.get('Namespace', { name: namespace ?? '' }) === undefined
    ) {
      throw new ClusterError('NotFound', `namespaces "${namespace ?? ''}" not found`);
    }
    const name =
      generateName === undefined || (object.metadata.name ?? '') !== ''
        ? (object.metadata.name ?? '')
        : this.#freeName(kind, namespace, generateName);
    const metadata = { ...object.metadata, name };
    const now = this.#now();
    const admitted = admitNew(
      kind,
      { ...object, metadata },
      { now, priorityClasses: () => [...this.all('PriorityClass')] },
    );
    if (objects.has(keyOf(metadata))) {
      throw new ClusterError('AlreadyExists', `${kinds[kind].plural} "${name}" already exists`);
    }
    const own = { uid: this.random.uuid(), creationTimestamp: now };
    const stored = { ...admitted, metadata: metadataOfNew(kind, metadata, own) };
    const owner = ownerOf(manager, 'update', undefined);
    const owners = tracksOwners.has(kind) ? recordWrite({}, stored, owner, noOwners) : noOwners;
    return this.#commit(kind, 'added', undefined, stored, owners);
  }

  /** Stores a whole object under its own version. */
  replace<K extends Kind>(kind: K, object: Live<K>, options: WriteOptions = {}): Live<K> {
    const { uid, resourceVersion } = object.metadata;
    // A Lease may be created by its replacement, so that a missing one is another version.
    if (kind === 'Lease' && this.get(kind, object.metadata) === undefined) {
      throw new ClusterError('Conflict', `leases "${object.metadata.name}" is gone`);
    }
    return this.#write(kind, object.metadata, { ...options, uid, resourceVersion }, () => object);
  }

  patch<K extends Kind>(
    kind: K,
    name: ObjectName,
    patch: Patch<K>,
    options: PatchOptions = {},
  ): Live<K> {
    return this.#write(kind, name, options, (object) => {
      try {
        return (
          patch.type === 'merge'
            ? mergePatch(object, patch.body)
            : jsonPatch(object, patch.operations)
        ) as AnyObject;
      } catch (error) {
        if (error instanceof PatchError) throw new ClusterError('Invalid', error.message);
        throw error;
      }
    });
  }

  apply<K extends Kind>(
    kind: K,
    object: PartOf<KindTypes[K]> & { readonly metadata: ObjectName },
    options: ApplyOptions,
  ): Live<K> {
    const { fieldManager, subresource, force = false } = options;
    const known = this.#store(kind).objects.get(keyOf(object.metadata));
    const owner = ownerOf(fieldManager, 'apply', subresource);
    const applied = onlyApplied(object, kind, subresource);
    if (known === undefined) {
      if (subresource !== undefined) throw this.#notFound(kind, object.metadata);
      const created = this.create(kind, object as unknown as KindTypes[K], fieldManager);
      const owners = applyFields({}, applied, owner, noOwners, force).owners;
      this.#store(kind).objects.set(keyOf(object.metadata), {
        object: created,
        owners,
      });
      return created;
    }
    const live = known.object as unknown as JsonObject;
    const merged = applyFields(live, applied, owner, known.owners, force);
    return this.#write(
      kind,
      object.metadata,
      options,
      () => merged.object as unknown as AnyObject,
      merged.owners,
    );
  }

  /**
   * A change that the rules for clients do not bind: what the server's own verbs do (bindings,
   * deletions). `undefined` removes the object.
   */
  change<K extends Kind>(
    kind: K,
    name: ObjectName,
    make: (object: Live<K>) => Live<K> | undefined,
  ): Live<K> {
    const stored = this.#stored(kind, name);
    const before = stored.object as unknown as Live<K>;
    const after = make(before) as unknown as AnyObject | undefined;
    if (after === undefined) {
      return this.#commit(kind, 'deleted', stored.object, stored.object, stored.owners);
    }
    return this.#commit(kind, 'modified', stored.object, after, stored.owners);
  }

  #write<K extends Kind>(
    kind: K,
    name: ObjectName,
    options: PatchOptions,
    change: (object: AnyObject) => AnyObject,
    owners?: Ownership,
  ): Live<K> {
    const stored = this.#stored(kind, name);
    const { object: before } = stored;
    const isOther = (given: string | undefined, own: string | undefined): boolean =>
      given !== undefined && given !== own;
    const conflict = new ClusterError(
      'Conflict',
      `${kinds[kind].plural} "${name.name}": the object has been modified`,
    );
    // A patch that does not fit is Invalid whatever the version.
    const changed = change(before);
    if (isOther(options.resourceVersion, before.metadata.resourceVersion)) throw conflict;
    const admitted = admitChange(kind, before, changed, options.subresource);
    // After the rules for the content: what is wrong in both ways is Invalid.
    if (isOther(options.uid, before.metadata.uid)) throw conflict;
    const after = { ...admitted, metadata: metadataAfter(kind, before, admitted) };
    const nextOwners = owners ?? this.#ownersAfter(kind, stored, after, options);
    // To own a field is a change by itself, though none of the object.
    if (isEqual(before, after) && isSameOwnership(stored.owners, nextOwners)) {
      return before as unknown as Live<K>;
    }
    if (!isReleased(after)) return this.#commit(kind, 'modified', before, after, nextOwners);
    // The answer to the write that lets an object go still carries the version before.
    this.#commit(kind, 'deleted', before, after, nextOwners);
    return after as unknown as Live<K>;
  }

  #ownersAfter(
    kind: Kind,
    { object, owners }: Stored,
    after: AnyObject,
    { fieldManager = defaultManager, subresource }: WriteOptions,
  ): Ownership {
    if (!tracksOwners.has(kind)) return owners;
    const owner = ownerOf(fieldManager, 'update', subresource);
    return recordWrite(
      object as unknown as JsonObject,
      after as unknown as JsonObject,
      owner,
      owners,
    );
  }

  #commit<K extends Kind>(
    kind: K,
    type: Change['type'],
    before: AnyObject | undefined,
    after: AnyObject,
    owners: Ownership,
  ): Live<K> {
    const store = this.#store(kind);
    this.#version += 1;
    const metadata = { ...after.metadata, resourceVersion: String(this.#version) };
    const object: AnyObject = { ...after, metadata };
    if (this.#isFrozen) deepFreeze(object);
    const key = keyOf(metadata);
    if (type === 'deleted') store.objects.delete(key);
    else store.objects.set(key, { object, owners });
    const change: Change = {
      version: this.#version,
      type,
      object: object as unknown as Live<Kind>,
      previous: before as unknown as Live<Kind> | undefined,
    };
    store.history.add(change);
    for (const listener of store.listeners) listener(change);
    return object as unknown as Live<K>;
  }

  #freeName(kind: Kind, namespace: string | undefined, prefix: string): string {
    for (;;) {
      const name = `${prefix}${this.random.suffix(nameSuffixLength)}`;
      const scoped = namespace === undefined ? { name } : { namespace, name };
      if (this.get(kind, scoped) === undefined) return name;
    }
  }

  #store(kind: Kind): KindStore {
    const store = this.#stores.get(kind);
    if (store === undefined) {
      throw new ClusterError('NotFound', 'the server could not find the requested resource');
    }
    return store;
  }

  #stored(kind: Kind, name: ObjectName): Stored {
    const stored = this.#store(kind).objects.get(keyOf(name));
    if (stored === undefined) throw this.#notFound(kind, name);
    return stored;
  }

  #notFound(kind: Kind, { name }: ObjectName): ClusterError {
    return new ClusterError('NotFound', `${kinds[kind].plural} "${name}" not found`);
  }

  /** To the second, as objects carry it. */
  #now(): string {
    return timestamp(this.clock.nowMs());
  }
}

let lastSecond = -1;
let lastText = '';

/** RFC 3339 to the second. */
export function timestamp(timeMs: number): string {
  const second = Math.floor(timeMs / 1000);
  // Many changes fall into one second, and formatting a date is dear.
  if (second !== lastSecond) {
    lastText = `${new Date(second * 1000).toISOString().slice(0, 19)}Z`;
    lastSecond = second;
  }
  return lastText;
}

/** Deleted, and nothing holds it any more. */
function isReleased({ metadata }: AnyObject): boolean {
  return (
    metadata.deletionTimestamp !== undefined &&
    (metadata.finalizers ?? []).length === 0 &&
    (metadata.deletionGracePeriodSeconds ?? 0) === 0
  );
}

/** What an apply speaks of: status alone, or everything but status. */
function onlyApplied(object: AnyObject, kind: Kind, subresource: 'status' | undefined): JsonObject {
  const { status, ...rest } = object;
  if (subresource === 'status') return { status };
  return kinds[kind].hasStatus ? rest : { ...object };
}
