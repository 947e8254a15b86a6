/**
 * Is this a certificate for this problem at all?
 *
 * In: a problem and a certificate that may come straight from a file. Out: what is wrong with its
 * form: wrong lengths, numbers that are not integers, negative multipliers, indices out of range,
 * a demand above the problem's. It does not ask whether the certificate proves anything;
 * `certificate.ts` does.
 */
import type { PackingProblem } from './problem.ts';
import type { Certificate, KnapsackTableClaim } from './solution.ts';
import type { ViolationList } from './violation.ts';

/** Largest `fractionBits` that is read; above it no price fits into 53 bits. */
export const maxFractionBits = 52;

/**
 * Adds to `found` whatever is wrong with the form of `certificate`, code `malformed-certificate`.
 *
 * Arrays are checked to be arrays: a certificate from a file has its type only by hope.
 */
export function checkCertificateShape(
  problem: PackingProblem,
  certificate: Certificate,
  found: ViolationList,
): void {
  const defect = (message: string): void => found.add('malformed-certificate', () => message);
  const bits = certificate.fractionBits;
  if (!Number.isInteger(bits) || bits < 0 || bits > maxFractionBits) {
    defect(`fractionBits is ${bits}, expected an integer from 0 to ${maxFractionBits}`);
  }
  checkNumbers('demand', certificate.demand, problem.familyCount, isAmount, defect);
  checkNumbers('classDual', certificate.classDual, problem.classCount, isAmount, defect);
  checkNumbers('limitDual', certificate.limitDual, problem.limits.length, isAmount, defect);
  const vectors = arrayOr(certificate.multipliers, 'multipliers', defect);
  vectors.forEach((vector, index) => {
    checkNumbers(`multipliers[${index}]`, vector, problem.resourceNames.length, isAmount, defect);
  });
  const isVector = (value: unknown): boolean => isAmount(value) && Number(value) < vectors.length;
  checkNumbers('multiplierOf', certificate.multiplierOf, problem.offeringCount, isVector, defect);
  checkDomainDuals(problem, certificate, defect);
  arrayOr(certificate.tables, 'tables', defect).forEach((claim, index) => {
    checkClaim(problem, claim, `tables[${index}]`, defect);
  });
  if (found.empty) {
    const at = certificate.demand.findIndex((pods, family) => pods > problem.demand[family]!);
    if (at >= 0) defect(`demand[${at}] is ${certificate.demand[at]}, above ${problem.demand[at]}`);
  }
}

type Report = (message: string) => void;

function isAmount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function arrayOr<T>(value: readonly T[], name: string, defect: Report): readonly T[] {
  if (Array.isArray(value)) return value;
  defect(`${name} is not an array`);
  return [];
}

function checkNumbers(
  name: string,
  values: readonly number[],
  length: number,
  accepts: (value: unknown) => boolean,
  defect: Report,
): void {
  if (!Array.isArray(values)) {
    defect(`${name} is not an array`);
  } else if (values.length !== length) {
    defect(`${name} has ${values.length} entries, expected ${length}`);
  } else {
    const at = values.findIndex((value) => !accepts(value));
    if (at >= 0) defect(`${name}[${at}] is ${String(values[at])}`);
  }
}

/** Rows may be missing at the end ("0 or absent"); what is there must be integers. */
function checkDomainDuals(problem: PackingProblem, certificate: Certificate, defect: Report): void {
  const groups = arrayOr(certificate.domainDual, 'domainDual', defect);
  if (groups.length > problem.domainGroups.length) {
    defect(`domainDual has ${groups.length} groups, expected ${problem.domainGroups.length}`);
    return;
  }
  groups.forEach((duals, index) => {
    const domains = problem.domainGroups[index]!.domains.length;
    const name = `domainDual[${index}]`;
    const values = arrayOr(duals, name, defect);
    if (values.length > domains) {
      defect(`${name} has ${values.length} entries, expected at most ${domains}`);
    }
    const at = values.findIndex((value) => !Number.isSafeInteger(value));
    if (at >= 0) defect(`${name}[${at}] is ${String(values[at])}, expected an integer`);
  });
}

function checkClaim(
  problem: PackingProblem,
  claim: KnapsackTableClaim,
  name: string,
  defect: Report,
): void {
  if (typeof claim !== 'object' || claim === null) {
    defect(`${name} is not an object`);
    return;
  }
  const below = (limit: number) => (value: unknown) => isAmount(value) && Number(value) < limit;
  const offerings = arrayOr(claim.offerings, `${name}.offerings`, defect);
  const isOffering = below(problem.offeringCount);
  checkNumbers(`${name}.offerings`, offerings, offerings.length, isOffering, defect);
  const isResource = below(problem.resourceNames.length);
  checkNumbers(`${name}.resources`, claim.resources, 2, isResource, defect);
  const isGrid = (value: unknown): boolean => isAmount(value) && Number(value) >= 1;
  checkNumbers(`${name}.grid`, claim.grid, 2, isGrid, defect);
}
