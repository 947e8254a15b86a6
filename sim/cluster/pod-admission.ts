/**
 * What the API server makes of a pod that is sent to it, and what it lets others change of it.
 *
 * In: a pod. Out: the pod as stored (defaults, priority, default tolerations, Pending), or a
 * ClusterError. Sources: `pkg/apis/core/v1/defaults.go`, the admission plugins Priority and
 * DefaultTolerationSeconds, `ValidatePodUpdate`. Specs that are the same object stay one object, so
 * that pods of one template share theirs.
 */

import type { Live } from '../../core/api/kinds.ts';
import type {
  Container,
  Pod,
  PodSpec,
  PriorityClass,
  Toleration,
} from '../../core/api/kubernetes.ts';
import { ClusterError } from '../../core/ports.ts';
import { isEqual } from './json.ts';

const toleratedSeconds = 300;
const defaultGraceSeconds = 30;
const defaultedTaints = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

const perSpec = new WeakMap<PodSpec, { readonly priorityKey: string; readonly spec: PodSpec }>();

/** @throws ClusterError `Forbidden` for an unknown priority class */
export function admitPod(pod: Pod, classes: readonly Live<'PriorityClass'>[], now: string): Pod {
  const spec = admitSpec(pod.spec, classes);
  const isGated = (spec.schedulingGates ?? []).length > 0;
  const gated = {
    type: 'PodScheduled',
    status: 'False' as const,
    reason: 'SchedulingGated',
    message: 'Scheduling is blocked due to non-empty scheduling gates',
    lastTransitionTime: now,
  };
  return {
    metadata: pod.metadata,
    spec,
    status: { phase: 'Pending', ...(isGated ? { conditions: [gated] } : {}) },
  };
}

/** @throws ClusterError `Invalid` for a change that is not allowed */
export function admitPodUpdate(before: Pod, after: Pod): void {
  if (before.spec === after.spec) return;
  const changeable = (spec: PodSpec): PodSpec => ({
    ...spec,
    tolerations: [],
    schedulingGates: [],
    containers: spec.containers.map((container) => ({ ...container, image: '', resources: {} })),
  });
  if (!isEqual(changeable(before.spec), changeable(after.spec))) {
    throw new ClusterError('Invalid', 'spec: pod updates may not change fields other than image');
  }
  const gatesBefore = (before.spec.schedulingGates ?? []).map(({ name }) => name);
  const added = (after.spec.schedulingGates ?? []).filter(
    ({ name }) => !gatesBefore.includes(name),
  );
  if (added.length > 0) {
    throw new ClusterError('Invalid', 'spec.schedulingGates: only deletion is allowed');
  }
  const kept = (before.spec.tolerations ?? []).every((old) =>
    (after.spec.tolerations ?? []).some((toleration) => isEqual(old, toleration)),
  );
  if (!kept) throw new ClusterError('Invalid', 'spec.tolerations: only additions are allowed');
}

/** @throws ClusterError `Invalid` for a nomination of a pod that has a node */
export function admitPodStatus(before: Pod, after: Pod): void {
  const nomination = after.status?.nominatedNodeName ?? '';
  const isNew = nomination !== '' && nomination !== (before.status?.nominatedNodeName ?? '');
  if (isNew && (before.spec.nodeName ?? '') !== '') {
    throw new ClusterError(
      'Invalid',
      'status.nominatedNodeName: may not be set on pods that are already bound to a node',
    );
  }
}

function admitSpec(spec: PodSpec, classes: readonly Live<'PriorityClass'>[]): PodSpec {
  const priorityClass = priorityClassOf(spec, classes);
  const priorityKey = `${priorityClass?.metadata.name ?? ''}/${priorityClass?.value ?? 0}`;
  const known = perSpec.get(spec);
  if (known?.priorityKey === priorityKey) return known.spec;
  const admitted: PodSpec = {
    ...spec,
    containers: spec.containers.map(withRequests),
    ...(spec.initContainers === undefined
      ? {}
      : { initContainers: spec.initContainers.map(withRequests) }),
    schedulerName: spec.schedulerName ?? 'default-scheduler',
    restartPolicy: spec.restartPolicy ?? 'Always',
    terminationGracePeriodSeconds: spec.terminationGracePeriodSeconds ?? defaultGraceSeconds,
    priority: priorityClass?.value ?? 0,
    preemptionPolicy:
      spec.preemptionPolicy ?? priorityClass?.preemptionPolicy ?? 'PreemptLowerPriority',
    tolerations: withDefaultTolerations(spec.tolerations ?? []),
  };
  perSpec.set(spec, { priorityKey, spec: admitted });
  return admitted;
}

function priorityClassOf(
  spec: PodSpec,
  classes: readonly Live<'PriorityClass'>[],
): PriorityClass | undefined {
  const { priorityClassName } = spec;
  if (priorityClassName === undefined) return classes.find(({ globalDefault }) => globalDefault);
  const found = classes.find(({ metadata }) => metadata.name === priorityClassName);
  if (found === undefined) {
    throw new ClusterError(
      'Forbidden',
      `no PriorityClass with name ${priorityClassName} was found`,
    );
  }
  return found;
}

function withRequests(container: Container): Container {
  const { limits, requests } = container.resources ?? {};
  if (limits === undefined) return container;
  return {
    ...container,
    resources: { ...container.resources, requests: { ...limits, ...requests } },
  };
}

function withDefaultTolerations(tolerations: readonly Toleration[]): Toleration[] {
  const missing = defaultedTaints.filter(
    (taint) =>
      !tolerations.some(
        ({ key = '', effect = '' }) =>
          (key === taint || key === '') && (effect === 'NoExecute' || effect === ''),
      ),
  );
  return [
    ...tolerations,
    ...missing.map((key) => ({
      key,
      operator: 'Exists' as const,
      effect: 'NoExecute' as const,
      tolerationSeconds: toleratedSeconds,
    })),
  ];
}
