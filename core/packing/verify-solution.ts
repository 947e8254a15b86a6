/**
 * Does a solution obey every rule of its problem, and does it cost what it says?
 *
 * In: a problem and a solution. Out: accepted with the re-computed cost and proven bound, or the
 * list of what it breaks. It shares no code with the solver or with first-fit and believes no
 * figure that it can compute: loads, counts, limits, domains, cost, and, through `certificate.ts`,
 * the bound. It cannot re-do an exhaustive search: see {@link SolutionStatus}.
 */
import { checkCertificate } from './certificate.ts';
import {
  type DomainGroup,
  maxInt32,
  type PackingProblem,
  unlimitedCount,
  unlimitedPerBin,
} from './problem.ts';
import { findProblemDefects } from './problem-shape.ts';
import type { Bin, PackingSolution } from './solution.ts';
import { type Violation, ViolationList } from './violation.ts';

/** The verdict; codes of violations are listed at {@link verifySolution}. */
export type SolutionStatus =
  | {
      readonly ok: true;
      readonly costNano: number;
      /**
       * The bound that the certificate proves, 0 without one. For proof `optimal` the solution's
       * own `lowerBoundNano` may be higher (its cost), on the word of an exhaustive search.
       */
      readonly provenBoundNano: number;
    }
  | {
      readonly ok: false;
      readonly violations: readonly Violation[];
      /** How many more there are than `violations` lists. */
      readonly omitted: number;
    };

/** What is checked of plans that carry no proof, such as first-fit's. */
export type UnprovenPlan = Pick<PackingSolution, 'bins' | 'unserved' | 'costNano'>;

/**
 * Checks `solution` against `problem`.
 *
 * Codes: `malformed-problem`; per bin `malformed-bin`, `incompatible-class`, `too-many-per-bin`,
 * `over-capacity`, `conflicting-classes`; over bins `too-many-bins`, `limit-exceeded`,
 * `domain-max-exceeded`, `skew-exceeded`, `pods-miscounted`, `cost-mismatch`; of the proof
 * `bound-above-cost`, `bound-unproven`, `certificate-demand-mismatch`, `certificate-missing`, and
 * the codes of {@link checkCertificate}. Time: O(size of the bins x resources + problem +
 * certificate).
 */
export function verifySolution(problem: PackingProblem, solution: PackingSolution): SolutionStatus {
  const found = new ViolationList();
  if (!checkPlan(problem, solution, found)) return rejected(found);
  const provenBoundNano = checkProof(problem, solution, found);
  if (!found.empty) return rejected(found);
  return { ok: true, costNano: solution.costNano, provenBoundNano };
}

/** Checks only the plan, as {@link verifySolution} does, not its proof. */
export function verifyUnprovenPlan(problem: PackingProblem, plan: UnprovenPlan): SolutionStatus {
  const found = new ViolationList();
  checkPlan(problem, plan, found);
  if (!found.empty) return rejected(found);
  return { ok: true, costNano: plan.costNano, provenBoundNano: 0 };
}

function rejected(found: ViolationList): SolutionStatus {
  return { ok: false, violations: found.items, omitted: found.omitted };
}

/** False if the arrays are so malformed that nothing more can be asked of them. */
function checkPlan(problem: PackingProblem, plan: UnprovenPlan, found: ViolationList): boolean {
  for (const defect of findProblemDefects(problem)) found.add(defect.code, () => defect.message);
  if (!found.empty) return false;
  const conflictsOf = listConflicts(problem);
  const placed = new Float64Array(problem.classCount);
  const copiesOf = new Float64Array(problem.offeringCount);
  let costNano = 0;
  plan.bins.forEach((bin, index) => {
    const defect = findBinDefect(problem, bin);
    if (defect !== undefined) {
      found.add('malformed-bin', () => `bin ${index}: ${defect}`);
      return;
    }
    checkBin(problem, bin, `bin ${index} (offering ${bin.offering})`, conflictsOf, found);
    copiesOf[bin.offering]! += bin.copies;
    costNano += bin.copies * problem.priceNano[bin.offering]!;
    bin.classes.forEach((c, at) => {
      placed[c]! += bin.copies * bin.counts[at]!;
    });
  });
  checkCounts(problem, plan, placed, found);
  checkOpenedBins(problem, copiesOf, found);
  for (const group of problem.domainGroups) checkDomainGroup(group, placed, found);
  if (costNano !== plan.costNano) {
    found.add('cost-mismatch', () => `bins cost ${costNano}, the plan says ${plan.costNano}`);
  }
  return true;
}

