/**
 * Deletes what has lost all its owners, and Events that are old.
 *
 * In: the cluster. Out: deletions. Model of the garbage collector with background propagation and of
 * the API server's `--event-ttl`.
 */
import { type Kind, kinds } from '../../core/api/kinds.ts';
import type { ObjectName } from '../../core/ports.ts';
import { keyOf, type SimulatedCluster } from '../cluster/cluster.ts';
import { deleteObject } from '../cluster/deletion.ts';
import { createReconciler } from './reconciler.ts';

const reactionMs = 50;
const eventLifeMs = 3_600_000;
const eventSweepMs = 300_000;

interface Dependent {
  readonly kind: Kind;
  readonly name: ObjectName;
}

export function startGarbageCollector(cluster: SimulatedCluster): void {
  const { clock } = cluster;
  const living = new Set<string>();
  const dependents = new Map<string, Map<string, Dependent>>();

  const reconciler = createReconciler(clock, reactionMs, (ownerUid) => {
    if (living.has(ownerUid)) return;
    for (const { kind, name } of dependents.get(ownerUid)?.values() ?? []) {
      const object = cluster.get(kind, name);
      const owners = object?.metadata.ownerReferences ?? [];
      const isOrphan = owners.length > 0 && owners.every(({ uid = '' }) => !living.has(uid));
      if (object !== undefined && isOrphan && object.metadata.deletionTimestamp === undefined) {
        deleteObject(cluster, kind, name, { uid: object.metadata.uid });
      }
    }
  });

  function follow(kind: Kind): void {
    const link = (metadata: ObjectName & Owned, isThere: boolean): void => {
      for (const { uid = '' } of metadata.ownerReferences ?? []) {
        const known = dependents.get(uid) ?? new Map<string, Dependent>();
        const key = `${kind} ${keyOf(metadata)}`;
        if (isThere) known.set(key, { kind, name: nameOf(metadata) });
        else known.delete(key);
        if (known.size === 0) dependents.delete(uid);
        else dependents.set(uid, known);
        // Also for a dependent whose owner was gone before it came.
        if (isThere && !living.has(uid)) reconciler.enqueue(uid);
      }
    };
    for (const { metadata } of cluster.all(kind)) living.add(metadata.uid);
    for (const { metadata } of cluster.all(kind)) link(metadata, true);
    cluster.listen(kind, ({ type, object: { metadata }, previous }) => {
      if (type === 'added') living.add(metadata.uid);
      if (
        previous !== undefined &&
        previous.metadata.ownerReferences !== metadata.ownerReferences
      ) {
        link(previous.metadata, false);
      }
      if (type !== 'modified' || previous?.metadata.ownerReferences !== metadata.ownerReferences) {
        link(metadata, type !== 'deleted');
      }
      if (type !== 'deleted') return;
      living.delete(metadata.uid);
      if (dependents.has(metadata.uid)) reconciler.enqueue(metadata.uid);
    });
  }

  for (const kind of Object.keys(kinds) as Kind[]) {
    if (kind !== 'Event' && cluster.serves(kind)) follow(kind);
  }
  const sweep = (): void => {
    const oldestMs = clock.nowMs() - eventLifeMs;
    for (const { metadata } of cluster.all('Event')) {
      if (Date.parse(metadata.creationTimestamp) < oldestMs) {
        deleteObject(cluster, 'Event', metadata);
      }
    }
    clock.schedule(eventSweepMs, sweep);
  };
  clock.schedule(eventSweepMs, sweep);
}

interface Owned {
  readonly ownerReferences?: { readonly uid?: string }[];
}

function nameOf({ namespace, name }: ObjectName): ObjectName {
  return namespace === undefined ? { name } : { namespace, name };
}
