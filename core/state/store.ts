/**
 * The live state: everything that the watches have told, indexed.
 *
 * In: objects as reflectors hand them over, one writer. Out: a ClusterView. An object whose name has
 * come back under another UID is told as two changes, the end of the old and the beginning of the
 * new, however the watch told it. Every change costs O(1) besides sharing the pod's parts.
 */
import { type Kind, kinds, type Live } from '../api/kinds.ts';
import { Node } from '../api/kubernetes.ts';
import type { ObjectName } from '../ports.ts';
import { type LivePod, livePodOf } from './live-pod.ts';
import { type NodeUsage, UsageByNode } from './node-usage.ts';
import { projection } from './projection.ts';
import { SharedValues } from './shared-values.ts';
import { type ClusterSnapshot, isTerminal, isTerminating } from './snapshot.ts';
import { type ClusterView, type Held, type ViewChange, type ViewKind, viewKinds } from './view.ts';

type AnyHeld = Held<ViewKind>;
type AnyListener = (change: ViewChange<ViewKind>) => void;

interface KindState {
  readonly objects: Map<string, AnyHeld>;
  readonly listeners: Set<AnyListener>;
}

const projectNode = projection(Node);

export class ClusterStore implements ClusterView {
  readonly #kinds = new Map<ViewKind, KindState>();
  readonly #values = new SharedValues();
  readonly #podsByUid = new Map<string, LivePod>();
  readonly #unbound = new Map<string, LivePod>();
  readonly #usage = new UsageByNode();
  readonly #nodesByProvider = new Map<string, Live<'Node'>>();
  readonly #claimsByProvider = new Map<string, Live<'NodeClaim'>>();
  readonly #claimsByNode = new Map<string, Live<'NodeClaim'>>();
  #revision = 0;
  #snapshot: { readonly revision: number; readonly value: ClusterSnapshot } | undefined;

  constructor() {
    for (const kind of viewKinds)
      this.#kinds.set(kind, { objects: new Map(), listeners: new Set() });
  }

  get revision(): number {
    return this.#revision;
  }

  get unboundPods(): ReadonlyMap<string, LivePod> {
    return this.#unbound;
  }

  get<K extends ViewKind>(kind: K, name: ObjectName): Held<K> | undefined {
    return this.#state(kind).objects.get(keyOf(kind, name)) as Held<K> | undefined;
  }

  all<K extends ViewKind>(kind: K): Iterable<Held<K>> {
    return this.#state(kind).objects.values() as Iterable<Held<K>>;
  }

  count(kind: ViewKind): number {
    return this.#state(kind).objects.size;
  }

  podByUid(uid: string): LivePod | undefined {
    return this.#podsByUid.get(uid);
  }

  usageOf(nodeName: string): NodeUsage {
    return this.#usage.of(nodeName);
  }

  nodeByProviderID(providerID: string): Live<'Node'> | undefined {
    return this.#nodesByProvider.get(providerID);
  }

  claimByProviderID(providerID: string): Live<'NodeClaim'> | undefined {
    return this.#claimsByProvider.get(providerID);
  }

  claimByNodeName(nodeName: string): Live<'NodeClaim'> | undefined {
    return this.#claimsByNode.get(nodeName);
  }

  listen<K extends ViewKind>(kind: K, listener: (change: ViewChange<K>) => void): () => void {
    const { listeners } = this.#state(kind);
    const any = listener as unknown as AnyListener;
    listeners.add(any);
    return () => listeners.delete(any);
  }

  snapshot(): ClusterSnapshot {
    if (this.#snapshot?.revision !== this.#revision) {
      this.#snapshot = { revision: this.#revision, value: this.#makeSnapshot() };
    }
    return this.#snapshot.value;
  }

  /** Stores an object. One that is known at this version already changes nothing. */
  put<K extends ViewKind>(kind: K, object: Live<K>): void {
    const key = keyOf(kind, object.metadata);
    const found = this.#state(kind).objects.get(key);
    if (found !== undefined && uidOf(found) !== object.metadata.uid) {
      this.#change(kind, key, found, undefined);
    }
    const previous = this.#state(kind).objects.get(key);
    if (previous !== undefined && versionOf(previous) === object.metadata.resourceVersion) return;
    this.#change(kind, key, previous, this.#heldOf(kind, object, previous));
  }

  /**
   * Forgets an object. With `uid` only if it is still that one: the end of an older object of the
   * name, told late, changes nothing.
   */
  delete(kind: ViewKind, name: ObjectName, uid?: string): void {
    const key = keyOf(kind, name);
    const found = this.#state(kind).objects.get(key);
    if (found === undefined || (uid !== undefined && uidOf(found) !== uid)) return;
    this.#change(kind, key, found, undefined);
  }

