/**
 * Certificates that hold, made without any solver, and a second evaluation of them.
 *
 * In: a problem, the demand to speak of, dice. Out: a certificate whose class duals are as high as
 * dual feasibility lets them be one after another, so that an unsound check would show a bound above
 * the optimum. {@link evaluateNaively} is the definition in `solution.ts` in BigInt, word for word,
 * with the knapsack tables filled by trying every content.
 */
import { domainBox } from '../../core/packing/domain-box.ts';
import {
  type PackingProblem,
  unlimitedCount,
  unlimitedPerBin,
} from '../../core/packing/problem.ts';
import type { Certificate, KnapsackTableClaim } from '../../core/packing/solution.ts';
import type { Dice } from './random-problem.ts';

/** A certificate as it is being made. */
export type Draft = { -readonly [K in keyof Certificate]: Certificate[K] };

/** Highest class dual that is tried. */
const maxDual = 4000;

/** A certificate that holds for `demand`, with duals raised greedily in random order. */
export function randomCertificate(
  problem: PackingProblem,
  demand: ArrayLike<number>,
  dice: Dice,
): Draft {
  const fractionBits = dice.between(0, 8);
  const vectors = Array.from({ length: problem.offeringCount }, (_, o) =>
    randomVector(problem, o, 2 ** fractionBits, dice),
  );
  const draft: Draft = {
    demand: Array.from(demand),
    fractionBits,
    classDual: Array.from<number>({ length: problem.classCount }).fill(0),
    domainDual: problem.domainGroups.map((_, group) => randomDomainDuals(problem, group, dice)),
    limitDual: problem.limits.map(() => (dice.chance(50) ? dice.between(0, 2 ** fractionBits) : 0)),
    multipliers: vectors,
    multiplierOf: vectors.map((_, o) => o),
    tables: dice.chance(40) ? [randomClaim(problem, dice)] : [],
  };
  const order = Array.from(draft.classDual.keys()).sort(() => (dice.chance(50) ? 1 : -1));
  for (const c of order)
    raiseDual(problem, draft, c, dice.chance(20) ? dice.between(0, 9) : maxDual);
  return draft;
}

/** Multipliers under which an empty bin of offering `o` is worth at most its price. */
function randomVector(
  problem: PackingProblem,
  o: number,
  scale: number,
  dice: Dice,
): readonly number[] {
  const resources = problem.resourceNames.length;
  const shares = Array.from({ length: resources }, () =>
    dice.chance(60) ? dice.between(0, 9) : 0,
  );
  const sum = Math.max(1, dice.between(90, 130) / 100) * shares.reduce((a, b) => a + b, 1);
  return shares.map((share, r) => {
    const capacity = problem.boundCapacity[o * resources + r]!;
    const value = (problem.priceNano[o]! * scale * share) / sum;
    return Math.floor(value / Math.max(1, capacity));
  });
}

function randomDomainDuals(problem: PackingProblem, index: number, dice: Dice): readonly number[] {
  const group = problem.domainGroups[index]!;
  const inside = new Set(group.domains.flatMap(({ classes }) => [...classes]));
  const families = new Set([...inside].map((c) => problem.familyOf[c]!));
  const whole = problem.familyOf.every((family, c) => inside.has(c) || !families.has(family));
  if (!group.boundSafe || !whole || dice.chance(40)) return [];
  return group.domains.map(() => (dice.chance(70) ? dice.between(-15, 25) : 0));
}

function randomClaim(problem: PackingProblem, dice: Dice): KnapsackTableClaim {
  const offerings = Array.from({ length: problem.offeringCount }, (_, o) => o);
  const first = dice.between(0, problem.resourceNames.length - 1);
  const second =
    (first + dice.between(1, problem.resourceNames.length - 1)) % problem.resourceNames.length;
  return {
    offerings: offerings.filter(() => dice.chance(70)),
    resources: [first, second],
    grid: [dice.between(1, 2), dice.between(1, 3)],
  };
}

