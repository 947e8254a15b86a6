/**
 * Re-computes the lower bound that a certificate proves, in exact integers.
 *
 * In: a problem and a certificate, from wherever. Out: the bound that it proves, or why it proves
 * nothing. It follows the doc comment of `Certificate` in `solution.ts` (weak duality over
 * Lagrangian knapsack bounds) and shares no code with the solver.
 *
 * Exactness. Sums are kept in doubles where that is provably exact, else redone in BigInt. Every
 * sum here has non-negative integer terms, and rounding to double is monotone with 2^53 itself
 * representable: so a sum whose true value passes 2^53 also *computes* to at least 2^53, and a
 * computed value below 2^53 is exact. The few terms of the final sum are BigInt throughout.
 */
import { InvariantError } from '../errors.ts';
import { mostPodsPerBin } from './bin-multiplicity.ts';
import { checkCertificateShape } from './certificate-shape.ts';
import { sumDomainTerms } from './domain-terms.ts';
import { boundBinsByTable, maxTableCellUpdates } from './knapsack-table.ts';
import { type PackingProblem, unlimitedCount } from './problem.ts';
import { findProblemDefects } from './problem-shape.ts';
import type { Certificate } from './solution.ts';
import { type Violation, ViolationList } from './violation.ts';

/** What the check says; reasons carry codes, see {@link checkCertificate}. */
export type CertificateVerdict =
  | { readonly ok: true; readonly lowerBoundNano: number }
  | { readonly ok: false; readonly reasons: readonly Violation[] };

const exactBelow = 2 ** 53;

interface Terms {
  readonly problem: PackingProblem;
  readonly certificate: Certificate;
  /** 2^fractionBits. */
  readonly scale: number;
  /** [class] pods of its family that the certificate speaks of. */
  readonly demandOf: Int32Array;
  /** [mask] 1 if some pod of the demand may enter a bin of this mask. */
  readonly maskInUse: Uint8Array;
  /** [offering] bin value by table, unscaled; Infinity where no table speaks. */
  readonly tableValue: Float64Array;
  /** Whether every Y_c * 2^t is below 2^53. */
  readonly dualsFit: boolean;
}

/**
 * The lower bound that `certificate` proves for plans that place exactly its demand.
 *
 * Codes of reasons: `malformed-certificate`, `dual-infeasible` (an offering whose bins may be worth
 * more than they cost), `table-too-large`, `domain-row-unusable`, `family-without-class`,
 * `bound-out-of-range`. Throws {@link InvariantError} if the problem itself is malformed.
 * Time: O(vectors x classes x resources + offerings x classes of positive reduced value), plus
 * tables.
 */
export function checkCertificate(
  problem: PackingProblem,
  certificate: Certificate,
): CertificateVerdict {
  const defects = findProblemDefects(problem);
  if (defects.length > 0) throw new InvariantError(`not a problem: ${defects[0]!.message}`);
  const found = new ViolationList();
  checkCertificateShape(problem, certificate, found);
  if (!found.empty) return { ok: false, reasons: found.items };

  const terms = prepare(problem, certificate, found);
  const excess = sumExcess(terms, found);
  const domains = sumDomainTerms(problem, certificate, found);
  const covered = sumCovered(terms, domains.shiftOf, found);
  if (!found.empty) return { ok: false, reasons: found.items };

  let scaled = (covered + domains.rows) * BigInt(terms.scale) - excess;
  problem.limits.forEach((limit, index) => {
    scaled -= BigInt(certificate.limitDual[index]!) * BigInt(limit.max);
  });
  const bound = roundUpToPrices(problem, scaled, BigInt(terms.scale));
  if (bound >= BigInt(exactBelow)) {
    found.add('bound-out-of-range', () => `the bound is ${bound} nano-USD per hour`);
    return { ok: false, reasons: found.items };
  }
  return { ok: true, lowerBoundNano: Number(bound) };
}

function prepare(problem: PackingProblem, certificate: Certificate, found: ViolationList): Terms {
  const { classCount } = problem;
  const demandOf = Int32Array.from(problem.familyOf, (family) => certificate.demand[family]!);
  const maskInUse = new Uint8Array(problem.maskCount);
  for (let mask = 0; mask < problem.maskCount; mask++) {
    for (let c = 0; c < classCount && maskInUse[mask] === 0; c++) {
      if (problem.boundMasks[mask * classCount + c]! > 0 && demandOf[c]! > 0) maskInUse[mask] = 1;
    }
  }
  const scale = 2 ** certificate.fractionBits;
  const dualsFit = certificate.classDual.every((dual) => dual * scale < exactBelow);
  const tableValue = boundByTables(problem, certificate, demandOf, found);
  return { problem, certificate, scale, demandOf, maskInUse, tableValue, dualsFit };
}

