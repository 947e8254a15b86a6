/**
 * Is a plan true for these manifests? Judged from first principles.
 *
 * In: a snapshot, the instance types of its node classes, a plan as read from a file, and the packing
 * model rebuilt from the same manifests. Out: everything that does not hold. Every rule is evaluated
 * on pods and nodes as they are written, in exact amounts (bytes, millicores); the packing model
 * serves only to re-check the certificate, which speaks of its indices. It knows no solver.
 *
 * What it cannot know: the wording of reasons, and whether a pod that was left out might have fitted.
 * That a plan is `optimal` is proven anew where its certificate does not say so, if the batch is tiny.
 */
import { daemonTemplates } from '../scheduling/daemonsets.ts';
import { amountOf } from '../scheduling/quantity.ts';
import type { Resources } from '../scheduling/resources.ts';
import type { ClusterSnapshot, SnapshotPod } from '../state/snapshot.ts';
import type { InstanceTypesOfPool, PackingModel } from './packing-model.ts';
import type { Plan, PlannedNode, PlannedOffering } from './plan.ts';
import { checkCost } from './verification/cost-check.ts';
import { FindingList, type PlanFinding } from './verification/findings.ts';
import { DomainReach, NodeBuilder } from './verification/node-builder.ts';
import {
  labelsText,
  type OfferedNode,
  OfferedNodes,
  type OfferingName,
} from './verification/offered-nodes.ts';
import { checkOptimality, type OptimalityCheck } from './verification/optimality.ts';
import { PairRules } from './verification/pair-rules.ts';
import { countKinds, type KindCounts, PodKinds, sumRequests } from './verification/pod-kinds.ts';
import { missingMinValues, PoolBudgets } from './verification/pool-rules.ts';
import { checkReservations } from './verification/reservation-counts.ts';
import { callRoll, type RollCall } from './verification/roll-call.ts';
import { findSiteProblems, type Site } from './verification/sites.ts';
import { readStanding, type Standing } from './verification/standing-nodes.ts';

/** What a plan is checked against. */
export interface VerifyPlanInput {
  readonly snapshot: ClusterSnapshot;
  /** Types of a pool, as for `buildModel`. */
  readonly typesOf: InstanceTypesOfPool;
  /** Zone name -> zone id, as for `buildModel`. */
  readonly zoneIds: ReadonlyMap<string, string>;
  readonly plan: Plan;
  /** `buildModel` of the same snapshot with the options that the plan was made with. */
  readonly model: PackingModel;
  /** `BestEffort`: minValues are not held against the plan. */
  readonly minValuesPolicy?: 'Strict' | 'BestEffort';
}

/** What was found, and the figures that were re-computed. */
export interface PlanVerdict {
  readonly findings: readonly PlanFinding[];
  /** How many more there are than `findings` lists. */
  readonly omitted: number;
  /** USD per hour of the planned nodes. */
  readonly perHour: number;
  /** USD per hour that the certificate proves by itself; 0 without one. */
  readonly provenBound: number;
  /** Whether a sound plan that calls itself optimal on more than its certificate is so. */
  readonly optimality: UnrefutedOptimality | undefined;
}

/** What can be said of an optimal plan; one that is not has a finding. */
export type UnrefutedOptimality = Exclude<OptimalityCheck, { readonly outcome: 'refuted' }>;

/**
 * Checks the plan of `input`.
 *
 * Codes, by what they are about. Pods: `unknown-pod`, `pod-repeated`, `pod-missing`,
 * `pod-not-pending`, `pod-misplaced`, `reason-missing`. Nodes: `name-repeated`, `empty-node`,
 * `unknown-node`, `node-repeated`, `node-closed`, `bad-offering`, `price-mismatch`,
 * `requests-mismatch`, `allocatable-mismatch`, `node-selection`, `label-conflict`, `taint`,
 * `host-port`, `over-allocatable`, `anti-affinity`, `topology-spread`. Substitutes:
 * `bad-substitute`, `substitute-price-mismatch`. NodePools: `pool-limit`, `min-values`.
 * Reservations: `reservation-count`. Cost and
 * bound: `not-optimal`, and see `checkCost`. Time: O(pods + nodes x (kinds on them + substitutes)), work on alike nodes
 * done once, plus rules x nodes they touch, plus at most `optimalityStepsMax` steps.
 */
