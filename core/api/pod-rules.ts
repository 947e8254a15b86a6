/**
 * Rules of a pod's spec that tie several fields together.
 *
 * In: a spec that its schema accepts. Out: the problems, none if the API server would take it (as
 * far as placement is concerned). Source: the validation of core/v1 pods. It changes nothing and
 * fills no defaults.
 */
import { parseQuantity, unitOf } from '../scheduling/quantity.ts';
import { containerRequestList, isPodLevelResource } from '../scheduling/requests.ts';
import { checkEntries, duplicateEntries, type FieldProblem, memberPath } from './field-problem.ts';
import type {
  Container,
  LabelSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinity,
  PodAffinityTerm,
  PodSpec,
  ResourceRequirements,
  Toleration,
  TopologySpreadConstraint,
} from './kubernetes.ts';
import { labelValuePattern, type ResourceList } from './scalars.ts';

const labelValue = new RegExp(labelValuePattern);
const integer = /^-?[0-9]+$/;

/** Problems of a pod spec that stands at `path`. Linear in its size. */
export function podSpecProblems(spec: PodSpec, path: string): FieldProblem[] {
  const { nodeAffinity, podAffinity, podAntiAffinity } = spec.affinity ?? {};
  const all = [...(spec.initContainers ?? []), ...spec.containers];
  const atNodeAffinity = `${path}.affinity.nodeAffinity`;
  return [
    ...checkEntries(spec.containers, `${path}.containers`, (one, at) =>
      containerProblems(one, spec, at),
    ),
    ...checkEntries(spec.initContainers, `${path}.initContainers`, (one, at) =>
      containerProblems(one, spec, at),
    ),
    ...duplicateEntries(all, `${path}.containers`, 'container name', (one) => one.name),
    ...podLevelProblems(spec.resources, `${path}.resources`),
    ...resourceNameProblems(spec.overhead, `${path}.overhead`),
    ...checkEntries(
      nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms,
      `${atNodeAffinity}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms`,
      nodeSelectorTermProblems,
    ),
    ...checkEntries(
      nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution,
      `${atNodeAffinity}.preferredDuringSchedulingIgnoredDuringExecution`,
      (one, at) => nodeSelectorTermProblems(one.preference, `${at}.preference`),
    ),
    ...podAffinityProblems(podAffinity, `${path}.affinity.podAffinity`),
    ...podAffinityProblems(podAntiAffinity, `${path}.affinity.podAntiAffinity`),
    ...checkEntries(spec.tolerations, `${path}.tolerations`, tolerationProblems),
    ...checkEntries(
      spec.topologySpreadConstraints,
      `${path}.topologySpreadConstraints`,
      spreadProblems,
    ),
    ...duplicateEntries(
      spec.topologySpreadConstraints,
      `${path}.topologySpreadConstraints`,
      'pair of topologyKey and whenUnsatisfiable',
      (one) => `${one.topologyKey}/${one.whenUnsatisfiable}`,
    ),
  ];
}

/** Problems of a label selector: operators and the values that belong to them. */
export function labelSelectorProblems(
  selector: LabelSelector | undefined,
  path: string,
): FieldProblem[] {
  return checkEntries(selector?.matchExpressions, `${path}.matchExpressions`, (one, at) =>
    setOperatorProblems(one.operator, one.values, at),
  );
}

function containerProblems(container: Container, spec: PodSpec, path: string): FieldProblem[] {
  const { requests, limits } = container.resources ?? {};
  const at = `${path}.resources`;
  return [
    ...resourceNameProblems(requests, `${at}.requests`),
    ...resourceNameProblems(limits, `${at}.limits`),
    ...requestAboveLimitProblems(containerRequestList(container), limits, `${at}.requests`),
    ...checkEntries(container.ports, `${path}.ports`, (port, field) =>
      spec.hostNetwork === true &&
      (port.hostPort ?? 0) !== 0 &&
      port.hostPort !== port.containerPort
        ? [
            {
              field: `${field}.hostPort`,
              message: `expected ${port.containerPort} like containerPort, because hostNetwork is true, found ${port.hostPort}`,
            },
          ]
        : [],
    ),
  ];
}

