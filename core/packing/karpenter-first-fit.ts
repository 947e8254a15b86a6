/**
 * What price-blind first-fit would have cost: packing the way Karpenter does.
 *
 * In: a problem. Out: bins, what they cost, and pods without a place. Pods go by cpu, then memory,
 * both descending (Karpenter's `scheduling/queue.go`; priority plays no part). Existing nodes fill
 * first. A pod joins the first open bin that some offering would still hold, so bins grow towards
 * the largest offering; only at the end is each bin given the cheapest offering that holds it.
 *
 * It differs from the original where the problem does not tell enough: a bin may end in any
 * NodePool that admits its pods, and bins are tried in the order of their opening instead of fewest
 * pods first. Counts and limits are met at the end; pods of bins that cannot be opened then are
 * unserved, and rules over domains may be broken by their absence.
 */
import { BinBudget } from './bin-budget.ts';
import { type ClassNeeds, mostByMask, tabulateNeeds } from './class-needs.ts';
import { placeFamilies } from './family-placement.ts';
import { type FirstFitPlan, holds } from './first-fit.ts';
import { listExisting, type OfferingTable, tabulateOfferings } from './offering-table.ts';
import {
  countIn,
  type FilledBin,
  meetsFoe,
  mergeBins,
  type OpenBin,
  OpenBins,
  type Room,
} from './open-bins.ts';
import type { PackingProblem } from './problem.ts';

/** A bin whose offering is still open: anything that holds its contents. */
interface FlexibleBin extends OpenBin {
  /** [resource] what one copy holds. */
  readonly load: Float64Array;
  /** The existing offering that it is; -1 for a new bin. */
  readonly existing: number;
  /** Positions that may still hold it, ascending; filtered when they are scanned. */
  options: Int32Array;
  /** A position known to hold the contents. */
  witness: number;
  /** [resource] no option has more. */
  reach: Float64Array;
}

/**
 * The plan of price-blind first-fit; compare its cost only if `unserved` is all zero.
 *
 * Time: O(families x open bins x offerings that still hold them x resources).
 */
export function karpenterStyleFirstFit(problem: PackingProblem): FirstFitPlan {
  const resourceCount = problem.resourceNames.length;
  const table = tabulateOfferings(problem, problem.priceNano);
  const needs = tabulateNeeds(problem);
  const bins = new OpenBins<FlexibleBin>(problem.classCount, flexibleRoom(problem, table, needs));
  for (const existing of listExisting(problem)) {
    const row = existing * resourceCount;
    bins.list.push({
      copies: problem.available[existing]!,
      classes: [],
      counts: [],
      load: new Float64Array(resourceCount),
      existing,
      options: new Int32Array(0),
      witness: -1,
      reach: problem.capacity.slice(row, row + resourceCount),
    });
  }
  const openings = Array.from<Opening | undefined>({ length: problem.classCount });
  const unserved = placeFamilies(problem, orderFamilies(problem), openRank(problem), {
    place(c, pods) {
      let left = pods - bins.join(c, pods);
      if (left === 0) return pods;
      const opening = (openings[c] ??= findOpening(problem, table, needs, c));
      if (opening.fit === 0) return pods - left;
      while (left > 0) {
        const perBin = Math.min(opening.fit, left);
        const copies = Math.floor(left / perBin);
        const bin = {
          copies,
          classes: [],
          counts: [],
          load: new Float64Array(resourceCount),
          existing: -1,
          options: opening.options,
          witness: opening.witness,
          reach: opening.reach,
        };
        bins.list.push(bin);
        bins.put(bin, c, perBin);
        left -= copies * perBin;
      }
      return pods;
    },
  });
  return settle(problem, table, bins.list, unserved);
}

/** Families by cpu, then memory of a pod, both descending, then index. */
function orderFamilies(problem: PackingProblem): readonly number[] {
  const resourceCount = problem.resourceNames.length;
  const amounts = (name: string): Float64Array => {
    const r = problem.resourceNames.indexOf(name);
    const amountOf = new Float64Array(problem.familyCount);
    if (r < 0) return amountOf;
    problem.familyOf.forEach((family, c) => {
      amountOf[family] = Math.max(amountOf[family]!, problem.request[c * resourceCount + r]!);
    });
    return amountOf;
  };
  const cpu = amounts('cpuMilli');
  const memory = amounts('memoryMiB');
  return Array.from(cpu.keys()).sort(
    (a, b) => cpu[b]! - cpu[a]! || memory[b]! - memory[a]! || a - b,
  );
}

/** Between equally filled domains the class with the lower index goes first: price is not asked. */
function openRank(problem: PackingProblem): Float64Array {
  return new Float64Array(problem.classCount);
}

/** How a bin for one class begins. */
interface Opening {
  readonly options: Int32Array;
  readonly witness: number;
  readonly fit: number;
  readonly reach: Float64Array;
}

function findOpening(
  problem: PackingProblem,
  table: OfferingTable,
  needs: ClassNeeds,
  c: number,
): Opening {
  const resourceCount = problem.resourceNames.length;
  const reach = new Float64Array(resourceCount);
  const load = new Float64Array(resourceCount);
  const options: number[] = [];
  let witness = -1;
  let fit = 0;
  for (let position = 0; position < table.count; position++) {
    const most = fitAt(problem, table, needs, position, c, load, 0);
    if (most === 0) continue;
    options.push(position);
    widen(reach, table, position);
    if (most <= fit) continue;
    fit = most;
    witness = position;
  }
  return { options: Int32Array.from(options), witness, fit, reach };
}

