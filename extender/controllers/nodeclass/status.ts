/**
 * Keeps the status of EC2NodeClasses: what their selectors find, whether a launch would be allowed.
 *
 * In: classes of both groups as they change, and time. Out: status and conditions, the hash, our
 * finalizer; Events that name the fix when something is wrong. Each class is looked at by itself, so
 * that one that is broken, or whose calls are refused, keeps no other from its status. A class that is
 * deleted waits for its NodeClaims, then what was made for it is removed.
 */
import { type ConditionUpdate, conditionOf, withConditions } from '../../../core/api/conditions.ts';
import type { EC2NodeClass } from '../../../core/api/ec2nodeclass.ts';
import type { Live } from '../../../core/api/kinds.ts';
import {
  karpenterAwsGroup,
  nodeClassTerminationFinalizer,
  stowageGroup,
} from '../../../core/api/labels.ts';
import { CloudError } from '../../../core/cloud-port.ts';
import { nodeClassHashAnnotations } from '../../../core/ec2/node-class-hash.ts';
import type { NodeClassCloud } from '../../../core/ec2/node-class-port.ts';
import {
  type Finding,
  foundStatus,
  interruptionCondition,
  readyCondition,
  type StatusFields,
  settingsProblem,
  validationCondition,
} from '../../../core/ec2/node-class-status.ts';
import { type NodeClassKind, nodeClassKindOf } from '../../../core/lifecycle/ownership.ts';
import { isClusterError } from '../../../core/ports.ts';
import { type Controller, type ControllerContext, fieldManager } from '../context.ts';
import type { SourceHealth } from '../interruption/source-health.ts';
import { type Reconciled, startReconciler } from '../reconciler.ts';
import { rehashClaims } from './claim-hashes.ts';

/** Between two looks at a class: subnets fill and images are published without telling. */
const lookEveryMs = 60_000;
/** After a call that was not answered. */
const lookSoonMs = 10_000;
const collectEveryMs = 30 * 60_000;
const concurrency = 4;
const collectKey = 'templates';
const kinds: readonly NodeClassKind[] = ['EC2NodeClass', 'EC2NodeClass.stowage.dev'];

/** Starts at once; ends with the context's signal. */
export function startNodeClassStatus(
  context: ControllerContext,
  cloud: NodeClassCloud,
  sources: SourceHealth,
): Controller {
  return startReconciler(context, {
    name: 'nodeclass-status',
    concurrency,
    reconcile: async (key) => {
      if (key === collectKey) {
        await cloud.collectTemplates({ signal: context.signal });
        return { againAfterMs: collectEveryMs };
      }
      return await bringUpToDate(context, cloud, sources, key);
    },
    watch: (add) => watchClasses(context, sources, add),
  });
}

function watchClasses(
  { view }: ControllerContext,
  sources: SourceHealth,
  add: (key: string, afterMs?: number) => void,
): () => void {
  add(collectKey, collectEveryMs);
  const stops = kinds.map((kind) => {
    for (const { metadata } of view.all(kind)) add(keyOf(kind, metadata.name));
    return view.listen(kind, ({ type, object, previous }) => {
      const isEcho =
        type === 'modified' &&
        previous?.metadata.generation === object.metadata.generation &&
        previous?.metadata.deletionTimestamp === object.metadata.deletionTimestamp;
      if (!isEcho) add(keyOf(kind, object.metadata.name));
    });
  });
  stops.push(
    view.listen('NodeClaim', ({ type, object }) => {
      const { nodeClassRef } = object.spec;
      const kind = nodeClassKindOf(nodeClassRef);
      if (type !== 'deleted' || kind === undefined) return;
      const { name } = nodeClassRef;
      // Perhaps the last one of a class that waits for it.
      const isLeaving = view.get(kind, { name })?.metadata.deletionTimestamp !== undefined;
      if (isLeaving) add(keyOf(kind, name));
    }),
  );
  stops.push(
    sources.listen(() => {
      for (const kind of kinds) {
        for (const { metadata } of view.all(kind)) add(keyOf(kind, metadata.name));
      }
    }),
  );
  return () => {
    for (const stop of stops) stop();
  };
}

