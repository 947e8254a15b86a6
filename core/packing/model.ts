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
import { labelCapacityType, labelHostname, labelZone } from '../api/labels.ts';
import { type DaemonTemplate, daemonTemplates } from '../scheduling/daemonsets.ts';
import type { ClusterSnapshot } from '../state/snapshot.ts';
import { type ClassDraft, maxClassesPerFamily, splitClasses } from './class-split.ts';
import { DaemonGroups } from './daemon-groups.ts';
import { DomainCensus, type DomainFoe, domainFoes } from './domain-census.ts';
import { fitDemandToDomains, type LeftOut } from './domain-demand.ts';
import { DomainDraft } from './domain-draft.ts';
import { defaultMaxExistingGroups, type ExistingGroup } from './existing-groups.ts';
import { type ExistingNode, existingNodes } from './existing-nodes.ts';
import { closeWhereNothingFits } from './fitting.ts';
import { applyMinValues } from './min-values.ts';
import { type NewOfferings, NewOfferingsBuilder } from './new-offerings.ts';
import type {
  InstanceTypesByNodeClass,
  ModelClass,
  ModelOffering,
  ModelOptions,
  PackingModel,
  RejectedPod,
} from './packing-model.ts';
import {
  applyPlacementRules,
  type NewCandidate,
  type PlacementRow,
  type PlacementRule,
} from './placement-row.ts';
import { type Family, type PodFamilies, plannablePods, podFamilies } from './pod-families.ts';
import { isFinished, type PodRoles, podRoles } from './pod-roles.ts';
import { isWithinLimits, type PoolLimit, poolLimits } from './pool-limits.ts';
import { mentionedValues, type PoolTemplate, poolTemplates, whyIdle } from './pool-templates.ts';
import { applyPoolWeight, overflowPriceFactor } from './pool-weight.ts';
import { assembleProblem, isExisting } from './problem-assembly.ts';
import { RejectionReasons } from './rejection-reasons.ts';
import {
  podAmounts,
  type ResourceAxis,
  resourceAxis,
  unitsDown,
  unitsUp,
} from './resource-axis.ts';
import { RuleBook } from './rule-book.ts';
import { addDomainSeparation } from './rules/domain-separation.ts';
import { addDomainSpread } from './rules/domain-spread.ts';
import { hostPortQuotas, hostPortsRule } from './rules/host-ports.ts';
import { hostnameSeparationRule, hostnameSeparations } from './rules/hostname-separation.ts';
import { hostnameSpreadRule, hostnameSpreads } from './rules/hostname-spread.ts';
import { nodeSelectionRule } from './rules/node-selection.ts';
import { taintsRule } from './rules/taints.ts';
import { type NodeSharing, nodeSharing } from './shared-quotas.ts';

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

/** Pods and what they demand. */
interface Demands {
  readonly roles: PodRoles;
  readonly rejected: readonly RejectedPod[];
  readonly book: RuleBook;
  readonly daemons: readonly DaemonTemplate[];
  readonly families: PodFamilies;
  readonly axis: ResourceAxis;
  readonly requests: readonly Float64Array[];
  readonly boundRequests: readonly Float64Array[];
  /** Topology keys but the hostname, of rules of pending and of bound pods. */
  readonly topologyKeys: ReadonlySet<string>;
}

