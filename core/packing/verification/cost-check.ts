/**
 * Does a plan cost what it says, and is what it says about the bound proven?
 *
 * In: the plan, the problem rebuilt from the same manifests, and which pods the plan places. Out: what
 * does not add up. Sums are compared in nano-USD, so that writing and reading decimals cannot matter.
 * Of `optimal` it is checked here that bound and cost are equal; `optimality.ts` looks for a cheaper
 * plan.
 */
import { checkCertificate } from '../certificate.ts';
import { karpenterStyleFirstFit } from '../karpenter-first-fit.ts';
import type { PackingModel } from '../packing-model.ts';
import type { Plan } from '../plan.ts';
import type { FindingList } from './findings.ts';

const nanoPerUsd = 1e9;

/** How far two gaps may be apart and still be the same number, written and read. */
const gapTolerance = 1e-9;

/** What {@link checkCost} re-computed, USD per hour. */
export interface CheckedCost {
  readonly perHour: number;
  /** What the certificate proves by itself; 0 without one. */
  readonly provenBound: number;
  /** [family of the model] pods that the plan places. */
  readonly served: readonly number[];
}

/**
 * Adds `cost-mismatch`, `gap-mismatch`, `bound-mismatch`, `bound-above-cost`, `certificate-missing`,
 * `certificate-demand-mismatch`, `first-fit-mismatch` and the codes of `checkCertificate`.
 * `isPlaced` [pod of the snapshot].
 */
export function checkCost(
  plan: Plan,
  model: PackingModel,
  isPlaced: Uint8Array,
  found: FindingList,
): CheckedCost {
  const add = (code: string, message: string): void => found.add(code, 'Plan', () => message);
  const { cost } = plan;
  const costNano = plan.nodes.reduce((sum, { pricePerHour }) => sum + toNano(pricePerHour), 0);
  if (toNano(cost.perHour) !== costNano) {
    add(
      'cost-mismatch',
      `cost.perHour is ${cost.perHour}, the nodes cost ${costNano / nanoPerUsd}`,
    );
  }
  const gap = gapOf(plan);
  const isSame =
    gap === null || cost.gap === null ? gap === cost.gap : Math.abs(gap - cost.gap) <= gapTolerance;
  if (!isSame) add('gap-mismatch', `cost.gap is ${cost.gap}, cost and bound make it ${gap}`);
  if (cost.lowerBound > cost.perHour) {
    add('bound-above-cost', `lowerBound ${cost.lowerBound} is above perHour ${cost.perHour}`);
  }
  const served = countServed(model, isPlaced);
  checkFirstFit(plan, model, served, add);
  const provenNano = proveBound(plan, model, served, add);
  checkClaim(plan, provenNano, add);
  return { perHour: costNano / nanoPerUsd, provenBound: provenNano / nanoPerUsd, served };
}

type Add = (code: string, message: string) => void;

function toNano(usd: number): number {
  return Math.round(usd * nanoPerUsd);
}

function gapOf({ cost }: Plan): number | null {
  if (cost.proof === 'unproven') return null;
  return cost.perHour === 0 ? 0 : (cost.perHour - cost.lowerBound) / cost.perHour;
}

/** [family of the model] pods that the plan places. */
function countServed(model: PackingModel, isPlaced: Uint8Array): readonly number[] {
  return model.families.map(({ pods }) => pods.reduce((sum, pod) => sum + isPlaced[pod]!, 0));
}

function checkFirstFit(
  { cost }: Plan,
  { problem, families }: PackingModel,
  served: readonly number[],
  add: Add,
): void {
  const firstFit = karpenterStyleFirstFit(problem);
  const placesAll = firstFit.unserved.every(
    (left, family) => left <= families[family]!.pods.length - served[family]!,
  );
  const expected = placesAll ? firstFit.costNano : null;
  const stated = cost.firstFitPerHour === null ? null : toNano(cost.firstFitPerHour);
  if (stated !== expected) {
    const usd = expected === null ? null : expected / nanoPerUsd;
    add('first-fit-mismatch', `firstFitPerHour is ${cost.firstFitPerHour}, first-fit costs ${usd}`);
  }
}

/** The bound that the certificate proves for the pods that are placed; 0 if it proves none. */
function proveBound(
  { certificate, cost }: Plan,
  { problem }: PackingModel,
  served: readonly number[],
  add: Add,
): number {
  if (certificate === null) {
    if (cost.proof === 'certified') add('certificate-missing', 'proof is certified, by nothing');
    return 0;
  }
  const verdict = checkCertificate(problem, certificate);
  if (!verdict.ok) {
    for (const { code, message } of verdict.reasons) add(code, message);
    return 0;
  }
  const at = served.findIndex((pods, family) => pods !== certificate.demand[family]);
  if (at >= 0) {
    const stated = certificate.demand[at];
    add('certificate-demand-mismatch', `family ${at}: ${stated} certified, ${served[at]} placed`);
    return 0;
  }
  return verdict.lowerBoundNano;
}

/** The published bound is the certificate's, to the nano; only `optimal` may say more. */
function checkClaim({ cost }: Plan, provenNano: number, add: Add): void {
  const claimed = toNano(cost.lowerBound);
  const isAsProven =
    cost.proof === 'certified'
      ? claimed === provenNano
      : cost.proof === 'optimal'
        ? claimed === toNano(cost.perHour)
        : claimed <= provenNano;
  if (!isAsProven) {
    const proven = provenNano / nanoPerUsd;
    add(
      'bound-mismatch',
      `${cost.proof} bound ${cost.lowerBound}, the certificate proves ${proven}`,
    );
  }
}
