/**
 * Keeps the status of NodePools: what they have, whether they can be used, the hash of their
 * template.
 *
 * In: pools, node classes, claims and nodes as they change. Out: status.resources, status.nodes and
 * conditions on the pools, the hash on pools and on claims that were hashed otherwise, the gauges.
 * A pool is looked at once a second at most, however many of its nodes come at once. Pools of others
 * are left alone. It launches and ends nothing.
 */
import { withConditions } from '../../../core/api/conditions.ts';
import type { Live } from '../../../core/api/kinds.ts';
import {
  annotationNodePoolHash,
  annotationNodePoolHashVersion,
  labelNodePool,
} from '../../../core/api/labels.ts';
import type { NodePool } from '../../../core/api/nodepool.ts';
import { nodeClassKindOf } from '../../../core/lifecycle/ownership.ts';
import { nodePoolHash, nodePoolHashVersion } from '../../../core/nodepool-status/nodepool-hash.ts';
import { poolConditions } from '../../../core/nodepool-status/pool-conditions.ts';
import {
  isOutdated,
  registrationHealth,
} from '../../../core/nodepool-status/registration-health.ts';
import { type PoolUsage, poolUsage, usageQuantities } from '../../../core/nodepool-status/usage.ts';
import type { ViewChange } from '../../../core/state/view.ts';
import { type Controller, type ControllerContext, fieldManager } from '../context.ts';
import { startReconciler } from '../reconciler.ts';
import { PoolGauges } from './pool-gauges.ts';
import { poolMembers } from './pool-members.ts';
import { PoolOutcomes } from './registration-outcomes.ts';

/** Changes of a pool's claims and nodes are taken in together. */
const settleMs = 1_000;
const concurrency = 2;

type Quantities = Readonly<Record<string, string | number>>;

type Context = Omit<ControllerContext, 'cloud' | 'recorder'>;

/** Starts at once; ends with the context's signal. */
export function startNodePoolStatus(context: Context): Controller {
  const outcomes = new PoolOutcomes(context);
  const gauges = new PoolGauges(context.metrics.nodePools);
  return startReconciler(context, {
    name: 'nodepool-status',
    concurrency,
    reconcile: async (name) => {
      const pool = context.view.get('NodePool', { name });
      if (pool === undefined) {
        outcomes.forget(name);
        gauges.forget(name);
      } else if (context.owns(pool.spec.template.spec.nodeClassRef)) {
        await bringUpToDate(context, pool, outcomes, gauges);
      }
      gauges.count(context);
      return undefined;
    },
    watch: (add) => watchPools(context, outcomes, add),
  });
}

function watchPools(
  { view }: Context,
  outcomes: PoolOutcomes,
  add: (key: string, afterMs?: number) => void,
): () => void {
  const addLabelled = (labels: Readonly<Record<string, string>> | undefined): void => {
    const name = labels?.[labelNodePool];
    if (name !== undefined) add(name, settleMs);
  };
  const addAll = (): void => {
    for (const { metadata } of view.all('NodePool')) add(metadata.name);
  };
  const stops = [
    view.listen('NodePool', ({ type, object, previous }) => {
      // Our own writes come back here: they bring nothing new at once.
      const isEcho =
        type === 'modified' && previous?.metadata.generation === object.metadata.generation;
      add(object.metadata.name, isEcho ? settleMs : 0);
    }),
    view.listen('EC2NodeClass', addAll),
    view.listen('EC2NodeClass.stowage.dev', addAll),
    view.listen('NodeClaim', (change) => {
      outcomes.note(change);
      addLabelled(change.object.metadata.labels);
    }),
    view.listen('Node', (change) => {
      if (isRelevant(change)) addLabelled(change.object.metadata.labels);
    }),
  ];
  addAll();
  return () => {
    for (const stop of stops) stop();
  };
}

/** Most changes of nodes are heartbeats. */
function isRelevant({ type, object, previous }: ViewChange<'Node'>): boolean {
  if (type !== 'modified' || previous === undefined) return true;
  const countsIn = ({ metadata, status }: Live<'Node'>): string =>
    JSON.stringify([
      metadata.labels?.[labelNodePool],
      metadata.deletionTimestamp,
      status?.capacity,
    ]);
  return countsIn(object) !== countsIn(previous);
}