function widen(reach: Float64Array, table: OfferingTable, position: number): void {
  const row = position * reach.length;
  for (let r = 0; r < reach.length; r++) reach[r] = Math.max(reach[r]!, table.capacity[row + r]!);
}

/** Pods of class `c` that fit at `position` beside `load`, which has `present` of them already. */
function fitAt(
  problem: PackingProblem,
  table: OfferingTable,
  needs: ClassNeeds,
  position: number,
  c: number,
  load: Float64Array,
  present: number,
): number {
  let fit = mostByMask(problem, table.maskRow[position]!, c) - present;
  if (needs.foes[c]?.has(c) === true) fit = Math.min(fit, 1 - present);
  const asked = needs.resources[c]!;
  const row = position * load.length;
  for (let i = 0; i < asked.length && fit > 0; i++) {
    const r = asked[i]!;
    const free = table.capacity[row + r]! - load[r]!;
    fit = Math.min(fit, Math.floor(free / problem.request[c * load.length + r]!));
  }
  return Math.max(0, fit);
}

function flexibleRoom(
  problem: PackingProblem,
  table: OfferingTable,
  needs: ClassNeeds,
): Room<FlexibleBin> {
  const resourceCount = problem.resourceNames.length;
  return {
    measure(bin, c, want) {
      const asked = needs.resources[c]!;
      const row = c * resourceCount;
      for (let i = 0; i < asked.length; i++) {
        const r = asked[i]!;
        if (bin.load[r]! + problem.request[row + r]! > bin.reach[r]!) return 0;
      }
      if (meetsFoe(needs, bin, c)) return 0;
      const present = countIn(bin, c);
      if (bin.existing >= 0) return Math.min(want, fitExisting(problem, needs, bin, c, present));
      if (want === 1 && fitAt(problem, table, needs, bin.witness, c, bin.load, present) > 0) {
        return 1;
      }
      return Math.min(want, scanOptions(problem, table, needs, bin, c, present));
    },
    book(bin, c, pods) {
      const row = c * resourceCount;
      for (let r = 0; r < resourceCount; r++) bin.load[r]! += pods * problem.request[row + r]!;
    },
    clone: (bin, copies) => ({
      ...bin,
      copies,
      load: bin.load.slice(),
      classes: [...bin.classes],
      counts: [...bin.counts],
    }),
  };
}

function fitExisting(
  problem: PackingProblem,
  needs: ClassNeeds,
  bin: FlexibleBin,
  c: number,
  present: number,
): number {
  const maskRow = problem.maskOf[bin.existing]! * problem.classCount;
  let fit = mostByMask(problem, maskRow, c) - present;
  if (needs.foes[c]?.has(c) === true) fit = Math.min(fit, 1 - present);
  for (const r of needs.resources[c]!) {
    const request = problem.request[c * bin.load.length + r]!;
    fit = Math.min(fit, Math.floor((bin.reach[r]! - bin.load[r]!) / request));
  }
  return Math.max(0, fit);
}

/** Most pods of class `c` over the options; drops options that no longer hold the contents. */
function scanOptions(
  problem: PackingProblem,
  table: OfferingTable,
  needs: ClassNeeds,
  bin: FlexibleBin,
  c: number,
  present: number,
): number {
  const kept: number[] = [];
  const reach = new Float64Array(bin.load.length);
  let best = 0;
  for (const position of bin.options) {
    if (!holds(problem, table, position, bin, bin.load)) continue;
    kept.push(position);
    widen(reach, table, position);
    const fit = fitAt(problem, table, needs, position, c, bin.load, present);
    if (fit <= best) continue;
    best = fit;
    bin.witness = position;
  }
  if (kept.length < bin.options.length) {
    bin.options = Int32Array.from(kept);
    bin.reach = reach;
  }
  return best;
}

/** Gives every bin the cheapest offering that holds it and may still be opened. */
function settle(
  problem: PackingProblem,
  table: OfferingTable,
  list: readonly FlexibleBin[],
  unserved: Int32Array,
): FirstFitPlan {
  const budget = new BinBudget(problem);
  const filled: FilledBin[] = [];
  let costNano = 0;
  for (const bin of list) {
    if (bin.classes.length === 0) continue;
    if (bin.existing >= 0) {
      filled.push({ offering: bin.existing, bin, copies: bin.copies });
      continue;
    }
    let left = bin.copies;
    for (const position of bin.options) {
      if (left === 0) break;
      if (!holds(problem, table, position, bin, bin.load)) continue;
      const offering = table.offering[position]!;
      const copies = Math.min(left, budget.room(offering));
      if (copies === 0) continue;
      budget.take(offering, copies);
      filled.push({ offering, bin, copies });
      costNano += copies * table.cost[position]!;
      left -= copies;
    }
    bin.classes.forEach((c, at) => {
      unserved[problem.familyOf[c]!]! += left * bin.counts[at]!;
    });
  }
  return { bins: mergeBins(filled), unserved, costNano };
}
