/**
 * What every explanation starts from, and the parts that pods and nodes have in common.
 *
 * In: the live view, the decisions remembered, prices, the time. Out: a claim in words, the plan that
 * a decision came from, decisions as lines. It decides nothing and changes nothing.
 */
import { conditionOf } from '../api/conditions.ts';
import type { Live } from '../api/kinds.ts';
import { labelCapacityType, labelInstanceType, labelNodePool, labelZone } from '../api/labels.ts';
import type { DecisionRecord } from '../ports.ts';
import { offeringsOf } from '../scheduling/claim-offerings.ts';
import { reservationOf } from '../scheduling/reservation-record.ts';
import type { ClusterView } from '../state/view.ts';
import type { DecisionEntry, DecisionIndex } from './decisions.ts';
import type { ClaimExplanation, ClaimStep, DecisionLine, PlanExplanation } from './explanation.ts';

/** What is known when the question comes. */
export interface ExplainFacts {
  readonly view: ClusterView;
  readonly decisions: DecisionIndex;
  /** Nano-USD per hour of a node with these labels; undefined if that is not known. */
  readonly priceOf: (labels: Readonly<Record<string, string>>) => number | undefined;
  readonly nowMs: number;
}

const nanoPerUsd = 1e9;
const alternativesMax = 5;
export const decisionLinesMax = 20;
const conditionSteps = ['Launched', 'Registered', 'Initialized'] as const;

/** The claim that has this node, by name or by instance. */
export function claimOfNode(view: ClusterView, node: Live<'Node'>): Live<'NodeClaim'> | undefined {
  return (
    view.claimByNodeName(node.metadata.name) ?? view.claimByProviderID(node.spec?.providerID ?? '')
  );
}

export function explainClaim(
  { priceOf, nowMs }: ExplainFacts,
  claim: Live<'NodeClaim'>,
): ClaimExplanation {
  const { name, labels = {}, annotations } = claim.metadata;
  const offerings = offeringsOf(annotations);
  const [first] = offerings;
  // Until it is launched the labels may name several choices, or none: the plan's comes first.
  const chosen = {
    [labelInstanceType]: labels[labelInstanceType] ?? first?.instanceType,
    [labelZone]: labels[labelZone] ?? first?.zone,
    [labelCapacityType]: labels[labelCapacityType] ?? first?.capacityType,
  };
  const priceNano = priceOf(definedOnly(chosen));
  const others = offerings.filter(
    ({ instanceType, zone, capacityType }) =>
      instanceType !== chosen[labelInstanceType] ||
      zone !== chosen[labelZone] ||
      capacityType !== chosen[labelCapacityType],
  );
  const reservation = reservationOf(annotations);
  const isHeld = reservation !== undefined && nowMs < reservation.expiresAtMs;
  return {
    name,
    nodePool: labels[labelNodePool] ?? null,
    nodeName: claim.status?.nodeName ?? null,
    providerID: claim.status?.providerID ?? null,
    instanceType: chosen[labelInstanceType] ?? null,
    zone: chosen[labelZone] ?? null,
    capacityType: chosen[labelCapacityType] ?? null,
    usdPerHour: priceNano === undefined ? null : priceNano / nanoPerUsd,
    steps: stepsOf(claim),
    alternatives: others
      .slice(0, alternativesMax)
      .map(({ instanceType, zone, capacityType }) => `${instanceType}/${zone}/${capacityType}`),
    reservation: isHeld
      ? { pods: reservation.owners.size, until: timeOf(reservation.expiresAtMs) }
      : null,
  };
}

/** The first step that is not done, with the last that is; for sentences. */
export function progressOf(claim: ClaimExplanation, nowMs: number): string {
  const { steps } = claim;
  const deleted = steps.find(({ step }) => step === 'Deleted');
  if (deleted !== undefined) return 'it is being deleted';
  const next = steps.find(({ status }) => status !== 'done');
  const done = steps.findLast(({ status }) => status === 'done');
  const since = typeof done?.at === 'string' ? ` ${agoOf(nowMs - Date.parse(done.at))}` : '';
  const past = `${(done?.step ?? 'Created').toLowerCase()}${since}`;
  if (next === undefined) return past;
  const why = next.message === '' ? '' : `: ${next.message}`;
  return next.status === 'failed'
    ? `${past}, then it failed${why}`
    : `${past}, not yet ${next.step.toLowerCase()}${why}`;
}

/** The plan of the last decision that names one. */
export function explainPlan(entries: readonly DecisionEntry[]): PlanExplanation | null {
  const planned = entries.find(({ record }) => numberOf(record, 'planUsdPerHour') !== null);
  if (planned === undefined) return null;
  const { record, firstMs } = planned;
  const usdPerHour = numberOf(record, 'planUsdPerHour');
  const lowerBoundUsdPerHour = numberOf(record, 'lowerBoundUsdPerHour');
  const isProven = record.details?.['isProven'];
  const isBounded = isProven !== false && usdPerHour !== null && lowerBoundUsdPerHour !== null;
  const gap = !isBounded
    ? null
    : usdPerHour === 0
      ? 0
      : Math.max(0, (usdPerHour - lowerBoundUsdPerHour) / usdPerHour);
  return {
    decidedAt: timeOf(firstMs),
    usdPerHour,
    lowerBoundUsdPerHour,
    gap,
    isProven: typeof isProven === 'boolean' ? isProven : null,
  };
}

/** Newest first, bounded. */
export function decisionLines(entries: readonly DecisionEntry[]): readonly DecisionLine[] {
  return entries
    .toSorted((a, b) => b.record.timeMs - a.record.timeMs)
    .slice(0, decisionLinesMax)
    .map(({ record, firstMs, count }) => {
      const { kind, namespace, name } = record.subject;
      return {
        at: timeOf(record.timeMs),
        since: timeOf(firstMs),
        count,
        actor: record.actor,
        about: `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`,
        outcome: record.outcome,
        reason: record.reason,
      };
    });
}

/** `34 s`, `5 min`, `3 h`, `2 d`. */
export function spanOf(durationMs: number): string {
  const seconds = Math.max(0, Math.round(durationMs / 1_000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} d`;
}

export function agoOf(durationMs: number): string {
  return `${spanOf(durationMs)} ago`;
}

function stepsOf(claim: Live<'NodeClaim'>): readonly ClaimStep[] {
  const { creationTimestamp, deletionTimestamp } = claim.metadata;
  const steps: ClaimStep[] = [
    { step: 'Created', status: 'done', at: creationTimestamp, message: '' },
  ];
  for (const step of conditionSteps) {
    const condition = conditionOf(claim, step);
    const isDone = condition?.status === 'True';
    const message = isDone ? '' : (condition?.message ?? '');
    steps.push({
      step,
      status: isDone ? 'done' : condition?.status === 'False' ? 'failed' : 'open',
      at: condition?.status === 'Unknown' ? null : (condition?.lastTransitionTime ?? null),
      message,
    });
  }
  if (deletionTimestamp !== undefined) {
    steps.push({ step: 'Deleted', status: 'open', at: deletionTimestamp, message: '' });
  }
  return steps;
}

function numberOf({ details }: DecisionRecord, key: string): number | null {
  const value = details?.[key];
  return typeof value === 'number' ? value : null;
}

function definedOnly(
  labels: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(labels).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
