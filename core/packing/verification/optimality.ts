/**
 * Is a plan that is called optimal the cheapest? Proven anew by exhaustion, for tiny batches.
 *
 * In: a problem, how many pods of each family the plan places, its cost, its certificate. Out: that
 * nothing is cheaper, that something is, or why that cannot be said here. The certificate's duals,
 * checked before they are believed, bound every rest of the pods; the search is `cover-search.ts`'s.
 * Nothing is shared with the solver.
 *
 * Two readings, as everywhere. If nothing is cheaper even as a bound may read the problem, the price
 * holds against any plan. If that fails, but nothing is cheaper as a plan must read it, the plan is
 * the cheapest that the model admits: it asks for whole units, and for rules to hold in any order.
 */
import { checkCertificate } from '../certificate.ts';
import { type PackingProblem, unlimitedCount, unlimitedPerBin } from '../problem.ts';
import type { Certificate } from '../solution.ts';
import {
  type Box,
  type CoverAnswer,
  CoverSearch,
  type CoverTask,
  leastOverhead,
  mostThatFit,
  priceOf,
} from './cover-search.ts';

/** Steps that one check may take over both readings: a few seconds. */
export const optimalityStepsMax = 30_000_000;

export type OptimalityCheck =
  /** No plan for these pods is cheaper. */
  | { readonly outcome: 'proven' }
  /** No plan that the packing model admits is cheaper. */
  | { readonly outcome: 'proven-in-model' }
  /** A plan at this price obeys all rules, too. */
  | { readonly outcome: 'refuted'; readonly costNano: number }
  | { readonly outcome: 'not-proven'; readonly reason: string };

/** The arrays that the plan and the bound read differently. */
type Reading = Pick<PackingProblem, 'request' | 'capacity' | 'masks' | 'conflicts'>;

/**
 * Checks that no plan for `served` [family] costs less than `costNano`. Exponential at worst, hence
 * `stepsMax`. Rules over domains, limits and counted offerings are not searched.
 */
export function checkOptimality(
  problem: PackingProblem,
  served: readonly number[],
  costNano: number,
  certificate: Certificate | null,
  stepsMax: number = optimalityStepsMax,
): OptimalityCheck {
  const obstacle = whyNotSearched(problem, served, certificate);
  if (obstacle !== undefined) return { outcome: 'not-proven', reason: obstacle };
  const { boundRequest, boundCapacity, boundMasks } = problem;
  const loose: Reading = {
    request: boundRequest,
    capacity: boundCapacity,
    masks: boundMasks,
    conflicts: new Int32Array(0),
  };
  const isExact = [
    [problem.request, boundRequest],
    [problem.capacity, boundCapacity],
    [problem.masks, boundMasks],
    [problem.conflicts, loose.conflicts],
  ].every(([plan, bound]) => plan === bound || plan!.length === 0);
  let stepsLeft = stepsMax;
  const search = (reading: Reading): CoverAnswer => {
    const task = coverTask(problem, reading, served, costNano, certificate);
    const cover = new CoverSearch(task, stepsLeft);
    const answer = cover.below(costNano);
    stepsLeft -= cover.steps;
    return answer;
  };
  const first = search(loose);
  if (first.outcome === 'none') return { outcome: 'proven' };
  const second = isExact || first.outcome === 'gave-up' ? first : search(problem);
  switch (second.outcome) {
    case 'none':
      return { outcome: 'proven-in-model' };
    case 'found':
      return { outcome: 'refuted', costNano: second.costNano };
    case 'gave-up':
      return { outcome: 'not-proven', reason: `more than ${stepsMax} steps were needed` };
  }
}

function whyNotSearched(
  problem: PackingProblem,
  served: readonly number[],
  certificate: Certificate | null,
): string | undefined {
  if (problem.domainGroups.length > 0 || problem.limits.length > 0) {
    return 'there are limits or rules over domains';
  }
  if (problem.available.some((count) => count !== unlimitedCount)) {
    return 'there are existing nodes or counted offerings';
  }
  const classes = problem.familyOf.filter((family) => served[family]! > 0);
  if (new Set(classes).size !== classes.length) return 'families are split over domains';
  if (certificate === null) return undefined;
  const isAbout = certificate.demand.every((pods, family) => pods === served[family]);
  return isAbout && checkCertificate(problem, certificate).ok
    ? undefined
    : 'the certificate does not hold for these pods';
}