/** [class] the classes that it may not meet. */
function listConflicts(problem: PackingProblem): ReadonlyMap<number, ReadonlySet<number>> {
  const conflictsOf = new Map<number, Set<number>>();
  const note = (a: number, b: number): void => {
    const known = conflictsOf.get(a);
    if (known === undefined) conflictsOf.set(a, new Set([b]));
    else known.add(b);
  };
  for (let i = 0; i + 1 < problem.conflicts.length; i += 2) {
    note(problem.conflicts[i]!, problem.conflicts[i + 1]!);
    note(problem.conflicts[i + 1]!, problem.conflicts[i]!);
  }
  return conflictsOf;
}

function findBinDefect(problem: PackingProblem, bin: Bin): string | undefined {
  const isIndex = (value: number, count: number): boolean =>
    Number.isInteger(value) && value >= 0 && value < count;
  if (!isIndex(bin.offering, problem.offeringCount)) return `no offering ${bin.offering}`;
  if (!Number.isSafeInteger(bin.copies) || bin.copies < 1) return `${bin.copies} copies`;
  if (bin.classes.length === 0) return 'holds nothing';
  if (bin.classes.length !== bin.counts.length) return 'classes and counts differ in length';
  for (let i = 0; i < bin.classes.length; i++) {
    const c = bin.classes[i]!;
    if (!isIndex(c, problem.classCount)) return `no class ${c}`;
    if (i > 0 && c <= bin.classes[i - 1]!) return 'classes are not ascending without repeats';
    if (!Number.isSafeInteger(bin.counts[i]) || bin.counts[i]! < 1) {
      return `${bin.counts[i]} pods of class ${c}`;
    }
  }
  return undefined;
}

function checkBin(
  problem: PackingProblem,
  bin: Bin,
  name: string,
  conflictsOf: ReadonlyMap<number, ReadonlySet<number>>,
  found: ViolationList,
): void {
  const { resourceNames, classCount } = problem;
  const resourceCount = resourceNames.length;
  for (let r = 0; r < resourceCount; r++) {
    let load = 0;
    bin.classes.forEach((c, at) => {
      load += bin.counts[at]! * problem.request[c * resourceCount + r]!;
    });
    const capacity = problem.capacity[bin.offering * resourceCount + r]!;
    if (load > capacity) {
      found.add('over-capacity', () => `${name}: ${resourceNames[r]} ${load} of ${capacity}`);
    }
  }
  bin.classes.forEach((c, at) => {
    const most = problem.masks[problem.maskOf[bin.offering]! * classCount + c]!;
    const pods = bin.counts[at]!;
    if (most === 0) {
      found.add('incompatible-class', () => `${name}: class ${c} may not be here`);
    } else if (most !== unlimitedPerBin && pods > most) {
      found.add('too-many-per-bin', () => `${name}: ${pods} pods of class ${c}, at most ${most}`);
    }
    const foes = conflictsOf.get(c);
    if (foes === undefined) return;
    const meets = bin.classes.some((d) => foes.has(d) && (d > c || (d === c && pods > 1)));
    if (meets)
      found.add('conflicting-classes', () => `${name}: class ${c} meets a class it may not`);
  });
}

/** Every family's pods are placed or unserved, exactly. */
function checkCounts(
  problem: PackingProblem,
  plan: UnprovenPlan,
  placed: Float64Array,
  found: ViolationList,
): void {
  if (plan.unserved.length !== problem.familyCount) {
    found.add(
      'pods-miscounted',
      () => `unserved has ${plan.unserved.length} entries, expected ${problem.familyCount}`,
    );
    return;
  }
  const placedOf = countPlaced(problem, placed);
  plan.unserved.forEach((left, family) => {
    const pods = placedOf[family]!;
    const demand = problem.demand[family]!;
    if (!Number.isSafeInteger(left) || left < 0 || pods + left !== demand) {
      found.add(
        'pods-miscounted',
        () => `family ${family}: ${pods} placed and ${left} unserved, of ${demand}`,
      );
    }
  });
}

