/**
 * Keeps one pod of each DaemonSet on every node that it may run on.
 *
 * In: DaemonSets, nodes, pods. Out: pods that name their node in an affinity, for the scheduler to
 * bind. Source: `pkg/controller/daemon`: a pod is made where selection and taints allow, and taken
 * away where selection or a NoExecute taint no longer does.
 */
import type { Live } from '../../core/api/kinds.ts';
import type { PodSpec, Toleration } from '../../core/api/kubernetes.ts';
import { nodeSelectionOf } from '../../core/scheduling/node-affinity.ts';
import { admitsLabels } from '../../core/scheduling/requirements.ts';
import {
  daemonTolerations,
  firstUntoleratedTaint,
  hostNetworkDaemonToleration,
} from '../../core/scheduling/taints.ts';
import { canonicalLabels } from '../../core/scheduling/well-known-labels.ts';
import { keyOf, type SimulatedCluster } from '../cluster/cluster.ts';
import { deleteObject } from '../cluster/deletion.ts';
import { controllerUid, type PodIndex } from '../cluster/pod-index.ts';
import { createPod } from './pods-of-template.ts';
import { createReconciler } from './reconciler.ts';

const reactionMs = 50;
const nodeNameKey = 'metadata.name';

export function startDaemonSetController(cluster: SimulatedCluster, pods: PodIndex): void {
  const keys = new Map<string, string>();
  const reconciler = createReconciler(cluster.clock, reactionMs, (key) => {
    const [namespace = '', name = ''] = key.split('/');
    const daemonSet = cluster.get('DaemonSet', { namespace, name });
    if (daemonSet !== undefined) sync(daemonSet);
  });

  function sync(daemonSet: Live<'DaemonSet'>): void {
    const { template } = daemonSet.spec;
    const tolerations = tolerationsOf(template.spec);
    const standing = new Map<string, Live<'Pod'>[]>();
    for (const pod of pods.ownedBy(daemonSet.metadata.uid)) {
      if (pod.metadata.deletionTimestamp !== undefined) continue;
      if (pod.status?.phase === 'Failed') {
        deleteObject(cluster, 'Pod', pod.metadata);
        continue;
      }
      const nodeName = nodeNameOf(pod);
      standing.set(nodeName, [...(standing.get(nodeName) ?? []), pod]);
    }
    const selection = nodeSelectionOf(template.spec);
    for (const node of cluster.all('Node')) {
      const { name } = node.metadata;
      const labels = canonicalLabels(node.metadata.labels ?? {});
      const isSelected = selection.alternatives.some((one) => admitsLabels(one, labels));
      const taints = node.spec?.taints ?? [];
      const mayCome = isSelected && firstUntoleratedTaint(taints, tolerations) === undefined;
      const severe = taints.filter(({ effect }) => effect === 'NoExecute');
      const mayStay = isSelected && firstUntoleratedTaint(severe, tolerations) === undefined;
      const here = standing.get(name) ?? [];
      standing.delete(name);
      if (here.length === 0 && mayCome) {
        createPod(cluster, 'DaemonSet', daemonSet, template, {
          spec: specFor(template.spec, tolerations, name),
        });
      }
      for (const pod of mayStay ? here.slice(1) : here) deleteObject(cluster, 'Pod', pod.metadata);
    }
    // Of nodes that are gone: those that were never bound; the others are the pod collector's.
    for (const pod of [...standing.values()].flat()) {
      if ((pod.spec.nodeName ?? '') === '') deleteObject(cluster, 'Pod', pod.metadata);
    }
  }

  const all = (): void => {
    for (const { metadata } of cluster.all('DaemonSet')) reconciler.enqueue(keyOf(metadata));
  };
  cluster.listen('DaemonSet', ({ object, type }) => {
    if (type === 'deleted') keys.delete(object.metadata.uid);
    else {
      keys.set(object.metadata.uid, keyOf(object.metadata));
      reconciler.enqueue(keyOf(object.metadata));
    }
  });
  cluster.listen('Node', ({ type, object, previous }) => {
    const isMoved =
      previous?.metadata.labels !== object.metadata.labels ||
      previous?.spec?.taints !== object.spec?.taints;
    if (type !== 'modified' || isMoved) all();
  });
  cluster.listen('Pod', ({ object, type }) => {
    const key = keys.get(controllerUid(object));
    const hasEnded = type === 'deleted' || object.status?.phase === 'Failed';
    if (key !== undefined && hasEnded) reconciler.enqueue(key);
  });
}

function tolerationsOf(spec: PodSpec): Toleration[] {
  return [
    ...(spec.tolerations ?? []),
    ...daemonTolerations,
    ...(spec.hostNetwork === true ? [hostNetworkDaemonToleration] : []),
  ];
}

/** The template's spec, tied to one node. */
function specFor(spec: PodSpec, tolerations: Toleration[], nodeName: string): PodSpec {
  const byName = { key: nodeNameKey, operator: 'In' as const, values: [nodeName] };
  const required = { nodeSelectorTerms: [{ matchFields: [byName] }] };
  return {
    ...spec,
    tolerations,
    affinity: {
      ...spec.affinity,
      nodeAffinity: {
        ...spec.affinity?.nodeAffinity,
        requiredDuringSchedulingIgnoredDuringExecution: required,
      },
    },
  };
}

/** The node that a DaemonSet's pod is meant for, bound or not; '' if it names none. */
export function nodeNameOf({ spec }: Live<'Pod'>): string {
  if ((spec.nodeName ?? '') !== '') return spec.nodeName ?? '';
  const terms =
    spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const field = terms?.[0]?.matchFields?.find(({ key }) => key === nodeNameKey);
  return field?.values?.[0] ?? '';
}
