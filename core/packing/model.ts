/**
 * From a cluster to a packing problem: the only way in which pods, pools and nodes become numbers.
 *
 * In: a snapshot, the instance types of each node class, options. Out: the problem, what its indices
 * stand for, and every pod that no plan can place, with the reason. It reads no clock and has no
 * state: equal inputs give equal problems.
 *
 * The way: pods -> families (`pod-families.ts`); pools -> templates -> offerings in rows
 * (`new-offerings.ts`), nodes -> rows (`existing-nodes.ts`); rules, one file each under `rules/`,
 * limit rows or tie families together; what is left is split into classes and written down
 * (`problem-assembly.ts`). A new rule is a new file in one of the three lists below.
 */
import { labelCapacityType, labelZone } from '../api/labels.ts';
import type { InstanceType } from '../state/instance-type.ts';
import type { ClusterSnapshot } from '../state/snapshot.ts';
import { allSteps, type Steps } from '../steps.ts';
import { type ClassDraft, maxClassesPerFamily, splitClasses } from './class-split.ts';
import { DomainCensus, type DomainFoe, domainFoes } from './domain-census.ts';
import { fitDemandToDomains, type LeftOut } from './domain-demand.ts';
import { DomainDraft } from './domain-draft.ts';
import { defaultMaxExistingGroups, type ExistingGroup } from './existing-groups.ts';
import { type Demands, readDemands } from './model-demands.ts';
import { type Places, readPlaces } from './model-places.ts';
import type {
  InstanceTypesOfPool,
  ModelClass,
  ModelOffering,
  ModelOptions,
  PackingModel,
  RejectedPod,
} from './packing-model.ts';
import type { NewCandidate, PlacementRule } from './placement-row.ts';
import type { Family } from './pod-families.ts';
import { overflowPriceFactor } from './pool-weight.ts';
import { assembleProblem, isExisting } from './problem-assembly.ts';
import { RejectionReasons } from './rejection-reasons.ts';
import { addDomainSeparation } from './rules/domain-separation.ts';
import { addDomainSpread } from './rules/domain-spread.ts';
import { hostPortQuotas, hostPortsRule } from './rules/host-ports.ts';
import { hostnameSeparationRule, hostnameSeparations } from './rules/hostname-separation.ts';
import { hostnameSpreadRule, hostnameSpreads } from './rules/hostname-spread.ts';
import { nodeSelectionRule } from './rules/node-selection.ts';
import { taintsRule } from './rules/taints.ts';
import { type NodeSharing, nodeSharing } from './shared-quotas.ts';

/** A type's dearest price over what a reserved node of it is held to cost (Karpenter's figure). */
const reservationOrderDivisor = 10_000_000;

/** Rules about one family and one place. Reasons count offerings by the first that excludes. */
const placementRules: readonly PlacementRule[] = [
  taintsRule,
  nodeSelectionRule,
  hostPortsRule,
  hostnameSeparationRule,
  hostnameSpreadRule,
];

/** Rules between families on one node. */
function sharingRules(families: readonly Family[]): NodeSharing {
  const separations = hostnameSeparations(families);
  const spreads = hostnameSpreads(families);
  return nodeSharing(
    [...hostPortQuotas(families), ...separations.quotas, ...spreads.quotas],
    [...separations.pairs, ...spreads.pairs],
  );
}

/** Rules over domains, strictest first: what they close, later ones take as given. */
function addDomainRules(
  draft: DomainDraft,
  families: readonly Family[],
  census: DomainCensus,
  foes: readonly DomainFoe[],
): void {
  addDomainSeparation(draft, families, census, foes);
  addDomainSpread(draft, families, census);
}

/**
 * Builds the problem for all pending pods of a snapshot.
 *
 * Time: a walk over the pods, plus families x rows, plus offerings; about half a second for 100,000
 * pods in 300 families over 14,000 offerings. Pods that no plan can place are in `unschedulable`;
 * what `typesOf` throws is passed on.
 */
export function buildModel(
  snapshot: ClusterSnapshot,
  typesOf: InstanceTypesOfPool,
  options: ModelOptions = {},
): PackingModel {
  return allSteps(modelSteps(snapshot, typesOf, options));
}

/** The same in steps of some milliseconds each, however large the cluster. */
export function* modelSteps(
  snapshot: ClusterSnapshot,
  typesOf: InstanceTypesOfPool,
  options: ModelOptions = {},
): Steps<PackingModel> {
  const demands = yield* readDemands(snapshot, options);
  yield;
  const places = yield* readPlaces(snapshot, typesOf, demands, placementRules, options);
  yield;
  const { families } = demands.families;
  const draft = new DomainDraft(places.rows, families.length);
  const census = new DomainCensus(places.nodes, places.offered.rows);
  addDomainRules(draft, families, census, domainFoes(places.nodes, demands.book));

  yield;
  const demand = Int32Array.from(families, ({ pods }) => pods.length);
  const rejections = rejectUnplaceable(demands, places, draft, demand);
  rejections.push(...fitDemandToDomains(draft, families, demand));
  const split = splitClasses(draft, demand);
  for (const family of split.tooMany) {
    const keys = draft.splitKeys(family).join(', ');
    const reason = `rules over ${keys} tell more than ${maxClassesPerFamily} domains apart, which is not modelled`;
    rejections.push({ family, pods: demand[family]!, reason });
    demand[family] = 0;
  }
  const assembly = yield* assembleProblem({
    axis: demands.axis,
    families,
    demand,
    requests: demands.requests,
    boundRequests: demands.boundRequests,
    draft,
    split,
    sharing: sharingRules(families.filter(({ index }) => demand[index]! > 0)),
    candidates: places.candidates,
    nodes: places.nodes,
    maxExistingGroups: options.maxExistingGroups ?? defaultMaxExistingGroups,
    limits: places.limits,
    maxNodes: options.maxNodes,
    steerNano: (candidate) => steerNano(candidate, places.setBack, options),
  });
  yield;
  const familyIndex = new Map(assembly.families.map((family, index) => [family, index]));
  return {
    problem: assembly.problem,
    families: assembly.families.map((family) => ({
      pods: families[family]!.pods.slice(0, demand[family]),
      priority: families[family]!.priority,
    })),
    classes: assembly.classes.map((one) => modelClass(one, familyIndex.get(one.family)!)),
    offerings: assembly.offerings.map(modelOffering),
    unschedulable: [
      ...demands.roles.rejected,
      ...demands.rejected,
      ...podsLeftOut(families, rejections),
    ],
    placed: demands.roles.placed,
    notes: [...new Set([...notesOf(snapshot, demands, options), ...places.notes, ...draft.notes])],
  };
}

