/**
 * The algebra of node requirements: what a label's value may be.
 *
 * In: requirements as NodePools and pods state them. Out: requirements as sets (or complements of
 * sets) of values with inclusive integer bounds, their intersections, and whether a label, or
 * another set of requirements, satisfies them. It knows no pod, no node and no instance type.
 *
 * Rules: Kubernetes node affinity for real labels (a missing label satisfies only NotIn and
 * DoesNotExist; Gt and Lt need an integer), Karpenter v1 for templates (Gte, Lte, minValues;
 * `Gt n` is `Gte n+1`; a key that a template leaves open may be satisfiable, see
 * {@link conflictingKey}).
 */
import type { RequirementOperator } from '../api/nodepool.ts';

/** A requirement as it is written in a manifest. */
export interface RequirementExpression {
  readonly key: string;
  readonly operator: RequirementOperator;
  readonly values?: readonly string[];
  readonly minValues?: number;
}

/** The values that one label may have. */
export interface Requirement {
  readonly key: string;
  /** True: all values but `values`. False: only `values`. */
  readonly complement: boolean;
  readonly values: ReadonlySet<string>;
  /** Least integer allowed; `-Infinity` if none. A finite bound refuses values that are no integers. */
  readonly gte: number;
  /** Greatest integer allowed; `Infinity` if none. */
  readonly lte: number;
  /** True if the label may be missing altogether. */
  readonly absent: boolean;
  /** Distinct values that must stay open to choice; 0 if the requirement does not say. */
  readonly minValues: number;
}

/** Requirements by key, one for each. */
export type Requirements = ReadonlyMap<string, Requirement>;

const noValues: ReadonlySet<string> = new Set();
const integerPattern = /^[+-]?[0-9]{1,18}$/;

/** The integer that a label value or a bound spells, or undefined. */
export function integerOf(value: string): number | undefined {
  return integerPattern.test(value) ? Number(value) : undefined;
}

/** Builds a requirement from one expression. A bound that is no integer leaves nothing allowed. */
export function requirementOf(expression: RequirementExpression): Requirement {
  const { key, operator } = expression;
  const values = expression.values ?? [];
  const minValues = expression.minValues ?? 0;
  const open = { key, gte: -Infinity, lte: Infinity, minValues };
  switch (operator) {
    case 'In':
      return { ...open, complement: false, values: new Set(values), absent: false };
    case 'NotIn':
      return { ...open, complement: true, values: new Set(values), absent: true };
    case 'Exists':
      return { ...open, complement: true, values: noValues, absent: false };
    case 'DoesNotExist':
      return { ...open, complement: false, values: noValues, absent: true };
    case 'Gt':
    case 'Lt':
    case 'Gte':
    case 'Lte': {
      const bound = values.length === 1 ? integerOf(values[0] ?? '') : undefined;
      if (bound === undefined) {
        return { ...open, complement: false, values: noValues, absent: false };
      }
      const gte = operator === 'Gt' ? bound + 1 : operator === 'Gte' ? bound : -Infinity;
      const lte = operator === 'Lt' ? bound - 1 : operator === 'Lte' ? bound : Infinity;
      return { ...open, complement: true, values: noValues, absent: false, gte, lte };
    }
  }
}

/** Whether `value` lies within the bounds; without bounds every string does. */
function withinBounds(value: string, gte: number, lte: number): boolean {
  if (gte === -Infinity && lte === Infinity) {
    return true;
  }
  const integer = integerOf(value);
  return integer !== undefined && integer >= gte && integer <= lte;
}

/** Whether a label with this value (undefined: no such label) satisfies the requirement. */
export function admitsValue(requirement: Requirement, value: string | undefined): boolean {
  if (value === undefined) {
    return requirement.absent;
  }
  return (
    requirement.values.has(value) !== requirement.complement &&
    withinBounds(value, requirement.gte, requirement.lte)
  );
}

/** Whether no label, present or missing, can satisfy the requirement. */
export function isUnsatisfiable(requirement: Requirement): boolean {
  return !requirement.absent && !requirement.complement && requirement.values.size === 0;
}

/** What both requirements allow. Both must have the same key. */
export function intersection(a: Requirement, b: Requirement): Requirement {
  const gte = Math.max(a.gte, b.gte);
  const lte = Math.min(a.lte, b.lte);
  const shared = {
    key: a.key,
    gte,
    lte,
    absent: a.absent && b.absent,
    minValues: Math.max(a.minValues, b.minValues),
  };
  if (gte > lte) {
    return { ...shared, gte: -Infinity, lte: Infinity, complement: false, values: noValues };
  }
  if (a.complement && b.complement) {
    return { ...shared, complement: true, values: a.values.union(b.values) };
  }
  const kept = new Set<string>();
  for (const value of a.complement ? b.values : a.values) {
    if (
      b.values.has(value) !== b.complement &&
      a.values.has(value) !== a.complement &&
      withinBounds(value, gte, lte)
    ) {
      kept.add(value);
    }
  }
  return { ...shared, gte: -Infinity, lte: Infinity, complement: false, values: kept };
}

/** One requirement for each key: expressions on the same key are intersected. */
export function requirementsOf(
  expressions: Iterable<RequirementExpression>,
  canonicalKey: (key: string) => string = (key) => key,
): Map<string, Requirement> {
  const byKey = new Map<string, Requirement>();
  for (const expression of expressions) {
    addRequirement(byKey, requirementOf({ ...expression, key: canonicalKey(expression.key) }));
  }
  return byKey;
}

/** Narrows `requirements` by one more. */
export function addRequirement(
  requirements: Map<string, Requirement>,
  requirement: Requirement,
): void {
  const known = requirements.get(requirement.key);
  requirements.set(
    requirement.key,
    known === undefined ? requirement : intersection(known, requirement),
  );
}

/** Whether real labels satisfy all requirements (strict: a missing label is a missing label). */
export function admitsLabels(
  requirements: Requirements,
  labels: Readonly<Record<string, string>>,
): boolean {
  for (const [key, requirement] of requirements) {
    if (!admitsValue(requirement, labels[key])) {
      return false;
    }
  }
  return true;
}

/**
 * The first key on which a pod's requirements cannot be met by a template, or undefined.
 *
 * A key that the template does not mention is met if `mayBeDefined(key)` (labels that the cloud
 * will set) or if the pod can do without the label; everything else must intersect.
 */
export function conflictingKey(
  template: Requirements,
  pod: Requirements,
  mayBeDefined: (key: string) => boolean,
): string | undefined {
  for (const [key, wanted] of pod) {
    const offered = template.get(key);
    const met =
      offered === undefined
        ? wanted.absent || (mayBeDefined(key) && !isUnsatisfiable(wanted))
        : !isUnsatisfiable(intersection(offered, wanted));
    if (!met) {
      return key;
    }
  }
  return undefined;
}

/** A text that two requirements share if and only if they are the same. */
export function requirementKey(requirement: Requirement): string {
  const { key, complement, values, gte, lte, absent, minValues } = requirement;
  return JSON.stringify([
    key,
    complement,
    [...values].sort(),
    String(gte),
    String(lte),
    absent,
    minValues,
  ]);
}
