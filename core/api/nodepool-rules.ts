/**
 * Rules of a NodePool that tie several fields together or that a schema cannot say.
 *
 * In: a NodePool that its schema accepts. Out: the problems, none if Karpenter's own API and its
 * runtime validation would take it. Source: CEL rules and runtime checks of `karpenter.sh/v1`. It
 * does not look at the EC2NodeClass that the pool refers to.
 */
import { checkEntries, duplicateEntries, type FieldProblem, memberPath } from './field-problem.ts';
import {
  capacityTypes,
  isRestrictedLabel,
  labelCapacityType,
  labelInstanceTenancy,
  labelNodePool,
  normalizedLabelKey,
  tenancies,
} from './labels.ts';
import type { DisruptionBudget, NodePool, NodePoolRequirement, NodePoolSpec } from './nodepool.ts';

const nonNegativeInteger = /^[0-9]{1,18}$/;

/** Values that are known for a label; a requirement must name at least one of them. */
const knownValues = new Map<string, readonly string[]>([
  [labelCapacityType, capacityTypes],
  [labelInstanceTenancy, tenancies],
]);

/** Problems of a NodePool. */
export function nodePoolProblems(pool: NodePool): FieldProblem[] {
  const { template, disruption } = pool.spec;
  const { taints = [], startupTaints = [], requirements } = template.spec;
  const at = 'spec.template.spec';
  const firstStartup = taints.length;
  return [
    ...labelProblems(template.metadata?.labels ?? {}),
    ...duplicateEntries(
      [...taints, ...startupTaints],
      '',
      'taint key and effect',
      (one) => `${one.key}:${one.effect}`,
    ).map((problem) => ({ ...problem, field: taintField(at, problem.field, firstStartup) })),
    ...checkEntries(requirements, `${at}.requirements`, nodePoolRequirementProblems),
    ...staticPoolProblems(pool.spec),
    ...checkEntries(disruption?.budgets, 'spec.disruption.budgets', budgetProblems),
  ];
}

/** Problems of one requirement of a NodePool or a NodeClaim. */
export function nodePoolRequirementProblems(
  one: NodePoolRequirement,
  path: string,
): FieldProblem[] {
  const key = normalizedLabelKey(one.key);
  if (key === labelNodePool || isRestrictedLabel(key)) {
    return [
      { field: `${path}.key`, message: `expected a label that pools may set, found "${one.key}"` },
    ];
  }
  return requirementValueProblems(one, key, path);
}

/** Problems of the values of a requirement on `key`, which may be set. */
export function requirementValueProblems(
  one: NodePoolRequirement,
  key: string,
  path: string,
): FieldProblem[] {
  const values = one.values ?? [];
  switch (one.operator) {
    case 'In':
      return inProblems(one, key, path);
    case 'Gt':
    case 'Lt':
    case 'Gte':
    case 'Lte':
      return values.length === 1 && nonNegativeInteger.test(values[0] ?? '')
        ? []
        : [
            {
              field: `${path}.values`,
              message: `expected exactly one integer of at least 0 as string for ${one.operator}, found ${JSON.stringify(values)}`,
            },
          ];
    case 'NotIn':
    case 'Exists':
    case 'DoesNotExist':
      return [];
  }
}

function inProblems(one: NodePoolRequirement, key: string, path: string): FieldProblem[] {
  const values = one.values ?? [];
  const field = `${path}.values`;
  if (values.length === 0) {
    return [{ field, message: 'expected at least one value for In, found none' }];
  }
  const known = knownValues.get(key);
  if (known !== undefined && !values.some((value) => known.includes(value))) {
    return [
      { field, message: `expected one of ${known.join(', ')}, found ${JSON.stringify(values)}` },
    ];
  }
  if (one.minValues !== undefined && values.length < one.minValues) {
    return [
      {
        field: `${path}.minValues`,
        message: `expected at most the number of values (${values.length}), found ${one.minValues}`,
      },
    ];
  }
  return [];
}

/** `[3]` of the joined list of taints is `startupTaints[1]` if there are two taints. */
function taintField(path: string, joined: string, firstStartup: number): string {
  const index = Number(joined.slice(1, -1));
  return index < firstStartup
    ? `${path}.taints[${index}]`
    : `${path}.startupTaints[${index - firstStartup}]`;
}

function labelProblems(labels: Readonly<Record<string, string>>): FieldProblem[] {
  return Object.keys(labels)
    .filter((key) => isRestrictedLabel(key))
    .map((key) => ({
      field: memberPath('spec.template.metadata.labels', key),
      message: 'expected a label that pools may set; this one belongs to the controllers',
    }));
}

function staticPoolProblems(spec: NodePoolSpec): FieldProblem[] {
  if (spec.replicas === undefined) {
    return [];
  }
  const problems: FieldProblem[] = Object.keys(spec.limits ?? {})
    .filter((resource) => resource !== 'nodes')
    .map((resource) => ({
      field: memberPath('spec.limits', resource),
      message: 'expected only nodes to be limited beside replicas',
    }));
  if (spec.weight !== undefined) {
    problems.push({ field: 'spec.weight', message: 'expected none beside replicas' });
  }
  return problems;
}

function budgetProblems(budget: DisruptionBudget, path: string): FieldProblem[] {
  if ((budget.schedule === undefined) === (budget.duration === undefined)) {
    return [];
  }
  const missing = budget.schedule === undefined ? 'schedule' : 'duration';
  return [{ field: `${path}.${missing}`, message: 'expected schedule and duration together' }];
}
