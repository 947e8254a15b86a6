/**
 * Label selectors over pods and namespaces, compiled once and compared by meaning.
 *
 * In: selectors as manifests state them. Out: a matcher with a canonical text, so that the same
 * selector written twice counts as one. Rules: Kubernetes LabelSelector (absent selects nothing,
 * empty selects everything, all parts must hold). An expression that the API would refuse makes the
 * selector select nothing.
 */
import type { LabelSelector, LabelSelectorRequirement } from '../api/kubernetes.ts';

type Labels = Readonly<Record<string, string>>;

/** A compiled selector. */
export interface LabelMatcher {
  /** Equal for selectors that are written differently but mean the same; `''` selects all. */
  readonly text: string;
  /** Label keys that the answer depends on. */
  readonly keys: readonly string[];
  readonly matches: (labels: Labels) => boolean;
}

/** Selects no pod. */
export const matchesNothing: LabelMatcher = { text: '(nothing)', keys: [], matches: () => false };

function isValid(expression: LabelSelectorRequirement): boolean {
  const count = expression.values?.length ?? 0;
  switch (expression.operator) {
    case 'In':
    case 'NotIn':
      return count > 0;
    case 'Exists':
    case 'DoesNotExist':
      return count === 0;
    default:
      return false;
  }
}

function holds(expression: LabelSelectorRequirement, labels: Labels): boolean {
  const value = labels[expression.key];
  switch (expression.operator) {
    case 'In':
      return value !== undefined && (expression.values ?? []).includes(value);
    case 'NotIn':
      return value === undefined || !(expression.values ?? []).includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}

/** As kubectl writes it. Labels hold none of the marks used, so that texts tell meanings apart. */
function expressionText({ key, operator, values }: LabelSelectorRequirement): string {
  const listed = [...new Set(values ?? [])].sort();
  switch (operator) {
    case 'In':
      return listed.length === 1 ? `${key}=${listed[0]}` : `${key} in (${listed.join(' ')})`;
    case 'NotIn':
      return `${key} notin (${listed.join(' ')})`;
    case 'Exists':
      return key;
    case 'DoesNotExist':
      return `!${key}`;
  }
}

/** Compiles a selector; `extra` expressions must hold as well (matchLabelKeys and the like). */
export function compileSelector(
  selector: LabelSelector | undefined,
  extra: readonly LabelSelectorRequirement[] = [],
): LabelMatcher {
  if (selector === undefined) {
    return matchesNothing;
  }
  const expressions: LabelSelectorRequirement[] = Object.entries(selector.matchLabels ?? {}).map(
    ([key, value]) => ({ key, operator: 'In', values: [value] }),
  );
  expressions.push(...(selector.matchExpressions ?? []), ...extra);
  if (!expressions.every(isValid)) {
    return matchesNothing;
  }
  const parts = expressions.map(expressionText);
  return {
    text: [...new Set(parts)].sort().join(','),
    keys: [...new Set(expressions.map((expression) => expression.key))].sort(),
    matches: (labels) => expressions.every((expression) => holds(expression, labels)),
  };
}

/**
 * What matchLabelKeys (In) or mismatchLabelKeys (NotIn) add to a pod's selector: the pod's own
 * values. Keys that the pod does not have are left out, as the scheduler does.
 */
export function ownLabelExpressions(
  keys: readonly string[] | undefined,
  operator: 'In' | 'NotIn',
  labels: Labels,
): LabelSelectorRequirement[] {
  const expressions: LabelSelectorRequirement[] = [];
  for (const key of keys ?? []) {
    const value = labels[key];
    if (value !== undefined) {
      expressions.push({ key, operator, values: [value] });
    }
  }
  return expressions;
}