function keyOf(kind: NodeClassKind, name: string): string {
  return `${kind}/${name}`;
}

async function bringUpToDate(
  context: ControllerContext,
  cloud: NodeClassCloud,
  sources: SourceHealth,
  key: string,
): Promise<Reconciled | undefined> {
  const kind = kinds.find((one) => key.startsWith(`${one}/`));
  if (kind === undefined) return undefined;
  const name = key.slice(kind.length + 1);
  const seen = context.view.get(kind, { name });
  if (seen === undefined || !isServed(context, kind)) return undefined;
  if (seen.metadata.deletionTimestamp !== undefined) {
    return await finish(context, cloud, kind, seen);
  }
  const nodeClass = await withMetadata(context, kind, seen);
  await rehashClaims(context, kind, nodeClass);
  const { fields, conditions, isAnswered } = await look(context, cloud, nodeClass);
  const told = [...conditions, ...interruptionCondition(sources.problem)];
  await writeStatus(context, kind, nodeClass, fields, told);
  return { againAfterMs: isAnswered ? lookEveryMs : lookSoonMs };
}

/** Classes that belong to a Karpenter beside us are its own to keep. */
function isServed({ owns }: ControllerContext, kind: NodeClassKind): boolean {
  const group = kind === 'EC2NodeClass' ? karpenterAwsGroup : stowageGroup;
  return owns({ group, kind: 'EC2NodeClass' });
}

interface Looked {
  readonly fields: StatusFields;
  readonly conditions: readonly ConditionUpdate[];
  /** False if something is to be asked again soon. */
  readonly isAnswered: boolean;
}

async function look(
  { signal }: ControllerContext,
  cloud: NodeClassCloud,
  nodeClass: EC2NodeClass,
): Promise<Looked> {
  const options = { signal };
  const hasReservations = (nodeClass.spec.capacityReservationSelectorTerms ?? []).length > 0;
  const hasGroup = nodeClass.spec.placementGroupSelector !== undefined;
  const [subnets, securityGroups, images, instanceProfile, reservations, placementGroup] =
    await Promise.all([
      finding(signal, async () => await cloud.subnets(nodeClass, options)),
      finding(signal, async () => await cloud.securityGroups(nodeClass, options)),
      finding(signal, async () => await cloud.images(nodeClass, options)),
      finding(signal, async () => await cloud.instanceProfile(nodeClass, options)),
      hasReservations
        ? finding(signal, async () => [...(await cloud.capacityReservations(nodeClass, options))])
        : undefined,
      hasGroup
        ? finding(signal, async () => await cloud.placementGroup(nodeClass, options))
        : undefined,
    ]);
  const found = foundStatus(nodeClass, {
    subnets,
    securityGroups,
    images,
    instanceProfile,
    reservations,
    placementGroup,
  });
  const settings = settingsProblem(nodeClass);
  const next = { ...nodeClass, status: { ...nodeClass.status, ...found.fields } };
  const tried =
    found.isComplete && settings === undefined
      ? await finding(signal, async () => await cloud.validate(next, options))
      : undefined;
  const validated = validationCondition(nodeClass, found.isComplete, settings, tried);
  const all = [...found.conditions, validated];
  const asked = [
    subnets,
    securityGroups,
    images,
    instanceProfile,
    reservations,
    placementGroup,
    tried,
  ];
  return {
    fields: found.fields,
    conditions: [...all, readyCondition(all)],
    isAnswered: asked.every((one) => one === undefined || 'value' in one),
  };
}

async function finding<T>(signal: AbortSignal, ask: () => Promise<T>): Promise<Finding<T>> {
  try {
    return { value: await ask() };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof CloudError)) throw error;
    return { error };
  }
}