/** Sets the dual of class `c` as high as the certificate still holds, at most `limit`. */
function raiseDual(problem: PackingProblem, draft: Draft, c: number, limit: number): void {
  const withDual = (dual: number): Draft => ({
    ...draft,
    classDual: draft.classDual.map((old, d) => (d === c ? dual : old)),
  });
  let low = 0;
  let high = limit;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (evaluateNaively(problem, withDual(middle)) === undefined) high = middle - 1;
    else low = middle;
  }
  draft.classDual = withDual(low).classDual;
}

/** The bound in nano-USD per hour, or undefined if some uncounted offering breaks the rule. */
export function evaluateNaively(
  problem: PackingProblem,
  certificate: Certificate,
): bigint | undefined {
  const scale = 1n << BigInt(certificate.fractionBits);
  let scaled = 0n;
  for (let o = 0; o < problem.offeringCount; o++) {
    let price = BigInt(problem.priceNano[o]!) * scale;
    problem.limits.forEach(({ weight }, l) => {
      price += BigInt(certificate.limitDual[l]!) * BigInt(weight[o]!);
    });
    const excess = binWorth(problem, certificate, o, scale) - price;
    if (excess <= 0n) continue;
    if (problem.available[o] === unlimitedCount) return undefined;
    scaled -= BigInt(problem.available[o]!) * excess;
  }
  problem.limits.forEach(({ max }, l) => {
    scaled -= BigInt(certificate.limitDual[l]!) * BigInt(max);
  });
  scaled += coveredWorth(problem, certificate) * scale;
  if (scaled <= 0n) return 0n;
  const common = problem.priceNano.reduce((g, price) => gcd(g, BigInt(price)), 0n);
  const step = scale * (common === 0n ? 1n : common);
  return ((scaled + step - 1n) / step) * (step / scale);
}

function gcd(a: bigint, b: bigint): bigint {
  return b === 0n ? a : gcd(b, a % b);
}

function most(problem: PackingProblem, certificate: Certificate, o: number, c: number): number {
  const resources = problem.resourceNames.length;
  const rule = problem.boundMasks[problem.maskOf[o]! * problem.classCount + c]!;
  const caps = problem.resourceNames.map((_, r) => {
    const request = problem.boundRequest[c * resources + r]!;
    const capacity = problem.boundCapacity[o * resources + r]!;
    return request === 0 ? Infinity : Math.floor(capacity / request);
  });
  return Math.min(
    rule === unlimitedPerBin ? Infinity : rule,
    certificate.demand[problem.familyOf[c]!]!,
    ...caps,
  );
}

function binWorth(
  problem: PackingProblem,
  certificate: Certificate,
  o: number,
  scale: bigint,
): bigint {
  const classes = Array.from({ length: problem.classCount }, (_, c) => c);
  const mask = problem.maskOf[o]! * problem.classCount;
  const entered = classes.some(
    (c) => problem.boundMasks[mask + c]! > 0 && certificate.demand[problem.familyOf[c]!]! > 0,
  );
  if (!entered) return 0n;
  const multipliers = certificate.multipliers[certificate.multiplierOf[o]!]!;
  const weigh = (amounts: Float64Array, row: number): bigint =>
    multipliers.reduce(
      (sum, value, r) => sum + BigInt(value) * BigInt(amounts[row * multipliers.length + r]!),
      0n,
    );
  let worth = weigh(problem.boundCapacity, o);
  for (const c of classes) {
    const value = BigInt(certificate.classDual[c]!) * scale - weigh(problem.boundRequest, c);
    if (value > 0n) worth += BigInt(most(problem, certificate, o, c)) * value;
  }
  for (const claim of certificate.tables) {
    if (!claim.offerings.includes(o)) continue;
    const byTable = BigInt(bestContent(problem, certificate, claim, o)) * scale;
    if (byTable < worth) worth = byTable;
  }
  return worth;
}

