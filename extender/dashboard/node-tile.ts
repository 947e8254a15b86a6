/**
 * One node as the dashboard draws it.
 *
 * In: a NodeClaim, its Node, or either alone; the live view. Out: a tile: how far it is, what it
 * offers and costs, its pods by workload, and those that are still to come. O(pods of the node). It
 * knows nothing of other nodes.
 */
import { conditionOf, isTrue } from '../../core/api/conditions.ts';
import type { Live } from '../../core/api/kinds.ts';
import {
  disruptedTaint,
  labelCapacityType,
  labelInstanceType,
  labelNodePool,
  labelZone,
  reservedTaint,
} from '../../core/api/labels.ts';
import { nominatedOf } from '../../core/provisioning/nominations.ts';
import { offeringsOf } from '../../core/scheduling/claim-offerings.ts';
import { offeredResources } from '../../core/scheduling/quantity.ts';
import { effectiveRequests } from '../../core/scheduling/requests.ts';
import { reservationOf } from '../../core/scheduling/reservation-record.ts';
import type { Resources } from '../../core/scheduling/resources.ts';
import type { LivePod } from '../../core/state/live-pod.ts';
import { isTerminal } from '../../core/state/snapshot.ts';
import type { ClusterView } from '../../core/state/view.ts';
import { type Block, type NodeStep, type NodeTile, reasonCharsMax } from './state.ts';
import { daemonWorkload, type WorkloadNames, workloadGroup } from './workload-group.ts';

type Labels = Readonly<Record<string, string>>;

/** What a place costs, nano-USD per hour, by the labels of its node; undefined if not known. */
export type PriceOf = (labels: Labels) => number | undefined;

export interface TileFacts {
  readonly view: ClusterView;
  readonly priceOf: PriceOf;
  readonly names: WorkloadNames;
}

/** A claim, a node, or both. */
export type TileSubject =
  | { readonly claim: Live<'NodeClaim'>; readonly node: Live<'Node'> | undefined }
  | { readonly claim: undefined; readonly node: Live<'Node'> };

/** Resources that every node has and nobody looks at. */
const unshown: ReadonlySet<string> = new Set(['pods', 'ephemeral-storage']);
const nanoPerUsd = 1e9;

export const claimTileId = (name: string): string => `claim/${name}`;
export const nodeTileId = (name: string): string => `node/${name}`;

/** What a tile is of: undefined if it is gone, or part of another. */
export function tileSubject(view: ClusterView, id: string): TileSubject | undefined {
  const name = id.slice(id.indexOf('/') + 1);
  if (id.startsWith('claim/')) {
    const claim = view.get('NodeClaim', { name });
    return claim === undefined ? undefined : { claim, node: nodeOf(view, claim) };
  }
  const node = view.get('Node', { name });
  return node === undefined || claimOf(view, node) !== undefined
    ? undefined
    : { claim: undefined, node };
}

/** The claim that a node was launched for. A claim names its instance before it names its node. */
export function claimOf(view: ClusterView, node: Live<'Node'>): Live<'NodeClaim'> | undefined {
  const { providerID } = node.spec ?? {};
  return (
    view.claimByNodeName(node.metadata.name) ??
    (providerID === undefined ? undefined : view.claimByProviderID(providerID))
  );
}

/** The node of a claim, once it has come. */
export function nodeOf(view: ClusterView, claim: Live<'NodeClaim'>): Live<'Node'> | undefined {
  const { nodeName, providerID } = claim.status ?? {};
  const node = nodeName === undefined ? undefined : view.get('Node', { name: nodeName });
  return node ?? (providerID === undefined ? undefined : view.nodeByProviderID(providerID));
}

/** The tile of a subject. */
export function nodeTile(facts: TileFacts, { claim, node }: TileSubject): NodeTile {
  const labels = labelsOf(claim, node);
  const allocatable = allocatableOf(claim, node);
  const price = facts.priceOf(labels);
  const [step, since] = stepOf(claim, node);
  const object = claim ?? node;
  return {
    id: claim === undefined ? nodeTileId(node.metadata.name) : claimTileId(claim.metadata.name),
    name: (node ?? claim)?.metadata.name ?? '',
    type: labels[labelInstanceType] ?? '',
    zone: labels[labelZone] ?? '',
    capacity: labels[labelCapacityType] ?? '',
    pool: labels[labelNodePool] ?? '',
    step,
    sinceMs: millisecondsOf(since),
    createdMs: millisecondsOf(object?.metadata.creationTimestamp),
    price: price === undefined ? null : price / nanoPerUsd,
    cpuMilli: allocatable['cpu'] ?? 0,
    use: useOf(
      allocatable,
      node === undefined ? undefined : facts.view.usageOf(node.metadata.name).requested,
    ),
    blocks: blocksOf(facts, claim, node, allocatable),
    trouble: troubleOf(claim, step),
  };
}

/** What it is, and before that is known, what it is to be. */
function labelsOf(claim: Live<'NodeClaim'> | undefined, node: Live<'Node'> | undefined): Labels {
  const wish = offeringsOf(claim?.metadata.annotations)[0];
  const wished: Labels =
    wish === undefined
      ? {}
      : {
          [labelInstanceType]: wish.instanceType,
          [labelZone]: wish.zone,
          [labelCapacityType]: wish.capacityType,
        };
  return { ...wished, ...claim?.metadata.labels, ...node?.metadata.labels };
}

/** Before the kubelet reports: what the launch promised, and before that what was planned. */
function allocatableOf(
  claim: Live<'NodeClaim'> | undefined,
  node: Live<'Node'> | undefined,
): Resources {
  const lists = [
    node?.status?.allocatable,
    claim?.status?.allocatable,
    claim?.spec.resources?.requests,
  ];
  const told = lists.find((list) => list !== undefined && Object.keys(list).length > 0);
  return offeredResources(told ?? {});
}