  /** Forgets every object of a kind that `isThere` does not know: the end of a list. */
  retain(kind: ViewKind, isThere: (name: ObjectName, uid: string) => boolean): void {
    const { objects } = this.#state(kind);
    for (const [key, object] of objects) {
      if (!isThere(nameOf(object), uidOf(object))) this.#change(kind, key, object, undefined);
    }
  }

  #heldOf<K extends ViewKind>(kind: K, object: Live<K>, previous: AnyHeld | undefined): AnyHeld {
    if (kind === 'Pod') {
      return livePodOf(object as Live<'Pod'>, previous as LivePod | undefined, this.#values);
    }
    return kind === 'Node' ? (projectNode(object as Live<'Node'>) as Live<'Node'>) : object;
  }

  #change(
    kind: ViewKind,
    key: string,
    previous: AnyHeld | undefined,
    next: AnyHeld | undefined,
  ): void {
    const { objects, listeners } = this.#state(kind);
    if (next === undefined) objects.delete(key);
    else objects.set(key, next);
    this.#index(kind, previous, next);
    this.#revision += 1;
    const object = next ?? previous;
    if (object === undefined) return;
    const type = next === undefined ? 'deleted' : previous === undefined ? 'added' : 'modified';
    for (const listener of listeners) listener({ kind, type, object, previous });
  }

  #index(kind: ViewKind, previous: AnyHeld | undefined, next: AnyHeld | undefined): void {
    if (kind === 'Pod') {
      this.#indexPod(previous as LivePod | undefined, next as LivePod | undefined);
    } else if (kind === 'Node') {
      const providerOf = (node: Live<'Node'>) => node.spec?.providerID ?? '';
      reindex(this.#nodesByProvider, providerOf, previous as Live<'Node'>, next as Live<'Node'>);
    } else if (kind === 'NodeClaim') {
      const [old, now] = [previous as Live<'NodeClaim'>, next as Live<'NodeClaim'>];
      reindex(this.#claimsByProvider, ({ status }) => status?.providerID ?? '', old, now);
      reindex(this.#claimsByNode, ({ status }) => status?.nodeName ?? '', old, now);
    }
  }

  #indexPod(previous: LivePod | undefined, next: LivePod | undefined): void {
    if (previous !== undefined) {
      this.#usage.delete(previous);
      if (next === undefined || !isUnbound(next)) this.#unbound.delete(previous.uid);
      if (next === undefined) this.#podsByUid.delete(previous.uid);
    }
    if (next === undefined) return;
    this.#podsByUid.set(next.uid, next);
    this.#usage.add(next);
    if (isUnbound(next)) this.#unbound.set(next.uid, next);
  }

  #makeSnapshot(): ClusterSnapshot {
    const namespaceLabels = new Map<string, Readonly<Record<string, string>>>();
    for (const { metadata } of this.all('Namespace')) {
      namespaceLabels.set(metadata.name, metadata.labels ?? {});
    }
    return {
      pods: Array.from(this.all('Pod')),
      nodes: Array.from(this.all('Node')),
      daemonSets: Array.from(this.all('DaemonSet')),
      nodePools: Array.from(this.all('NodePool')),
      nodeClasses: [...this.all('EC2NodeClass'), ...this.all('EC2NodeClass.stowage.dev')],
      namespaceLabels,
    };
  }

  #state(kind: ViewKind): KindState {
    const state = this.#kinds.get(kind);
    if (state === undefined) throw new TypeError(`${kind} is not held`);
    return state;
  }
}

function isUnbound(pod: LivePod): boolean {
  return pod.nodeName === '' && !isTerminating(pod) && !isTerminal(pod);
}

function reindex<T extends object>(
  index: Map<string, T>,
  keyOfEntry: (object: T) => string,
  previous: T | undefined,
  next: T | undefined,
): void {
  if (previous !== undefined) {
    const key = keyOfEntry(previous);
    // The key may belong to another object by now.
    if (index.get(key) === previous) index.delete(key);
  }
  if (next === undefined) return;
  const key = keyOfEntry(next);
  if (key !== '') index.set(key, next);
}

function isPod(object: AnyHeld): object is LivePod {
  return !('metadata' in object);
}

function nameOf(object: AnyHeld): ObjectName {
  return isPod(object) ? object : object.metadata;
}

function uidOf(object: AnyHeld): string {
  return isPod(object) ? object.uid : object.metadata.uid;
}

function versionOf(object: AnyHeld): string {
  return isPod(object) ? object.resourceVersion : object.metadata.resourceVersion;
}

function keyOf(kind: Kind, { namespace, name }: ObjectName): string {
  return kinds[kind].isNamespaced ? `${namespace ?? ''}/${name}` : name;
}