/** Finalizer and hash, written where they differ. */
async function withMetadata(
  { client, signal }: ControllerContext,
  kind: NodeClassKind,
  nodeClass: Live<NodeClassKind>,
): Promise<Live<NodeClassKind>> {
  const { name, uid, resourceVersion, annotations, finalizers = [] } = nodeClass.metadata;
  const hashed = nodeClassHashAnnotations(nodeClass);
  const isHashed = Object.entries(hashed).every(([key, value]) => annotations?.[key] === value);
  const isHeld = finalizers.includes(nodeClassTerminationFinalizer);
  if (isHashed && isHeld) return nodeClass;
  return await client.patch(
    kind,
    { name },
    {
      type: 'merge',
      body: {
        metadata: {
          annotations: hashed,
          ...(isHeld ? {} : { finalizers: [...finalizers, nodeClassTerminationFinalizer] }),
        },
      },
    },
    { fieldManager, uid, resourceVersion, signal },
  );
}

async function writeStatus(
  { client, clock, recorder, signal }: ControllerContext,
  kind: NodeClassKind,
  nodeClass: Live<NodeClassKind>,
  fields: StatusFields,
  updates: readonly ConditionUpdate[],
): Promise<void> {
  const { name, uid, resourceVersion, generation } = nodeClass.metadata;
  const before = nodeClass.status?.conditions ?? [];
  const after = withConditions(before, updates, generation, clock.nowMs());
  const changed = Object.entries(fields).filter(
    ([field, value]) =>
      JSON.stringify(nodeClass.status?.[field as keyof StatusFields]) !== JSON.stringify(value),
  );
  if (after === before && changed.length === 0) return;
  const status = {
    ...Object.fromEntries(changed),
    ...(after === before ? {} : { conditions: [...after] }),
  };
  try {
    await client.patch(
      kind,
      { name },
      { type: 'merge', body: { status } },
      { subresource: 'status', uid, resourceVersion, fieldManager, signal },
    );
  } catch (error) {
    if (isClusterError(error, 'NotFound')) return;
    throw error;
  }
  const { apiVersion } = nodeClass;
  const regarding = { apiVersion, kind: 'EC2NodeClass', name, uid };
  for (const { type, status: value, reason = type, message = '' } of updates) {
    const known = conditionOf(nodeClass, type);
    const isNews = known?.status !== value || known.reason !== reason || known.message !== message;
    if (value !== 'False' || !isNews || type === 'Ready' || reason === 'DependenciesNotReady') {
      continue;
    }
    recorder.event(regarding, 'Warning', reason, message);
  }
}

/** A class that goes: its nodes first, then what was made for it, then the class. */
async function finish(
  { view, client, recorder, signal }: ControllerContext,
  cloud: NodeClassCloud,
  kind: NodeClassKind,
  nodeClass: Live<NodeClassKind>,
): Promise<Reconciled | undefined> {
  const { name, uid, resourceVersion, finalizers = [] } = nodeClass.metadata;
  if (!finalizers.includes(nodeClassTerminationFinalizer)) return undefined;
  const claims = [...view.all('NodeClaim')].filter(
    ({ spec: { nodeClassRef } }) =>
      nodeClassRef.name === name && nodeClassKindOf(nodeClassRef) === kind,
  );
  if (claims.length > 0) {
    recorder.event(
      { apiVersion: nodeClass.apiVersion, kind: 'EC2NodeClass', name, uid },
      'Normal',
      'WaitingOnNodeClaimTermination',
      `Waiting on NodeClaim termination for ${claims.length} of this class`,
    );
    return { againAfterMs: lookEveryMs };
  }
  await cloud.forget(nodeClass, { signal });
  const others = finalizers.filter((one) => one !== nodeClassTerminationFinalizer);
  try {
    await client.patch(
      kind,
      { name },
      {
        type: 'json',
        operations: [{ op: 'add', path: '/metadata/finalizers', value: others }],
      },
      { fieldManager, uid, resourceVersion, signal },
    );
  } catch (error) {
    if (!isClusterError(error, 'NotFound')) throw error;
  }
  return undefined;
}
