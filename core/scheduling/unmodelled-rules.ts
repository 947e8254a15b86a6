/**
 * Hard rules that the packing model does not know yet, in the order in which they are reported.
 *
 * In: a pod. Out: the reason why it cannot be planned, naming the rule, or nothing. A rule leaves
 * this list on the day that a policy file of its own models it; until then its pods are refused,
 * since a rule that is silently ignored gives nodes that the pods cannot use.
 */
import type { PodSpec } from '../api/kubernetes.ts';

type Labels = Readonly<Record<string, string>>;

/** What the rules look at. */
export interface RuleSubject {
  readonly spec: PodSpec;
  readonly labels: Labels;
  readonly annotations: Labels;
}

type UnmodelledRule = (pod: RuleSubject) => string | undefined;

function podAffinity({ spec }: RuleSubject): string | undefined {
  const terms = spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  return terms.length === 0
    ? undefined
    : 'required pod affinity (spec.affinity.podAffinity) is not modelled yet';
}

function volumes({ spec }: RuleSubject): string | undefined {
  for (const volume of spec.volumes ?? []) {
    if (volume.persistentVolumeClaim !== undefined) {
      return 'volumes with a persistentVolumeClaim are not modelled yet';
    }
    if (volume.ephemeral !== undefined) {
      return 'ephemeral volumes with a claim template are not modelled yet';
    }
    if (volume.awsElasticBlockStore !== undefined) {
      return 'awsElasticBlockStore volumes are not modelled yet';
    }
  }
  return undefined;
}

function resourceClaims({ spec }: RuleSubject): string | undefined {
  return (spec.resourceClaims ?? []).length === 0
    ? undefined
    : 'dynamic resource allocation (spec.resourceClaims) is not modelled yet';
}

const gangLabels = ['scheduling.x-k8s.io/pod-group', 'pod-group.scheduling.sigs.k8s.io/name'];
const gangAnnotations = [
  'stowage.dev/gang',
  'scheduling.k8s.io/group-name',
  'yunikorn.apache.org/task-group-name',
];

function gangs({ spec, labels, annotations }: RuleSubject): string | undefined {
  if (spec.schedulingGroup !== undefined) {
    return 'all-or-nothing groups (spec.schedulingGroup) are not modelled yet';
  }
  const label = gangLabels.find((key) => labels[key] !== undefined);
  const annotation = gangAnnotations.find((key) => annotations[key] !== undefined);
  if (label === undefined && annotation === undefined) {
    return undefined;
  }
  return label === undefined
    ? `all-or-nothing groups (annotation ${annotation}) are not modelled yet`
    : `all-or-nothing groups (label ${label}) are not modelled yet`;
}

/** Asked in this order; the first answer is the pod's reason. */
const rules: readonly UnmodelledRule[] = [podAffinity, volumes, resourceClaims, gangs];

/** Why the pod cannot be planned although it might fit somewhere; undefined if nothing stands in the way. */
export function unmodelledRule(pod: RuleSubject): string | undefined {
  for (const rule of rules) {
    const reason = rule(pod);
    if (reason !== undefined) {
      return reason;
    }
  }
  return undefined;
}

/** Preferences in a spec that do not count yet, by kind, for the plan's notes. */
export function unweighedPreferences(spec: PodSpec): string[] {
  const kinds: string[] = [];
  const { nodeAffinity, podAffinity, podAntiAffinity } = spec.affinity ?? {};
  if ((nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).length > 0) {
    kinds.push('preferred node affinity');
  }
  if ((podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).length > 0) {
    kinds.push('preferred pod affinity');
  }
  if ((podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).length > 0) {
    kinds.push('preferred pod anti-affinity');
  }
  if (
    spec.topologySpreadConstraints?.some(
      ({ whenUnsatisfiable }) => whenUnsatisfiable === 'ScheduleAnyway',
    )
  ) {
    kinds.push('topology spread with whenUnsatisfiable ScheduleAnyway');
  }
  return kinds;
}