function resourceNameProblems(list: ResourceList | undefined, path: string): FieldProblem[] {
  const problems: FieldProblem[] = [];
  for (const [resource, quantity] of Object.entries(list ?? {})) {
    const field = memberPath(path, resource);
    const native = resource === 'cpu' || unitOf(resource) === 'byte';
    if ((!native && !resource.includes('/')) || resource === 'storage') {
      problems.push({
        field,
        message: `expected cpu, memory, ephemeral-storage, hugepages-<size> or a name with a domain such as nvidia.com/gpu, found "${resource}"`,
      });
    } else if (!native && parseQuantity(quantity) % 1_000_000_000n !== 0n) {
      problems.push({ field, message: `expected an integer, found "${quantity}"` });
    }
  }
  return problems;
}

function requestAboveLimitProblems(
  requests: ResourceList | undefined,
  limits: ResourceList | undefined,
  path: string,
): FieldProblem[] {
  const problems: FieldProblem[] = [];
  for (const [resource, quantity] of Object.entries(requests ?? {})) {
    const limit = limits?.[resource];
    if (limit !== undefined && parseQuantity(quantity) > parseQuantity(limit)) {
      problems.push({
        field: memberPath(path, resource),
        message: `expected at most the limit "${limit}", found "${quantity}"`,
      });
    }
  }
  return problems;
}

function podLevelProblems(
  resources: ResourceRequirements | undefined,
  path: string,
): FieldProblem[] {
  const unsupported = (list: ResourceList | undefined, at: string) =>
    Object.keys(list ?? {})
      .filter((resource) => !isPodLevelResource(resource))
      .map((resource) => ({
        field: memberPath(at, resource),
        message: `expected cpu, memory or hugepages-<size> for a pod as a whole, found "${resource}"`,
      }));
  return [
    ...unsupported(resources?.requests, `${path}.requests`),
    ...unsupported(resources?.limits, `${path}.limits`),
    ...requestAboveLimitProblems(resources?.requests, resources?.limits, `${path}.requests`),
  ];
}

function nodeSelectorTermProblems(term: NodeSelectorTerm, path: string): FieldProblem[] {
  return [
    ...checkEntries(term.matchExpressions, `${path}.matchExpressions`, nodeRequirementProblems),
    ...checkEntries(term.matchFields, `${path}.matchFields`, (one, at) => {
      if (one.key !== 'metadata.name') {
        return [{ field: `${at}.key`, message: `expected metadata.name, found "${one.key}"` }];
      }
      if (one.operator !== 'In' && one.operator !== 'NotIn') {
        return [
          { field: `${at}.operator`, message: `expected In or NotIn, found "${one.operator}"` },
        ];
      }
      return countProblems(one.values, 1, at);
    }),
  ];
}

function nodeRequirementProblems(one: NodeSelectorRequirement, path: string): FieldProblem[] {
  if (one.operator !== 'Gt' && one.operator !== 'Lt') {
    return setOperatorProblems(one.operator, one.values, path);
  }
  const problems = countProblems(one.values, 1, path);
  return problems.length > 0
    ? problems
    : integerProblems(one.values?.[0] ?? '', `${path}.values[0]`);
}

function setOperatorProblems(
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist',
  values: readonly string[] | undefined,
  path: string,
): FieldProblem[] {
  if (operator === 'Exists' || operator === 'DoesNotExist') {
    return countProblems(values, 0, path);
  }
  return (values ?? []).length > 0
    ? []
    : [
        {
          field: `${path}.values`,
          message: `expected at least one value for ${operator}, found none`,
        },
      ];
}

