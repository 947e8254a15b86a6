/**
 * Is this a packing problem at all? Lengths, ranges, and that every number is an integer.
 *
 * In: a PackingProblem. Out: what breaks the contract of `problem.ts`. Exact checks downstream
 * (`certificate.ts`, `verify-solution.ts`) rest on it: their arithmetic is exact only for integers.
 * It knows nothing of solutions. Cost: one pass over every array.
 */
import { type DomainGroup, maxInt32, type PackingProblem, unlimitedCount } from './problem.ts';
import { type Violation, ViolationList } from './violation.ts';

/**
 * Ways in which `problem` breaks the contract of `problem.ts`; empty for a well-formed one.
 *
 * Code of all of them: `malformed-problem`.
 */
export function findProblemDefects(problem: PackingProblem): readonly Violation[] {
  const found = new ViolationList();
  const defect = (message: () => string): void => found.add('malformed-problem', message);
  checkLengths(problem, defect);
  if (!found.empty) return found.items;
  checkAmounts(problem, defect);
  checkReferences(problem, defect);
  for (const group of problem.domainGroups) checkDomainGroup(problem, group, defect);
  return found.items;
}

type Report = (message: () => string) => void;

function checkLengths(problem: PackingProblem, defect: Report): void {
  const { familyCount, classCount, offeringCount, maskCount } = problem;
  const resourceCount = problem.resourceNames.length;
  const expected: readonly (readonly [string, number, number])[] = [
    ['demand', problem.demand.length, familyCount],
    ['priority', problem.priority.length, familyCount],
    ['familyOf', problem.familyOf.length, classCount],
    ['request', problem.request.length, classCount * resourceCount],
    ['boundRequest', problem.boundRequest.length, classCount * resourceCount],
    ['capacity', problem.capacity.length, offeringCount * resourceCount],
    ['boundCapacity', problem.boundCapacity.length, offeringCount * resourceCount],
    ['priceNano', problem.priceNano.length, offeringCount],
    ['steerNano', problem.steerNano.length, offeringCount],
    ['available', problem.available.length, offeringCount],
    ['maskOf', problem.maskOf.length, offeringCount],
    ['masks', problem.masks.length, maskCount * classCount],
    ['boundMasks', problem.boundMasks.length, maskCount * classCount],
    ...problem.limits.map(
      (limit) => [`weight of ${limit.name}`, limit.weight.length, offeringCount] as const,
    ),
  ];
  for (const [name, actual, wanted] of expected) {
    if (actual !== wanted) defect(() => `${name} has ${actual} entries, expected ${wanted}`);
  }
  if (problem.conflicts.length % 2 !== 0) defect(() => 'conflicts is not made of pairs');
}

function checkAmounts(problem: PackingProblem, defect: Report): void {
  const amounts: readonly (readonly [string, Float64Array | Int32Array])[] = [
    ['demand', problem.demand],
    ['request', problem.request],
    ['boundRequest', problem.boundRequest],
    ['capacity', problem.capacity],
    ['boundCapacity', problem.boundCapacity],
    ['priceNano', problem.priceNano],
    ...problem.limits.map((limit) => [`weight of ${limit.name}`, limit.weight] as const),
  ];
  for (const [name, values] of amounts) {
    const at = values.findIndex((value) => !isAmount(value));
    if (at >= 0)
      defect(() => `${name}[${at}] is ${values[at]}, expected an integer from 0 to 2^53`);
  }
  for (const limit of problem.limits) {
    if (!isAmount(limit.max)) defect(() => `limit ${limit.name} has max ${limit.max}`);
  }
  problem.available.forEach((count, offering) => {
    if (count !== unlimitedCount && count < 1) {
      defect(() => `available[${offering}] is ${count}, expected ${unlimitedCount} or at least 1`);
    }
  });
  reportFirstAbove('boundRequest', problem.boundRequest, 'request', problem.request, defect);
  reportFirstAbove('capacity', problem.capacity, 'boundCapacity', problem.boundCapacity, defect);
  reportFirstAbove('masks', problem.masks, 'boundMasks', problem.boundMasks, defect);
}

function isAmount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

type Numbers = Float64Array | Uint16Array;

/** The plan's reading may never be looser than the bound's. */
function reportFirstAbove(
  lowName: string,
  low: Numbers,
  highName: string,
  high: Numbers,
  defect: Report,
): void {
  if (low === high) return;
  const at = low.findIndex((value, index) => value > high[index]!);
  if (at >= 0) {
    defect(() => `${lowName}[${at}] is ${low[at]}, above ${highName}[${at}], ${high[at]}`);
  }
}

function checkReferences(problem: PackingProblem, defect: Report): void {
  const references: readonly (readonly [string, Int32Array, number])[] = [
    ['familyOf', problem.familyOf, problem.familyCount],
    ['maskOf', problem.maskOf, problem.maskCount],
    ['conflicts', problem.conflicts, problem.classCount],
    ...problem.domainGroups.flatMap((group) =>
      group.domains.map(
        (domain) => [`${group.name}/${domain.name}`, domain.classes, problem.classCount] as const,
      ),
    ),
  ];
  for (const [name, indices, limit] of references) {
    const at = indices.findIndex((index) => index < 0 || index >= limit);
    if (at >= 0) defect(() => `${name}[${at}] is ${indices[at]}, expected 0 to ${limit - 1}`);
  }
}

function checkDomainGroup(problem: PackingProblem, group: DomainGroup, defect: Report): void {
  const isCount = (value: number): boolean =>
    Number.isInteger(value) && value >= 0 && value <= maxInt32;
  if (!isCount(group.maxSkew) || group.maxSkew < 1) {
    defect(() => `group ${group.name} has maxSkew ${group.maxSkew}, expected at least 1`);
  }
  const seen = new Uint8Array(problem.classCount);
  for (const domain of group.domains) {
    if (!isCount(domain.existing) || !isCount(domain.max)) {
      defect(
        () => `${group.name}/${domain.name} has existing ${domain.existing}, max ${domain.max}`,
      );
    }
    for (const index of domain.classes) {
      if (seen[index] === 1) {
        defect(() => `class ${index} stands in two domains of group ${group.name}`);
      }
      seen[index] = 1;
    }
  }
}