/** Families that no row is open to, with their reasons; their demand becomes 0. */
function rejectUnplaceable(
  demands: Demands,
  places: Places,
  draft: DomainDraft,
  demand: Int32Array,
): LeftOut[] {
  const reasons = new RejectionReasons({
    outcomes: places.offered.outcomes,
    candidates: places.offered.candidates,
    nodes: places.nodes.filter(({ open }) => open),
    rules: placementRules,
    selections: demands.families.selections,
    limits: places.limits,
    axis: demands.axis,
  });
  const leftOut: LeftOut[] = [];
  for (const family of demands.families.families) {
    const { index, pods } = family;
    if (places.rows.some((row) => row.limits[index]! > 0)) {
      continue;
    }
    const rule = draft.closedBy(index);
    const reason =
      rule === undefined
        ? reasons.explain(family, demands.requests[index]!)
        : `${rule} leaves no domain open`;
    leftOut.push({ family: index, pods: pods.length, reason });
    demand[index] = 0;
  }
  return leftOut;
}

/** Pods that families lose, from the end of their serving order. */
function podsLeftOut(families: readonly Family[], leftOut: readonly LeftOut[]): RejectedPod[] {
  const left = families.map(({ pods }) => pods.length);
  return leftOut.flatMap(({ family, pods, reason }) => {
    const end = left[family]!;
    left[family] = end - pods;
    return families[family]!.pods.slice(end - pods, end).map((pod) => ({ pod, reason }));
  });
}

function steerNano(candidate: NewCandidate, setBack: Uint8Array, options: ModelOptions): number {
  const { template, type, zone, capacityType, priceNano, reservation } = candidate;
  const risk = options.riskNano?.({ instanceType: type.name, zone, capacityType, priceNano }) ?? 0;
  const overflow = priceNano * overflowPriceFactor * setBack[template.index]!;
  const order = reservation === undefined ? 0 : reservationOrder(type);
  return Math.round((options.nodeCostNano ?? 0) + risk + overflow + order);
}

/**
 * What is paid for already costs nothing, but the smallest of it goes first: Karpenter's fictional
 * price, a ten-millionth of the type's own.
 */
function reservationOrder({ offerings }: InstanceType): number {
  const prices = offerings.map(({ priceNanoUsdPerHour }) => priceNanoUsdPerHour);
  return Math.max(1, Math.round(Math.max(...prices) / reservationOrderDivisor));
}

function modelClass({ domain }: ClassDraft, family: number): ModelClass {
  const zone = domain.get(labelZone);
  const capacityType = domain.get(labelCapacityType);
  return {
    family,
    ...(zone === undefined ? {} : { zone }),
    ...(capacityType === undefined ? {} : { capacityType }),
    domain: Object.fromEntries(domain),
  };
}

function modelOffering(offering: NewCandidate | ExistingGroup): ModelOffering {
  if (isExisting(offering)) {
    return { kind: 'existing', nodes: offering.nodes };
  }
  const { template, type, zone, capacityType, reservation, priceNano, daemonSets } = offering;
  return {
    kind: 'new',
    nodePool: template.name,
    nodeClass: template.nodeClass,
    instanceType: type.name,
    zone,
    capacityType,
    ...(reservation === undefined ? {} : { reservationId: reservation.id }),
    priceNano,
    chosenLabels: template.chosenLabels,
    daemonSets,
    type,
  };
}

function notesOf(
  snapshot: ClusterSnapshot,
  { families, roles }: Demands,
  options: ModelOptions,
): string[] {
  const notes = [...families.preferences]
    .sort()
    .map((kind) => `${kind} is a preference and not weighed yet`);
  const taints = [
    ...snapshot.nodePools.flatMap(({ spec }) => spec.template.spec.taints ?? []),
    ...snapshot.nodes.flatMap(({ spec }) => spec?.taints ?? []),
  ];
  if (taints.some(({ effect }) => effect === 'PreferNoSchedule')) {
    notes.push('taints with effect PreferNoSchedule are a preference and not weighed yet');
  }
  for (const name of [...families.runtimeClasses].sort()) {
    notes.push(
      `RuntimeClass ${name}: its overhead and node selector count only as far as pod specs state them`,
    );
  }
  if (roles.movedCount > 0) {
    notes.push(`${roles.movedCount} pods of nodes that are being deleted are placed anew`);
  }
  if (options.minValuesPolicy === 'BestEffort') {
    notes.push('minValues of NodePools are left aside (policy BestEffort)');
  }
  return notes;
}