async function bringUpToDate(
  context: Context,
  pool: Live<'NodePool'>,
  outcomes: PoolOutcomes,
  gauges: PoolGauges,
): Promise<void> {
  const { view } = context;
  const { name } = pool.metadata;
  const reference = pool.spec.template.spec.nodeClassRef;
  const kind = nodeClassKindOf(reference);
  const nodeClass = kind === undefined ? undefined : view.get(kind, { name: reference.name });
  if (isOutdated(pool, nodeClass)) outcomes.reset(name);
  const usage = poolUsage(poolMembers(view, name));
  gauges.tell(pool, usage);
  const hashed = await writeHash(context, pool);
  await writeStatus(context, hashed, {
    usage,
    nodeClassGeneration: nodeClass?.metadata.generation,
    updates: [...poolConditions(pool, nodeClass), registrationHealth(outcomes.of(pool))],
  });
  await rehashClaims(context, hashed);
}

async function writeStatus(
  { client, clock, signal }: Context,
  pool: Live<'NodePool'>,
  {
    usage,
    nodeClassGeneration,
    updates,
  }: {
    readonly usage: PoolUsage;
    readonly nodeClassGeneration: number | undefined;
    readonly updates: Parameters<typeof withConditions>[1];
  },
): Promise<void> {
  const { name, generation, resourceVersion } = pool.metadata;
  const before = pool.status;
  const resources = usageQuantities(usage);
  const known = before?.conditions ?? [];
  const conditions = withConditions(known, updates, generation, clock.nowMs());
  const isSame =
    conditions === known &&
    before?.nodes === usage.nodes &&
    isEqual(before.resources ?? {}, resources) &&
    (nodeClassGeneration === undefined ||
      before.nodeClassObservedGeneration === nodeClassGeneration);
  if (isSame) return;
  const gone = Object.keys(before?.resources ?? {}).filter((key) => resources[key] === undefined);
  const status = {
    resources: { ...resources, ...Object.fromEntries(gone.map((key) => [key, null])) },
    nodes: usage.nodes,
    conditions: [...conditions],
    ...(nodeClassGeneration === undefined
      ? {}
      : { nodeClassObservedGeneration: nodeClassGeneration }),
  };
  await client.patch(
    'NodePool',
    { name },
    { type: 'merge', body: { status } },
    // Conditions are written as a whole list: nobody's may be lost.
    { subresource: 'status', fieldManager, resourceVersion, signal },
  );
}

function isEqual(a: Quantities, b: Quantities): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => String(a[key]) === b[key]);
}

/** The pool with the hash of its present template. */
async function writeHash(
  { client, signal }: Context,
  pool: Live<'NodePool'>,
): Promise<Live<'NodePool'>> {
  const { name, uid } = pool.metadata;
  const annotations = hashAnnotations(pool);
  if (hasAnnotations(pool, annotations)) return pool;
  const body = { metadata: { annotations } };
  return await client.patch(
    'NodePool',
    { name },
    { type: 'merge', body },
    { fieldManager, uid, signal },
  );
}

/**
 * Claims whose hash was computed otherwise get the present one: what has changed since their launch
 * cannot be told from it, and an upgrade must not replace every node (Karpenter).
 */
async function rehashClaims(
  { client, view, signal }: Context,
  pool: Live<'NodePool'>,
): Promise<void> {
  const annotations = hashAnnotations(pool);
  for (const { metadata } of view.all('NodeClaim')) {
    const { name, uid, labels } = metadata;
    const version = metadata.annotations?.[annotationNodePoolHashVersion];
    if (labels?.[labelNodePool] !== pool.metadata.name || version === nodePoolHashVersion) continue;
    const body = { metadata: { annotations } };
    await client.patch(
      'NodeClaim',
      { name },
      { type: 'merge', body },
      { fieldManager, uid, signal },
    );
  }
}

function hashAnnotations(pool: NodePool): Record<string, string> {
  return {
    [annotationNodePoolHash]: nodePoolHash(pool),
    [annotationNodePoolHashVersion]: nodePoolHashVersion,
  };
}

function hasAnnotations({ metadata }: NodePool, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([key, value]) => metadata.annotations?.[key] === value);
}