export function verifyPlan(input: VerifyPlanInput): PlanVerdict {
  const found = new FindingList();
  const { snapshot, typesOf, plan } = input;
  const standing = readStanding(snapshot, typesOf);
  const roll = callRoll(snapshot, standing, plan, found);
  new NodeReview(input, standing, found).review(roll);
  const { served, ...cost } = checkCost(plan, input.model, roll.isPlaced, found);
  const rests = plan.cost.proof === 'optimal' && cost.provenBound < cost.perHour;
  const isSound = found.items.length === 0;
  const optimality = rests && isSound ? proveOptimal(input, served, found) : undefined;
  return { findings: found.items, omitted: found.omitted, ...cost, optimality };
}

function proveOptimal(
  { plan, model }: VerifyPlanInput,
  served: readonly number[],
  found: FindingList,
): UnrefutedOptimality | undefined {
  const costNano = Math.round(plan.cost.perHour * 1e9);
  const check = checkOptimality(model.problem, served, costNano, plan.certificate);
  if (check.outcome !== 'refuted') return check;
  const usd = check.costNano / 1e9;
  found.add('not-optimal', 'Plan', () => `called optimal, but ${usd} per hour is enough`);
  return undefined;
}

/** A planned node that the pool does launch, with its pods. */
interface LaunchedNode {
  readonly stated: PlannedNode;
  readonly node: OfferedNode;
  readonly site: Site;
  /** Equal for nodes of one pool and offering with alike pods. */
  readonly text: string;
}

/** Everything about nodes: one by one, between them, and per pool. */
class NodeReview {
  readonly #input: VerifyPlanInput;
  readonly #standing: Standing;
  readonly #found: FindingList;
  readonly #kinds: PodKinds;
  readonly #offered: OfferedNodes;
  readonly #builder: NodeBuilder;
  /** Nodes like these have been found to hold their pods. */
  readonly #sound = new Set<string>();

  constructor(input: VerifyPlanInput, standing: Standing, found: FindingList) {
    const { snapshot, typesOf, zoneIds } = input;
    const { nodePools, nodeClasses, daemonSets, pods, namespaceLabels } = snapshot;
    this.#input = input;
    this.#standing = standing;
    this.#found = found;
    this.#kinds = new PodKinds(namespaceLabels);
    this.#offered = new OfferedNodes({ nodePools, nodeClasses, typesOf, zoneIds });
    this.#builder = new NodeBuilder(this.#kinds, daemonTemplates(daemonSets, pods));
  }