/** The task for the classes that the plan places, the most valuable first. */
function coverTask(
  problem: PackingProblem,
  reading: Reading,
  served: readonly number[],
  costNano: number,
  certificate: Certificate | null,
): CoverTask {
  const resourceCount = problem.resourceNames.length;
  const valueOf = (c: number): number => certificate?.classDual[c] ?? 0;
  const classes = Array.from(problem.familyOf.keys())
    .filter((c) => served[problem.familyOf[c]!]! > 0)
    .sort((a, b) => valueOf(b) - valueOf(a) || a - b);
  const demand = Int32Array.from(classes, (c) => served[problem.familyOf[c]!]!);
  const value = Float64Array.from(classes, valueOf);
  const request = classes.map((c) =>
    reading.request.slice(c * resourceCount, (c + 1) * resourceCount),
  );
  const { foes, alone } = readConflicts(reading.conflicts, classes);
  const roomValues = (certificate?.multipliers ?? []).map((vector) =>
    Float64Array.from(vector, (amount) => amount / 2 ** certificate!.fractionBits),
  );
  const noValue = new Float64Array(resourceCount);
  const boxes = Array.from({ length: problem.offeringCount }, (_, o): Box => {
    const capacity = reading.capacity.slice(o * resourceCount, (o + 1) * resourceCount);
    const row = problem.maskOf[o]! * problem.classCount;
    const most = classes.map((c, at) => {
      const byRule = reading.masks[row + c]!;
      const pods = Math.min(
        demand[at]!,
        byRule === unlimitedPerBin ? Infinity : byRule,
        alone.has(at) ? 1 : Infinity,
      );
      return mostThatFit(request[at]!, capacity, pods);
    });
    const roomValue = roomValues[certificate?.multiplierOf[o] ?? -1] ?? noValue;
    return { price: problem.priceNano[o]!, capacity, most: Int32Array.from(most), roomValue };
  });
  const room = costNano - 1 - demand.reduce((sum, pods, at) => sum + pods * value[at]!, 0);
  const task = { demand, value, request, foes };
  const affordable = boxes.filter((box) => leastOverhead(box.price, mostWorth(task, box)) <= room);
  return { ...task, boxes: usefulBoxes(affordable) };
}

/** Conflicts by position in `classes`, and classes of which a bin holds one pod at the most. */
function readConflicts(
  conflicts: Int32Array,
  classes: readonly number[],
): { readonly foes: readonly ReadonlySet<number>[]; readonly alone: ReadonlySet<number> } {
  const foes = classes.map(() => new Set<number>());
  const alone = new Set<number>();
  for (let i = 0; i < conflicts.length; i += 2) {
    const [a, b] = [classes.indexOf(conflicts[i]!), classes.indexOf(conflicts[i + 1]!)];
    if (a < 0 || b < 0) continue;
    if (a === b) alone.add(a);
    else {
      foes[a]!.add(b);
      foes[b]!.add(a);
    }
  }
  return { foes, alone };
}

/** What the contents of a box are worth at the most, rounded. */
function mostWorth(
  { value, request }: Pick<CoverTask, 'value' | 'request'>,
  { capacity, most, roomValue }: Box,
): number {
  return most.reduce(
    (sum, pods, c) => sum + pods * Math.max(0, value[c]! - priceOf(request[c]!, roomValue)),
    priceOf(capacity, roomValue),
  );
}

/** Without boxes that hold nothing and those that another one replaces at no higher price. */
function usefulBoxes(boxes: readonly Box[]): readonly Box[] {
  const kept: Box[] = [];
  for (const box of boxes.toSorted((a, b) => a.price - b.price)) {
    const isReplaced = kept.some(
      (other) =>
        box.most.every((pods, c) => pods <= other.most[c]!) &&
        box.capacity.every((amount, r) => amount <= other.capacity[r]!),
    );
    if (!isReplaced && box.most.some((pods) => pods > 0)) kept.push(box);
  }
  return kept;
}