/** Places and what they offer, limited by all rules about places. */
interface Places {
  readonly templates: readonly PoolTemplate[];
  readonly offered: NewOfferings;
  readonly nodes: readonly ExistingNode[];
  readonly limits: readonly PoolLimit[];
  /** Candidates within limits and minValues. */
  readonly candidates: readonly NewCandidate[];
  /** Rows that pods can be placed in. */
  readonly rows: readonly PlacementRow[];
  /** [template] */
  readonly setBack: Uint8Array;
  readonly notes: readonly string[];
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
  typesOf: InstanceTypesByNodeClass,
  options: ModelOptions = {},
): PackingModel {
  const demands = readDemands(snapshot, options);
  const places = readPlaces(snapshot, typesOf, demands, options);
  const { families } = demands.families;
  const draft = new DomainDraft(places.rows, families.length);
  const census = new DomainCensus(places.nodes, places.offered.rows);
  addDomainRules(draft, families, census, domainFoes(places.nodes, demands.book));

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
  const assembly = assembleProblem({
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
    notes: [...new Set([...notesOf(demands, options), ...places.notes, ...draft.notes])],
  };
}

function readDemands(snapshot: ClusterSnapshot, options: ModelOptions): Demands {
  const roles = podRoles(snapshot);
  const book = new RuleBook(snapshot.namespaceLabels);
  const plannable = plannablePods(snapshot, roles.pending, book);
  const daemons = daemonTemplates(snapshot.daemonSets, snapshot.pods);
  for (const { spec, namespace, labels } of daemons) {
    book.carried(spec, namespace, labels);
  }
  const topologyKeys = new Set<string>();
  for (const indices of roles.placed.values()) {
    for (const index of indices) {
      const pod = snapshot.pods[index]!;
      if (!isFinished(pod)) {
        const { separations } = book.carried(pod.spec, pod.namespace, pod.labels);
        separations.forEach(({ rule }) => topologyKeys.add(rule.topologyKey));
      }
    }
  }
  const launching = snapshot.nodePools.filter((pool) => whyIdle(pool) === undefined);
  const isScarce =
    options.maxNodes !== undefined ||
    launching.length === 0 ||
    launching.some(({ spec }) => Object.keys(spec.limits ?? {}).length > 0);
  const families = podFamilies(snapshot, plannable.pods, book, isScarce);
  for (const { rules } of families.families) {
    [...rules.spreads, ...rules.separations].forEach(({ rule }) =>
      topologyKeys.add(rule.topologyKey),
    );
  }
  topologyKeys.delete(labelHostname);
  const axis = resourceAxis(families.families.map(({ requests }) => requests));
  const amounts = families.families.map(({ requests }) => podAmounts(axis, requests));
  const requests = amounts.map((one) => unitsUp(axis, one));
  const boundRequests = amounts.map((one, family) => {
    const down = unitsDown(axis, one);
    return down.every((units, r) => units === requests[family]![r]) ? requests[family]! : down;
  });
  const { rejected } = plannable;
  return { roles, rejected, book, daemons, families, axis, requests, boundRequests, topologyKeys };
}

function readPlaces(
  snapshot: ClusterSnapshot,
  typesOf: InstanceTypesByNodeClass,
  demands: Demands,
  options: ModelOptions,
): Places {
  const { families: podFamiliesFound, topologyKeys, axis, book, daemons, roles } = demands;
  const { families, selections } = podFamiliesFound;
  const pools = poolTemplates(
    snapshot.nodePools,
    typesOf,
    mentionedValues(selections, topologyKeys),
  );
  const { templates } = pools;
  const daemonGroups = new DaemonGroups(daemons, axis, book);
  const shared = { families: podFamiliesFound, daemons, daemonGroups, axis, topologyKeys };
  const zoneIds = options.zoneIds ?? new Map();
  const { nodeClasses } = snapshot;
  const offered = new NewOfferingsBuilder({ ...shared, templates, nodeClasses, zoneIds }).build();
  const { placed, leavingNodes } = roles;
  const firstRow = offered.rows.length;
  const nodes = existingNodes({
    ...shared,
    snapshot,
    placed,
    leavingNodes,
    book,
    typesOf,
    firstRow,
  });
  const openNodes = nodes.filter(({ open }) => open);
  const rows = [...offered.rows, ...openNodes.map(({ row }) => row)];
  applyPlacementRules(rows, families, placementRules);
  const limits = poolLimits(templates, nodes);
  const within = offered.candidates.filter((candidate) => isWithinLimits(candidate, limits));
  const addRow = (like: PlacementRow, rowLimits: Uint16Array): PlacementRow => {
    const row = {
      ...like,
      index: rows.length,
      limits: rowLimits,
      boundLimits: like.boundLimits.slice(),
    };
    rows.push(row);
    return row;
  };
  const isStrict = options.minValuesPolicy !== 'BestEffort';
  const byTemplate = Map.groupBy(within, ({ template }) => template);
  const candidates = isStrict
    ? [...byTemplate].flatMap(([template, own]) =>
        applyMinValues(template, own, families, demands.boundRequests, addRow),
      )
    : within;
  closeWhereNothingFits(rows, candidates, openNodes, demands.requests, demands.boundRequests);
  const setBack = applyPoolWeight(rows, templates, families, countedKeys(families));
  return { templates, offered, nodes, limits, candidates, rows, setBack, notes: pools.notes };
}

/** Topology keys (but the hostname) of rules that a family carries or is counted by. */
function countedKeys(families: readonly Family[]): (family: Family) => readonly string[] {
  const keysOfScope = new Map<number, Set<string>>();
  for (const { rules } of families) {
    for (const { rule, scope } of [...rules.spreads, ...rules.separations]) {
      if (rule.topologyKey !== labelHostname) {
        keysOfScope.set(scope, (keysOfScope.get(scope) ?? new Set()).add(rule.topologyKey));
      }
    }
  }
  return ({ rules, scopes }) => {
    const own = [...rules.spreads, ...rules.separations].map(({ rule }) => rule.topologyKey);
    const counted = [...scopes].flatMap((scope) => [...(keysOfScope.get(scope) ?? [])]);
    return [...new Set([...own, ...counted])].filter((key) => key !== labelHostname).sort();
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
  const { template, type, zone, capacityType, priceNano } = candidate;
  const risk = options.riskNano?.({ instanceType: type.name, zone, capacityType, priceNano }) ?? 0;
  const overflow = priceNano * overflowPriceFactor * setBack[template.index]!;
  return Math.round((options.nodeCostNano ?? 0) + risk + overflow);
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
  const { template, type, zone, capacityType, priceNano, daemonSets } = offering;
  return {
    kind: 'new',
    nodePool: template.name,
    nodeClass: template.nodeClass,
    instanceType: type.name,
    zone,
    capacityType,
    priceNano,
    chosenLabels: template.chosenLabels,
    daemonSets,
    type,
  };
}

function notesOf({ families, roles }: Demands, options: ModelOptions): string[] {
  const notes = [...families.preferences]
    .sort()
    .map((kind) => `${kind} is a preference and not weighed yet`);
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
