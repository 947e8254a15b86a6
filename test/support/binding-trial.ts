/**
 * A race for the room of a new node, in the simulated world.
 *
 * In: a world, how many pods. Out: NodeClaims made by hand, launched and brought up by a stand-in for
 * the lifecycle controllers, beside a full node and pods that nobody planned for, as in
 * `reference/extender.md` 2.4. The stand-in is part of the world: it does not die with a process.
 */
import { withConditions } from '../../core/api/conditions.ts';
import type { Live } from '../../core/api/kinds.ts';
import type { PodSpec, Taint } from '../../core/api/kubernetes.ts';
import {
  labelInstanceType,
  labelNodePool,
  reservedTaint,
  unregisteredTaint,
} from '../../core/api/labels.ts';
import type { Fence } from '../../core/scheduling/reservation.ts';
import {
  annotationReservation,
  reservationRecord,
} from '../../core/scheduling/reservation-record.ts';
import { isEphemeralTaint } from '../../core/scheduling/taints.ts';
import type { World } from '../../sim/world.ts';

export const zone = 'us-east-1a';
const reactionMs = 20;
/** Longer than any boot. */
const bootMs = 20 * 60_000;

export interface ClaimTraits {
  readonly owners?: readonly string[];
  readonly fence?: Fence;
  readonly instanceType?: string;
  /** Without: the node comes up open, as under a binder that knows no fence. */
  readonly isTainted?: boolean;
  readonly requests?: Readonly<Record<string, string>>;
}

/** Creates a NodeClaim as the provisioner does. */
export function createClaim(world: World, name: string, traits: ClaimTraits): void {
  const { owners, fence = 'binding', instanceType = 'm7i.xlarge', isTainted = true } = traits;
  const expiresAtMs = world.clock.nowMs() + bootMs;
  world.cluster.create('NodeClaim', {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodeClaim',
    metadata: {
      name,
      labels: { [labelNodePool]: 'general' },
      annotations:
        owners === undefined
          ? {}
          : {
              [annotationReservation]: reservationRecord({
                owners: new Set(owners),
                expiresAtMs,
                fence,
              }),
            },
    },
    spec: {
      nodeClassRef: { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass', name: 'default' },
      requirements: [{ key: labelInstanceType, operator: 'In', values: [instanceType] }],
      resources: { requests: traits.requests ?? {} },
      ...(owners === undefined || !isTainted ? {} : { taints: [{ ...reservedTaint }] }),
    },
  });
}

/** Launches claims, recognises their nodes, says when they are ready. */
export function standInForLifecycle(world: World): void {
  const { cluster, clock } = world;
  const { cloud, client } = world.startProcess('lifecycle');
  const launch = async ({ metadata, spec }: Live<'NodeClaim'>): Promise<void> => {
    const nodeClass = await client.get('EC2NodeClass', { name: 'default' });
    const [instanceType] = spec.requirements[0]?.values ?? [];
    if (nodeClass === undefined || instanceType === undefined) throw new Error('nothing to launch');
    const launched = await cloud.launch({
      clientToken: metadata.uid,
      nodeClaimName: metadata.name,
      nodePoolName: 'general',
      nodeClass,
      offerings: [{ instanceType, zone, capacityType: 'on-demand' }],
      tags: { 'karpenter.sh/nodeclaim': metadata.name },
      labels: { [labelNodePool]: 'general' },
      taints: [unregisteredTaint, ...(spec.taints ?? [])],
    });
    if (launched.outcome !== 'launched') throw new Error(launched.message);
    const { providerID } = launched.instance;
    setStatus(world, metadata.name, { providerID }, 'Launched');
  };
  cluster.listen('NodeClaim', ({ type, object }) => {
    if (type === 'added') void launch(object);
  });
  cluster.listen('Node', ({ type, object }) => {
    if (type === 'deleted') return;
    const { providerID } = object.spec ?? {};
    const claim = [...cluster.all('NodeClaim')].find(
      ({ status }) => status?.providerID === providerID,
    );
    if (claim === undefined) return;
    const { name } = claim.metadata;
    clock.schedule(reactionMs, () => {
      const node = cluster.get('Node', object.metadata);
      if (node === undefined) return;
      const left = without(node.spec?.taints ?? [], unregisteredTaint);
      if (left !== undefined) {
        const body = { spec: { taints: left } };
        cluster.patch('Node', node.metadata, { type: 'merge', body });
        setStatus(world, name, { nodeName: node.metadata.name }, 'Registered');
      }
      const ready = node.status?.conditions?.find(({ type: one }) => one === 'Ready');
      const isEquipped = Object.keys(claim.spec.resources?.requests ?? {}).every(
        (resource) => (node.status?.allocatable?.[resource] ?? '0') !== '0',
      );
      const isShedding = (node.spec?.taints ?? []).some(isEphemeralTaint);
      if (ready?.status === 'True' && isEquipped && !isShedding) {
        setStatus(world, name, {}, 'Initialized');
      }
    });
  });
}

function without(taints: readonly Taint[], gone: Taint): Taint[] | undefined {
  const left = taints.filter(({ key }) => key !== gone.key);
  return left.length === taints.length ? undefined : left;
}

function setStatus({ cluster, clock }: World, name: string, fields: object, type: string): void {
  const claim = cluster.get('NodeClaim', { name });
  if (claim === undefined) return;
  const before = claim.status?.conditions ?? [];
  const conditions = withConditions(before, [{ type, status: 'True' }], undefined, clock.nowMs());
  if (conditions === before) return;
  const body = { status: { ...fields, conditions: [...conditions] } };
  cluster.patch('NodeClaim', { name }, { type: 'merge', body }, { subresource: 'status' });
}

export interface PodTraits {
  readonly cpu?: string;
  readonly schedulerName?: string;
  readonly spec?: Partial<PodSpec>;
  readonly requests?: Readonly<Record<string, string>>;
}

/** A pod that runs until it is deleted. Answers its UID. */
export function createPod(world: World, name: string, traits: PodTraits = {}): string {
  const { cpu = '1', schedulerName = 'default-scheduler' } = traits;
  const requests = { cpu, memory: '256Mi', ...traits.requests };
  const devices = Object.entries(requests).filter(([resource]) => resource.includes('/'));
  const { metadata } = world.cluster.create('Pod', {
    metadata: { namespace: 'default', name },
    spec: {
      schedulerName,
      restartPolicy: 'Never',
      containers: [{ name: 'main', resources: { requests, limits: Object.fromEntries(devices) } }],
      ...traits.spec,
    },
  });
  return metadata.uid;
}
