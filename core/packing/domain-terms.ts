/**
 * The terms of a certificate that come from rows over domains.
 *
 * In: a problem and a certificate of good form. Out: what the rows add to the bound, and what each
 * class pays to them. A row says that the pods a legal plan puts into a domain lie between two
 * numbers (`domain-box.ts`); that holds only for groups whose rule binds every legal plan and whose
 * families stand entirely inside the group, so duals on other groups are refused.
 */
import { domainBox } from './domain-box.ts';
import type { DomainGroup, PackingProblem } from './problem.ts';
import type { Certificate } from './solution.ts';
import type { ViolationList } from './violation.ts';

/** Both in nano-USD per hour, unscaled. */
export interface DomainTerms {
  /** Sum over rows of dual * rowMin (dual > 0) or dual * rowMax (dual < 0). */
  readonly rows: bigint;
  /** [class] s_c: the sum of the duals of the rows that the class stands in. */
  readonly shiftOf: readonly bigint[];
}

/**
 * Sums the domain rows of `certificate`; adds `domain-row-unusable` to `found` for duals on groups
 * that give no rows.
 */
export function sumDomainTerms(
  problem: PackingProblem,
  certificate: Certificate,
  found: ViolationList,
): DomainTerms {
  const shiftOf = Array.from<bigint>({ length: problem.classCount }).fill(0n);
  let rows = 0n;
  problem.domainGroups.forEach((group, index) => {
    const duals = certificate.domainDual[index] ?? [];
    if (duals.every((dual) => dual === 0)) return;
    const total = countGroupPods(problem, certificate, group);
    const box = group.boundSafe && total !== undefined ? domainBox(group, total) : undefined;
    if (box === undefined || box.length !== group.domains.length) {
      found.add('domain-row-unusable', () => `group ${group.name} gives no rows, but has duals`);
      return;
    }
    duals.forEach((dual, at) => {
      if (dual === 0) return;
      const { min, max } = box[at]!;
      rows += BigInt(dual) * BigInt(dual > 0 ? min : max);
      for (const c of group.domains[at]!.classes) shiftOf[c]! += BigInt(dual);
    });
  });
  return { rows, shiftOf };
}

/** Pods of the demand that stand in the group; undefined if a family is only partly inside. */
function countGroupPods(
  problem: PackingProblem,
  certificate: Certificate,
  group: DomainGroup,
): number | undefined {
  const inside = new Uint8Array(problem.classCount);
  for (const domain of group.domains) for (const c of domain.classes) inside[c] = 1;
  const isMember = new Map<number, boolean>();
  let isWhole = true;
  problem.familyOf.forEach((family, c) => {
    const before = isMember.get(family);
    const now = inside[c] === 1;
    if (before !== undefined && before !== now) isWhole &&= certificate.demand[family] === 0;
    isMember.set(family, now || before === true);
  });
  if (!isWhole) return undefined;
  let total = 0;
  for (const [family, member] of isMember) if (member) total += certificate.demand[family]!;
  return total;
}