  review(roll: RollCall): void {
    const { plan, snapshot } = this.#input;
    this.#checkNames(plan.nodes);
    const launched = plan.nodes.flatMap((node, at) => this.#readNew(node, roll.onNew[at]!) ?? []);
    const existing = this.#readExisting(roll);
    const sites = [...launched.map(({ site }) => site), ...existing];
    const reach = new DomainReach(this.#offered, this.#builder);
    const pairs = new PairRules(sites, (kind, key) => reach.of(kind, key));
    pairs.check(this.#found);
    const planned = launched.map(({ node }) => node);
    const budgets = new PoolBudgets(snapshot.nodePools, this.#standing.nodes.values(), planned);
    budgets.check(planned, this.#found);
    checkReservations(this.#standing.nodes.values(), planned, this.#found);
    for (const one of launched) {
      this.#checkSubstitutes(one, pairs, budgets);
      this.#checkMinValues(one);
    }
  }

  #checkNames(nodes: readonly PlannedNode[]): void {
    const taken = new Set(this.#input.snapshot.nodes.map(({ metadata }) => metadata.name ?? ''));
    for (const { name } of nodes) {
      if (taken.has(name)) this.#add('name-repeated', name, 'has the name of another node');
      taken.add(name);
    }
  }

  #readNew(stated: PlannedNode, pods: readonly SnapshotPod[]): LaunchedNode | undefined {
    const { name, nodePool, labels } = stated;
    const node = this.#offered.find(nodePool, stated, labels);
    if (typeof node === 'string') {
      this.#add('bad-offering', name, node);
      return undefined;
    }
    this.#checkPrice(stated, node, 'price-mismatch', name);
    const placed = countKinds(this.#kinds, pods);
    this.#checkAmounts('requests', stated, sumRequests(placed));
    this.#checkAmounts('allocatable', stated, node.type.allocatable);
    const site = this.#builder.launch(name, node, placed);
    const chosen = labelsText(labels ?? {});
    const text = `${nodePool} ${offeringText(stated)} ${chosen} ${contentsText(placed)}`;
    this.#onceFor(`node ${text}`, () => {
      const problems = findSiteProblems(site, node.type.allocatable);
      for (const { code, message } of problems) this.#add(code, name, message);
      return problems.length === 0;
    });
    return { stated, node, site, text };
  }

  /** All nodes that stay: those without newcomers matter to rules between nodes. */
  #readExisting(roll: RollCall): readonly Site[] {
    return [...this.#standing.nodes.values()].map((node) => {
      const site = this.#builder.extend(node, roll.onExisting.get(node.name) ?? []);
      for (const { code, message } of findSiteProblems(site, node.allocatable)) {
        this.#add(code, node.name, message);
      }
      return site;
    });
  }

  #checkSubstitutes(
    { stated, node, site, ...known }: LaunchedNode,
    pairs: PairRules,
    budgets: PoolBudgets,
  ) {
    const { name, nodePool, labels, substitutes } = stated;
    const seen = new Set([offeringText(stated)]);
    let lastPrice = 0;
    for (const substitute of substitutes) {
      const text = offeringText(substitute);
      const refuse = (why: string): void => this.#add('bad-substitute', name, `${text}: ${why}`);
      if (seen.has(text)) refuse('is the node itself or listed before');
      seen.add(text);
      if (substitute.pricePerHour < lastPrice) refuse('is cheaper than the one before it');
      lastPrice = substitute.pricePerHour;
      const other = this.#offered.find(nodePool, substitute, labels);
      if (typeof other === 'string') {
        refuse(other);
        continue;
      }
      this.#checkPrice(substitute, other, 'substitute-price-mismatch', name);
      if (!budgets.allowsSwap(node, other)) refuse('exceeds a limit of the NodePool');
      this.#onceFor(`substitute ${known.text} by ${text}`, () => {
        const [problem] = this.#builder.problemsOf(other, site.placed);
        const moved = { ...site.settled, ...other.labels.fixed };
        const why = problem?.message ?? pairs.findBreachByMove(site, moved);
        if (why !== undefined) refuse(why);
        return why === undefined;
      });
    }
  }

  #checkMinValues({ stated, node, site, text }: LaunchedNode): void {
    const { name, nodePool } = stated;
    if (this.#input.minValuesPolicy === 'BestEffort') return;
    const requirements = this.#offered.requirementsOf(nodePool);
    this.#onceFor(`choice ${text}`, () => {
      const missing = missingMinValues(
        requirements,
        this.#choiceFor(node, stated.labels, site.placed),
      );
      if (missing === undefined) return true;
      const { key, wanted, has } = missing;
      this.#add(
        'min-values',
        name,
        `${has} values of ${key} hold its pods, minValues is ${wanted}`,
      );
      return false;
    });
  }

  /** Nodes of the same pool with the same labels that hold the pods. */
  *#choiceFor(
    node: OfferedNode,
    labels: PlannedNode['labels'],
    placed: KindCounts,
  ): Generator<OfferedNode> {
    yield node;
    for (const other of this.#offered.allOf(node.pool.metadata.name ?? '', labels)) {
      if (this.#builder.problemsOf(other, placed).length === 0) yield other;
    }
  }

  #checkPrice(
    stated: PlannedOffering,
    { offering }: OfferedNode,
    code: string,
    name: string,
  ): void {
    const price = offering.priceNanoUsdPerHour;
    if (Math.round(stated.pricePerHour * 1e9) === price) return;
    const text = offeringText(stated);
    this.#add(code, name, `${text} costs ${price / 1e9}, the plan says ${stated.pricePerHour}`);
  }

  #checkAmounts(what: 'requests' | 'allocatable', node: PlannedNode, known: Resources): void {
    const stated = node[what];
    for (const resource of new Set([...Object.keys(stated), ...Object.keys(known)])) {
      const amount = known[resource] ?? 0;
      if (amountOf(resource, stated[resource] ?? '0') === amount) continue;
      const message = `${what} of ${resource} are ${amount}, the plan says ${stated[resource]}`;
      this.#add(`${what}-mismatch`, node.name, message);
    }
  }

  /** Skips `check` if it has succeeded before for what `text` stands for. */
  #onceFor(text: string, check: () => boolean): void {
    if (!this.#sound.has(text) && check()) this.#sound.add(text);
  }

  #add(code: string, node: string, message: string): void {
    this.#found.add(code, `Node ${node}`, () => message);
  }
}

function offeringText({ instanceType, zone, capacityType, reservationId }: OfferingName): string {
  const place = `${instanceType} ${zone} ${capacityType}`;
  return reservationId === undefined ? place : `${place} ${reservationId}`;
}

function contentsText(placed: KindCounts): string {
  return Array.from(placed, ([{ id }, pods]) => `${id}x${pods}`)
    .sort()
    .join();
}