function countPlaced(problem: PackingProblem, placed: Float64Array): Float64Array {
  const placedOf = new Float64Array(problem.familyCount);
  placed.forEach((pods, c) => {
    placedOf[problem.familyOf[c]!]! += pods;
  });
  return placedOf;
}

function checkOpenedBins(
  problem: PackingProblem,
  copiesOf: Float64Array,
  found: ViolationList,
): void {
  copiesOf.forEach((copies, offering) => {
    const most = problem.available[offering]!;
    if (most !== unlimitedCount && copies > most) {
      found.add('too-many-bins', () => `offering ${offering}: ${copies} bins of ${most}`);
    }
  });
  for (const limit of problem.limits) {
    let used = 0;
    copiesOf.forEach((copies, offering) => {
      used += copies * limit.weight[offering]!;
    });
    if (used > limit.max) {
      found.add('limit-exceeded', () => `limit ${limit.name}: ${used} of ${limit.max}`);
    }
  }
}

function checkDomainGroup(group: DomainGroup, placed: Float64Array, found: ViolationList): void {
  const placedIn = group.domains.map((domain) =>
    domain.classes.reduce((pods, c) => pods + placed[c]!, 0),
  );
  const counts = group.domains.map((domain, at) => domain.existing + placedIn[at]!);
  const least = group.floorIsZero ? 0 : Math.min(...counts);
  group.domains.forEach((domain, at) => {
    if (placedIn[at] === 0) return;
    const count = counts[at]!;
    const where = `${group.name}/${domain.name}`;
    if (domain.max !== maxInt32 && count > domain.max) {
      found.add('domain-max-exceeded', () => `${where}: ${count} pods of ${domain.max}`);
    }
    if (group.maxSkew !== maxInt32 && count - least > group.maxSkew) {
      found.add('skew-exceeded', () => `${where}: ${count} pods, the least is ${least}`);
    }
  });
}

/** The bound that the certificate proves, 0 without one. */
function checkProof(
  problem: PackingProblem,
  solution: PackingSolution,
  found: ViolationList,
): number {
  const { lowerBoundNano, costNano, certificate, proof } = solution;
  if (!Number.isSafeInteger(lowerBoundNano) || lowerBoundNano < 0 || lowerBoundNano > costNano) {
    found.add('bound-above-cost', () => `bound ${lowerBoundNano}, cost ${costNano}`);
  }
  if (certificate === null && proof === 'certified') {
    found.add('certificate-missing', () => 'proof is certified, but there is no certificate');
  }
  if (proof === 'optimal' && lowerBoundNano !== costNano) {
    found.add('bound-unproven', () => `called optimal at ${costNano}, bound ${lowerBoundNano}`);
  }
  let provenBoundNano = 0;
  if (certificate !== null) {
    const verdict = checkCertificate(problem, certificate);
    if (!verdict.ok) {
      for (const reason of verdict.reasons) found.add(reason.code, () => reason.message);
      return 0;
    }
    const at = certificate.demand.findIndex(
      (pods, family) => pods !== problem.demand[family]! - solution.unserved[family]!,
    );
    if (at >= 0) {
      found.add('certificate-demand-mismatch', () => {
        const served = problem.demand[at]! - solution.unserved[at]!;
        return `family ${at}: ${certificate.demand[at]} pods certified, ${served} placed`;
      });
    }
    provenBoundNano = verdict.lowerBoundNano;
  }
  if (proof !== 'optimal' && lowerBoundNano > provenBoundNano) {
    found.add('bound-unproven', () => `bound ${lowerBoundNano} claimed, ${provenBoundNano} proven`);
  }
  if (found.empty && provenBoundNano > costNano) {
    found.add('bound-above-cost', () => `certificate proves ${provenBoundNano}, cost ${costNano}`);
  }
  return provenBoundNano;
}