/** The table of `claim` for offering `o`, by trying every content. */
function bestContent(
  problem: PackingProblem,
  certificate: Certificate,
  claim: KnapsackTableClaim,
  o: number,
): number {
  const resources = problem.resourceNames.length;
  const alike = claim.offerings.filter((other) => problem.maskOf[other] === problem.maskOf[o]);
  const room = claim.resources.map((r, axis) =>
    Math.floor(problem.boundCapacity[o * resources + r]! / claim.grid[axis]!),
  );
  const fill = (c: number, first: number, second: number): number => {
    if (c === problem.classCount) return 0;
    const size = claim.resources.map((r, axis) =>
      Math.floor(problem.boundRequest[c * resources + r]! / claim.grid[axis]!),
    );
    const copies = Math.max(...alike.map((other) => most(problem, certificate, other, c)));
    let best = 0;
    for (let n = 0; n <= copies; n++) {
      if (n * size[0]! > first || n * size[1]! > second) break;
      const rest = fill(c + 1, first - n * size[0]!, second - n * size[1]!);
      best = Math.max(best, n * certificate.classDual[c]! + rest);
    }
    return best;
  };
  return fill(0, room[0]!, room[1]!);
}

function coveredWorth(problem: PackingProblem, certificate: Certificate): bigint {
  const shift = Array.from<bigint>({ length: problem.classCount }).fill(0n);
  let worth = 0n;
  problem.domainGroups.forEach((group, index) => {
    const duals = certificate.domainDual[index] ?? [];
    if (duals.every((dual) => dual === 0)) return;
    const families = new Set(
      group.domains.flatMap(({ classes }) => Array.from(classes, (c) => problem.familyOf[c]!)),
    );
    const total = [...families].reduce((sum, family) => sum + certificate.demand[family]!, 0);
    const box = domainBox(group, total);
    duals.forEach((dual, at) => {
      worth += BigInt(dual) * BigInt(dual > 0 ? box[at]!.min : box[at]!.max);
      for (const c of group.domains[at]!.classes) shift[c]! += BigInt(dual);
    });
  });
  certificate.demand.forEach((pods, family) => {
    if (pods === 0) return;
    const values = Array.from(problem.familyOf.keys())
      .filter((c) => problem.familyOf[c] === family)
      .map((c) => BigInt(certificate.classDual[c]!) - shift[c]!);
    worth += BigInt(pods) * values.reduce((a, b) => (a < b ? a : b));
  });
  return worth;
}

/**
 * A certificate that holds for any problem, made in one pass: every offering's price is shared out
 * over its resources, and a pod is worth the least that its requests cost anywhere.
 */
export function plainCertificate(problem: PackingProblem, demand: ArrayLike<number>): Certificate {
  const resources = problem.resourceNames.length;
  const fractionBits = 8;
  const scale = 2 ** fractionBits;
  const multipliers = Array.from(problem.priceNano, (price, o) =>
    problem.resourceNames.map((_, r) => {
      const capacity = problem.boundCapacity[o * resources + r]!;
      return capacity === 0 ? 0 : Math.floor((price * scale) / capacity / resources);
    }),
  );
  const classDual = Array.from(problem.familyOf, (_, c) => {
    let least = Infinity;
    multipliers.forEach((vector, o) => {
      const isCounted = problem.available[o] !== unlimitedCount;
      if (isCounted || problem.boundMasks[problem.maskOf[o]! * problem.classCount + c] === 0)
        return;
      const cost = vector.reduce(
        (sum, value, r) => sum + value * problem.boundRequest[c * resources + r]!,
        0,
      );
      least = Math.min(least, cost);
    });
    return least === Infinity ? 0 : Math.floor(least / scale);
  });
  return {
    demand: Array.from(demand),
    fractionBits,
    classDual,
    domainDual: [],
    limitDual: problem.limits.map(() => 0),
    multipliers,
    multiplierOf: multipliers.map((_, o) => o),
    tables: [],
  };
}
