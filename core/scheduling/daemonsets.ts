/**
 * DaemonSets as overhead: what they take from a node that they run on.
 *
 * In: DaemonSets, and pods of theirs that are alive. Out: per DaemonSet what decides whether it runs
 * on a node (selection, tolerations) and what it takes there (requests, host ports). It knows no
 * nodes and counts nothing.
 *
 * Rules: the DaemonSet controller (its extra tolerations; a pod on every node that selection and
 * taints allow); as in Karpenter, a live pod's requests replace the template's.
 */
import type { DaemonSet, PodSpec, Toleration } from '../api/kubernetes.ts';
import type { SnapshotPod } from '../state/snapshot.ts';
import { type HostPort, hostPortsOf } from './host-ports.ts';
import { compileSelector, type LabelMatcher } from './label-selector.ts';
import { type NodeSelection, nodeSelectionOf } from './node-affinity.ts';
import { effectiveRequests } from './requests.ts';
import type { Resources } from './resources.ts';
import { daemonTolerations, hostNetworkDaemonToleration } from './taints.ts';

export interface DaemonTemplate {
  /** `namespace/name`. */
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: PodSpec;
  readonly requests: Resources;
  readonly selection: NodeSelection;
  readonly tolerations: readonly Toleration[];
  readonly ports: readonly HostPort[];
  readonly matcher: LabelMatcher;
}

/** Compiles DaemonSets. O(DaemonSets x their live pods). */
export function daemonTemplates(
  daemonSets: readonly DaemonSet[],
  pods: readonly SnapshotPod[],
): DaemonTemplate[] {
  const live = pods.filter((pod) => pod.ownerKind === 'DaemonSet' && pod.nodeName !== '');
  return daemonSets
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map((daemonSet) => {
      const { spec, metadata } = daemonSet.spec.template;
      const namespace = daemonSet.metadata.namespace ?? 'default';
      const labels = metadata?.labels ?? {};
      // Without a selector nothing but the template's own labels can tell whose a pod is.
      const matcher = compileSelector(daemonSet.spec.selector ?? { matchLabels: labels });
      const tolerations = [...(spec.tolerations ?? []), ...daemonTolerations];
      if (spec.hostNetwork === true) {
        tolerations.push(hostNetworkDaemonToleration);
      }
      const pod = live.find((one) => one.namespace === namespace && matcher.matches(one.labels));
      return {
        name: `${namespace}/${daemonSet.metadata.name ?? ''}`,
        namespace,
        labels,
        spec,
        requests: effectiveRequests(pod?.spec ?? spec),
        selection: nodeSelectionOf(spec),
        tolerations,
        ports: hostPortsOf(spec),
        matcher,
      };
    });
}

/** Whether a pod is one of the DaemonSet's. */
export function isPodOf(daemon: DaemonTemplate, pod: SnapshotPod): boolean {
  return (
    pod.ownerKind === 'DaemonSet' &&
    pod.namespace === daemon.namespace &&
    daemon.matcher.matches(pod.labels)
  );
}