function boundByTables(
  problem: PackingProblem,
  certificate: Certificate,
  demandOf: Int32Array,
  found: ViolationList,
): Float64Array {
  const tableValue = new Float64Array(problem.offeringCount).fill(Infinity);
  const input = { problem, values: certificate.classDual, demandOf };
  let budget = maxTableCellUpdates;
  certificate.tables.forEach((claim, index) => {
    const byMask = Map.groupBy(new Set(claim.offerings), (offering) => problem.maskOf[offering]!);
    for (const offerings of byMask.values()) {
      const result = boundBinsByTable(input, claim, offerings, budget);
      if (typeof result === 'string') {
        found.add('table-too-large', () => `tables[${index}] ${result}`);
        return;
      }
      budget -= result.cellUpdates;
      offerings.forEach((offering, at) => {
        const value = result.binValues[at]!;
        // A value beyond 2^53 may have been rounded down: no bound.
        if (value < tableValue[offering]! && value < exactBelow) tableValue[offering] = value;
      });
    }
  });
  return tableValue;
}

/** Classes whose pods are worth more than their resources cost under one multiplier vector. */
interface ReducedValues {
  count: number;
  readonly classes: Int32Array;
  /** Y_c * 2^t - L * request_c, > 0; exact if `Terms.dualsFit`. */
  readonly values: Float64Array;
}

/**
 * Sum over counted offerings of available * (U - price - mu * weight)+, scaled by 2^t.
 *
 * Offerings are visited by multiplier vector, so that the reduced values of a vector are computed
 * once however many offerings share it.
 */
function sumExcess(terms: Terms, found: ViolationList): bigint {
  const { problem, certificate } = terms;
  const order = orderByVector(certificate);
  const reduced: ReducedValues = {
    count: 0,
    classes: new Int32Array(problem.classCount),
    values: new Float64Array(problem.classCount),
  };
  let total = 0n;
  let current = -1;
  for (const offering of order) {
    // No pod may enter: every bin of it is worth 0.
    if (terms.maskInUse[problem.maskOf[offering]!] === 0) continue;
    const vector = certificate.multiplierOf[offering]!;
    if (vector !== current) reduceValues(terms, vector, reduced);
    current = vector;
    const excess = excessOf(terms, offering, reduced);
    if (excess === 0n) continue;
    const available = problem.available[offering]!;
    if (available !== unlimitedCount) {
      total += BigInt(available) * excess;
    } else {
      found.add('dual-infeasible', () => {
        const nano = Number(excess) / terms.scale;
        return `a bin of offering ${offering} may be worth ${nano} nano-USD more than it costs`;
      });
    }
  }
  return total;
}

/** Offerings ordered by their multiplier vector: a counting sort. */
function orderByVector(certificate: Certificate): Int32Array {
  const { multiplierOf } = certificate;
  const next = new Int32Array(certificate.multipliers.length + 1);
  for (const vector of multiplierOf) next[vector + 1]!++;
  for (let v = 1; v < next.length; v++) next[v]! += next[v - 1]!;
  const order = new Int32Array(multiplierOf.length);
  multiplierOf.forEach((vector, offering) => {
    order[next[vector]!++] = offering;
  });
  return order;
}

function reduceValues(terms: Terms, vector: number, reduced: ReducedValues): void {
  const { problem, certificate, scale } = terms;
  const resourceCount = problem.resourceNames.length;
  const multipliers = certificate.multipliers[vector]!;
  let count = 0;
  for (let c = 0; c < problem.classCount; c++) {
    const dual = certificate.classDual[c]!;
    if (dual === 0 || terms.demandOf[c] === 0) continue;
    let cost = 0;
    const row = c * resourceCount;
    for (let r = 0; r < resourceCount; r++)
      cost += multipliers[r]! * problem.boundRequest[row + r]!;
    const value = dual * scale - cost;
    if (value <= 0) continue;
    reduced.classes[count] = c;
    reduced.values[count] = value;
    count++;
  }
  reduced.count = count;
}