function useOf(
  allocatable: Resources,
  requested: ReadonlyMap<string, number> | undefined,
): NodeTile['use'] {
  return Object.entries(allocatable)
    .filter(([name, amount]) => amount > 0 && !unshown.has(name))
    .sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1))
    .map(([name, amount]) => [name, requested?.get(name) ?? 0, amount] as const);
}

function rank(resource: string): number {
  return resource === 'cpu' ? 0 : resource === 'memory' ? 1 : 2;
}

function stepOf(
  claim: Live<'NodeClaim'> | undefined,
  node: Live<'Node'> | undefined,
): [NodeStep, string | undefined] {
  const deletion = claim?.metadata.deletionTimestamp ?? node?.metadata.deletionTimestamp;
  if (deletion !== undefined) return ['leaving', deletion];
  const taints = node?.spec?.taints ?? [];
  const disrupted = taints.find(({ key }) => key === disruptedTaint.key);
  if (disrupted !== undefined) return ['leaving', disrupted.timeAdded];
  const after = (type: string): string | undefined =>
    claim === undefined
      ? node?.metadata.creationTimestamp
      : (conditionOf(claim, type)?.lastTransitionTime ?? claim.metadata.creationTimestamp);
  if (claim !== undefined) {
    if (!isTrue(claim, 'Launched')) return ['launching', claim.metadata.creationTimestamp];
    if (node === undefined || !isTrue(claim, 'Registered')) return ['booting', after('Launched')];
    if (!isTrue(claim, 'Initialized')) return ['registered', after('Registered')];
    if (taints.some(({ key }) => key === reservedTaint.key))
      return ['binding', after('Initialized')];
  }
  const ready = node?.status?.conditions?.find(({ type }) => type === 'Ready');
  return ready?.status === 'True'
    ? ['ready', ready.lastTransitionTime ?? after('Initialized')]
    : ['not-ready', ready?.lastTransitionTime ?? node?.metadata.creationTimestamp];
}

function blocksOf(
  { view, names }: TileFacts,
  claim: Live<'NodeClaim'> | undefined,
  node: Live<'Node'> | undefined,
  allocatable: Resources,
): readonly Block[] {
  const sums = new Map<
    number,
    { workload: number; pods: number; permille: number; isPlanned: 0 | 1 }
  >();
  const add = (pod: LivePod, isPlanned: 0 | 1): void => {
    const workload =
      pod.ownerKind === 'DaemonSet' ? daemonWorkload : names.numberOf(workloadGroup(pod));
    const key = workload * 2 + isPlanned;
    const permille = sharePermille(pod, allocatable);
    const sum = sums.get(key);
    if (sum === undefined) sums.set(key, { workload, pods: 1, permille, isPlanned });
    else {
      sum.pods += 1;
      sum.permille += permille;
    }
  };
  if (node !== undefined) {
    for (const pod of view.usageOf(node.metadata.name).pods.values()) {
      if (!isTerminal(pod)) add(pod, 0);
    }
  }
  for (const pod of plannedPods(view, claim)) add(pod, 1);
  return [...sums.values()]
    .sort((a, b) => a.isPlanned - b.isPlanned || a.workload - b.workload)
    .map(
      ({ workload, pods, permille, isPlanned }) =>
        [workload, pods, Number((permille / pods).toFixed(1)), isPlanned] as const,
    );
}

/**
 * Pods that are planned on a claim and not bound yet. Those that others bind are awaited only until
 * the node is open: from then on their scheduler may do as it likes.
 */
export function plannedPods(
  view: ClusterView,
  claim: Live<'NodeClaim'> | undefined,
): readonly LivePod[] {
  if (claim === undefined || claim.metadata.deletionTimestamp !== undefined) return [];
  const { annotations } = claim.metadata;
  const owners = reservationOf(annotations)?.owners ?? [];
  const nominated = isTrue(claim, 'Initialized') ? [] : nominatedOf(annotations);
  return [...new Set([...owners, ...nominated])].flatMap((uid) => view.unboundPods.get(uid) ?? []);
}

function sharePermille({ spec }: LivePod, allocatable: Resources): number {
  let most = 0;
  for (const [resource, amount] of Object.entries(effectiveRequests(spec))) {
    const whole = allocatable[resource] ?? 0;
    if (whole > 0) most = Math.max(most, amount / whole);
  }
  return Math.min(1000, most * 1000);
}

/** Reasons of `Unknown` that only say that it has not been tried yet. */
const ordinaryReasons: ReadonlySet<string> = new Set(['', 'Launched', 'AwaitingReconciliation']);

/**
 * What is wrong, not what is merely awaited: a launch that fails, a condition that is False. That a
 * node has not registered or is not ready yet (`Unknown`) is how nodes come.
 */
function troubleOf(claim: Live<'NodeClaim'> | undefined, step: NodeStep): string {
  if (claim === undefined || step === 'leaving') return '';
  const awaited = ['Launched', 'Registered', 'Initialized'].map((type) => conditionOf(claim, type));
  const condition = awaited.find((one) => one !== undefined && one.status !== 'True');
  if (condition === undefined) return '';
  const { type, status, reason = '', message = '' } = condition;
  const isLaunch = type === 'Launched' && !ordinaryReasons.has(reason);
  if (status !== 'False' && !isLaunch) return '';
  return [reason === type ? '' : reason, message]
    .filter(Boolean)
    .join(': ')
    .slice(0, reasonCharsMax);
}

function millisecondsOf(time: string | undefined): number {
  return time === undefined ? 0 : Date.parse(time);
}