function countProblems(
  values: readonly string[] | undefined,
  expected: 0 | 1,
  path: string,
): FieldProblem[] {
  const found = values?.length ?? 0;
  const wording = expected === 0 ? 'no values for this operator' : 'exactly one value';
  return found === expected
    ? []
    : [{ field: `${path}.values`, message: `expected ${wording}, found ${found}` }];
}

function integerProblems(text: string, field: string): FieldProblem[] {
  return integer.test(text)
    ? []
    : [{ field, message: `expected an integer as string, found "${text}"` }];
}

function podAffinityProblems(affinity: PodAffinity | undefined, path: string): FieldProblem[] {
  return [
    ...checkEntries(
      affinity?.requiredDuringSchedulingIgnoredDuringExecution,
      `${path}.requiredDuringSchedulingIgnoredDuringExecution`,
      podAffinityTermProblems,
    ),
    ...checkEntries(
      affinity?.preferredDuringSchedulingIgnoredDuringExecution,
      `${path}.preferredDuringSchedulingIgnoredDuringExecution`,
      (one, at) => podAffinityTermProblems(one.podAffinityTerm, `${at}.podAffinityTerm`),
    ),
  ];
}

function podAffinityTermProblems(term: PodAffinityTerm, path: string): FieldProblem[] {
  const keys = [
    ...labelKeyProblems(term.matchLabelKeys, term.labelSelector, `${path}.matchLabelKeys`),
    ...labelKeyProblems(term.mismatchLabelKeys, term.labelSelector, `${path}.mismatchLabelKeys`),
  ];
  return [
    ...labelSelectorProblems(term.labelSelector, `${path}.labelSelector`),
    ...labelSelectorProblems(term.namespaceSelector, `${path}.namespaceSelector`),
    ...keys,
  ];
}

function labelKeyProblems(
  keys: readonly string[] | undefined,
  selector: LabelSelector | undefined,
  field: string,
): FieldProblem[] {
  return (keys ?? []).length > 0 && selector === undefined
    ? [{ field, message: 'expected a labelSelector beside it, found none' }]
    : [];
}

function tolerationProblems(one: Toleration, path: string): FieldProblem[] {
  const operator = one.operator === undefined || one.operator === '' ? 'Equal' : one.operator;
  const problems: FieldProblem[] = [];
  if ((one.key ?? '') === '' && operator !== 'Exists') {
    problems.push({
      field: `${path}.operator`,
      message: `expected Exists, because key is empty, found "${operator}"`,
    });
  }
  if (operator === 'Exists' && (one.value ?? '') !== '') {
    problems.push({
      field: `${path}.value`,
      message: `expected no value for Exists, found "${one.value}"`,
    });
  }
  if (operator === 'Gt' || operator === 'Lt') {
    problems.push(...integerProblems(one.value ?? '', `${path}.value`));
  } else if (!labelValue.test(one.value ?? '')) {
    problems.push({
      field: `${path}.value`,
      message: `expected a label value, found "${one.value}"`,
    });
  }
  if (one.tolerationSeconds !== undefined && one.effect !== 'NoExecute') {
    problems.push({
      field: `${path}.effect`,
      message: `expected NoExecute beside tolerationSeconds, found "${one.effect ?? ''}"`,
    });
  }
  return problems;
}

function spreadProblems(one: TopologySpreadConstraint, path: string): FieldProblem[] {
  const problems = [
    ...labelSelectorProblems(one.labelSelector, `${path}.labelSelector`),
    ...labelKeyProblems(one.matchLabelKeys, one.labelSelector, `${path}.matchLabelKeys`),
  ];
  if (one.minDomains !== undefined && one.whenUnsatisfiable !== 'DoNotSchedule') {
    problems.push({
      field: `${path}.minDomains`,
      message: 'expected none beside whenUnsatisfiable ScheduleAnyway',
    });
  }
  return problems;
}