/** How far U(o) * 2^t lies above (price + mu * weight) * 2^t; 0 if it does not. */
function excessOf(terms: Terms, offering: number, reduced: ReducedValues): bigint {
  const { problem, certificate, scale } = terms;
  if (!terms.dualsFit) return exactExcessOf(terms, offering);
  const resourceCount = problem.resourceNames.length;
  const multipliers = certificate.multipliers[certificate.multiplierOf[offering]!]!;
  let worth = 0;
  const row = offering * resourceCount;
  for (let r = 0; r < resourceCount; r++)
    worth += multipliers[r]! * problem.boundCapacity[row + r]!;
  for (let i = 0; i < reduced.count; i++) {
    const c = reduced.classes[i]!;
    worth += mostPodsPerBin(problem, offering, c, terms.demandOf[c]!) * reduced.values[i]!;
  }
  let cost = problem.priceNano[offering]! * scale;
  for (let l = 0; l < problem.limits.length; l++) {
    cost += certificate.limitDual[l]! * problem.limits[l]!.weight[offering]!;
  }
  if (worth >= exactBelow || cost >= exactBelow) return exactExcessOf(terms, offering);
  worth = Math.min(worth, terms.tableValue[offering]! * scale);
  return worth <= cost ? 0n : BigInt(worth) - BigInt(cost);
}

/** The same in BigInt, from the definition. */
function exactExcessOf(terms: Terms, offering: number): bigint {
  const { problem, certificate } = terms;
  const scale = BigInt(terms.scale);
  const resourceCount = problem.resourceNames.length;
  const multipliers = certificate.multipliers[certificate.multiplierOf[offering]!]!;
  const weigh = (amounts: Float64Array, row: number): bigint => {
    let sum = 0n;
    for (let r = 0; r < resourceCount; r++) {
      sum += BigInt(multipliers[r]!) * BigInt(amounts[row * resourceCount + r]!);
    }
    return sum;
  };
  let worth = weigh(problem.boundCapacity, offering);
  for (let c = 0; c < problem.classCount; c++) {
    const most = mostPodsPerBin(problem, offering, c, terms.demandOf[c]!);
    if (most === 0) continue;
    const value = BigInt(certificate.classDual[c]!) * scale - weigh(problem.boundRequest, c);
    if (value > 0n) worth += BigInt(most) * value;
  }
  const tableValue = terms.tableValue[offering]!;
  if (tableValue !== Infinity) {
    const byTable = BigInt(tableValue) * scale;
    if (byTable < worth) worth = byTable;
  }
  let cost = BigInt(problem.priceNano[offering]!) * scale;
  problem.limits.forEach((limit, index) => {
    cost += BigInt(certificate.limitDual[index]!) * BigInt(limit.weight[offering]!);
  });
  return worth > cost ? worth - cost : 0n;
}

/** Sum over families of demand * min over its classes of (Y_c - s_c), unscaled. */
function sumCovered(terms: Terms, shiftOf: readonly bigint[], found: ViolationList): bigint {
  const { problem, certificate } = terms;
  const least = Array.from<bigint | undefined>({ length: problem.familyCount });
  for (let c = 0; c < problem.classCount; c++) {
    const family = problem.familyOf[c]!;
    const value = BigInt(certificate.classDual[c]!) - shiftOf[c]!;
    const before = least[family];
    if (before === undefined || value < before) least[family] = value;
  }
  let sum = 0n;
  certificate.demand.forEach((pods, family) => {
    const value = least[family];
    if (pods === 0) return;
    if (value === undefined) {
      found.add('family-without-class', () => `family ${family} has ${pods} pods but no class`);
    } else {
      sum += BigInt(pods) * value;
    }
  });
  return sum;
}

/**
 * `scaled` / `scale` rounded up to a multiple of the greatest common divisor of all prices: every
 * plan's cost is such a multiple. At least 0, as no price is negative.
 */
function roundUpToPrices(problem: PackingProblem, scaled: bigint, scale: bigint): bigint {
  if (scaled <= 0n) return 0n;
  let divisor = 0;
  for (const price of problem.priceNano) divisor = greatestCommonDivisor(divisor, price);
  const step = scale * BigInt(divisor === 0 ? 1 : divisor);
  return ((scaled + step - 1n) / step) * BigInt(divisor === 0 ? 1 : divisor);
}

function greatestCommonDivisor(a: number, b: number): number {
  let [larger, smaller] = [a, b];
  while (smaller !== 0) [larger, smaller] = [smaller, larger % smaller];
  return larger;
}
