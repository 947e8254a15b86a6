/**
 * Why a node is there: what it was launched for, why this type, what it costs, how full it is.
 *
 * In: what is known, the name of a node or of a NodeClaim. Out: its state in a sentence, its claim,
 * the plan behind it, its pods, the decisions about it. O(pods of the node), or O(pods of the
 * cluster) for a claim without a node.
 */
import type { Live } from '../api/kinds.ts';
import { disruptedTaint } from '../api/labels.ts';
import { plannedOn } from '../provisioning/nominations.ts';
import { offeredResources } from '../scheduling/quantity.ts';
import type { NodeUsage } from '../state/node-usage.ts';
import { podKey } from '../state/snapshot.ts';
import type { DecisionEntry } from './decisions.ts';
import type { ClaimExplanation, NodeExplanation } from './explanation.ts';
import {
  claimOfNode,
  decisionLines,
  type ExplainFacts,
  explainClaim,
  explainPlan,
  progressOf,
} from './subject.ts';

/** Pods that are named. */
export const podsNamedMax = 50;
const permille = 1_000;

/** Undefined if there is neither a node nor a claim of that name. */
export function explainNode(facts: ExplainFacts, name: string): NodeExplanation | undefined {
  const { view } = facts;
  const named = view.get('Node', { name });
  const found = named === undefined ? view.get('NodeClaim', { name }) : claimOfNode(view, named);
  const node = named ?? (found === undefined ? undefined : nodeOf(facts, found));
  if (node === undefined && found === undefined) return undefined;
  const claim = found === undefined ? null : explainClaim(facts, found);
  const usage = node === undefined ? undefined : view.usageOf(node.metadata.name);
  const pods = podsOf(facts, found, usage);
  const about = entriesAbout(facts, node, found);
  return {
    kind: 'Node',
    name: node?.metadata.name ?? name,
    summary: summaryOf(facts, node, claim),
    claim,
    plan: explainPlan([...about, ...plansFor(facts, claim)]),
    requested: node === undefined || usage === undefined ? null : sharesOf(node, usage),
    podCount: pods.length,
    pods: pods.slice(0, podsNamedMax),
    decisions: decisionLines(about),
  };
}

function nodeOf({ view }: ExplainFacts, claim: Live<'NodeClaim'>): Live<'Node'> | undefined {
  const { nodeName = '', providerID = '' } = claim.status ?? {};
  return view.get('Node', { name: nodeName }) ?? view.nodeByProviderID(providerID);
}

/** Pods on the node, or while there is none those that it is to hold. */
function podsOf(
  { view, nowMs }: ExplainFacts,
  claim: Live<'NodeClaim'> | undefined,
  usage: NodeUsage | undefined,
): readonly string[] {
  if (usage !== undefined) return Array.from(usage.pods.values(), podKey).sort();
  if (claim === undefined) return [];
  const pods = [...plannedOn(claim, nowMs)].flatMap((uid) => view.podByUid(uid) ?? []);
  return pods.map(podKey).sort();
}

function entriesAbout(
  { decisions }: ExplainFacts,
  node: Live<'Node'> | undefined,
  claim: Live<'NodeClaim'> | undefined,
): readonly DecisionEntry[] {
  const ofKind = (
    kind: 'Node' | 'NodeClaim',
    object: Live<'Node'> | Live<'NodeClaim'> | undefined,
  ) =>
    object === undefined
      ? []
      : decisions.about({ kind, name: object.metadata.name }, object.metadata.uid);
  return [...ofKind('Node', node), ...ofKind('NodeClaim', claim)];
}

/** Decisions about the pods that it was planned for carry the plan. */
function plansFor(
  { decisions }: ExplainFacts,
  claim: ClaimExplanation | null,
): readonly DecisionEntry[] {
  if (claim === null) return [];
  return decisions
    .mentioning({ kind: 'NodeClaim', name: claim.name })
    .filter(({ record }) => record.outcome === 'planned');
}

function summaryOf(
  { nowMs }: ExplainFacts,
  node: Live<'Node'> | undefined,
  claim: ClaimExplanation | null,
): string {
  if (claim === null) return 'It was not launched by a NodeClaim: it is used, but never removed.';
  const price = claim.usdPerHour === null ? '' : ` for ${claim.usdPerHour.toFixed(4)} USD per hour`;
  const pool = claim.nodePool === null ? '' : ` of NodePool ${claim.nodePool}`;
  const what = `${claim.instanceType ?? 'A node'}${pool}${price}: ${progressOf(claim, nowMs)}`;
  const isDraining = node?.spec?.taints?.some(({ key }) => key === disruptedTaint.key) === true;
  if (isDraining) return `${what}; it is being drained.`;
  const held = claim.reservation;
  if (held === null) return `${what}.`;
  const pods = held.pods === 1 ? '1 pod' : `${held.pods} pods`;
  return `${what}; held for ${pods} until ${held.until}.`;
}

/** Shares with three digits, of the resources that anybody has requested there. */
function sharesOf(node: Live<'Node'>, usage: NodeUsage): Readonly<Record<string, number>> {
  const allocatable = offeredResources(node.status?.allocatable ?? {});
  const requested = new Map([...usage.requested, ['pods', usage.activeCount]]);
  const shares = [...requested].flatMap(([resource, amount]) => {
    const offered = allocatable[resource] ?? 0;
    return offered === 0
      ? []
      : [[resource, Math.round((amount * permille) / offered) / permille] as const];
  });
  return Object.fromEntries(shares.sort(([a], [b]) => (a < b ? -1 : 1)));
}
