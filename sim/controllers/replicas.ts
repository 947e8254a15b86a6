/**
 * Keeps up ReplicaSets, and the ReplicaSets of Deployments.
 *
 * In: Deployments, ReplicaSets and their pods. Out: pods and counts. Source: `pkg/controller/
 * {replicaset,deployment}`; a changed template is rolled out by a new ReplicaSet in full before the
 * old one goes, without surge and step sizes.
 */

import type { Live } from '../../core/api/kinds.ts';
import { labelPodTemplateHash } from '../../core/api/labels.ts';
import { keyOf, type SimulatedCluster } from '../cluster/cluster.ts';
import { deleteObject } from '../cluster/deletion.ts';
import { controllerUid, type PodIndex } from '../cluster/pod-index.ts';
import { isReady } from '../cluster/pod-verbs.ts';
import { createRandom } from '../random.ts';
import { controllerReference, createPod, deletePods, isActive } from './pods-of-template.ts';
import { createReconciler } from './reconciler.ts';

const reactionMs = 30;
const hashLength = 10;

export function startReplicaControllers(cluster: SimulatedCluster, pods: PodIndex): void {
  const setKeys = new Map<string, string>();
  const sets = createReconciler(cluster.clock, reactionMs, (key) => {
    const [namespace = '', name = ''] = key.split('/');
    const set = cluster.get('ReplicaSet', { namespace, name });
    if (set === undefined) return;
    const active = [...pods.ownedBy(set.metadata.uid)].filter(isActive);
    const missing = (set.spec.replicas ?? 1) - active.length;
    for (let index = 0; index < missing; index += 1) {
      createPod(cluster, 'ReplicaSet', set, set.spec.template);
    }
    if (missing < 0) deletePods(cluster, active, -missing);
    // A ReplicaSet leaves ended pods behind for the garbage collector; evicted ones would pile up.
    for (const pod of pods.ownedBy(set.metadata.uid)) {
      if (pod.status?.phase === 'Failed') deleteObject(cluster, 'Pod', pod.metadata);
    }
    const status = {
      replicas: active.length + Math.max(0, missing),
      readyReplicas: active.filter(isReady).length,
    };
    const body = { status } as object;
    cluster.patch('ReplicaSet', set.metadata, { type: 'merge', body }, { subresource: 'status' });
  });
  const deployments = createReconciler(cluster.clock, reactionMs, (key) => {
    const [namespace = '', name = ''] = key.split('/');
    const deployment = cluster.get('Deployment', { namespace, name });
    if (deployment !== undefined) roll(cluster, deployment);
  });

  cluster.listen('Deployment', ({ object, type }) => {
    if (type !== 'deleted') deployments.enqueue(keyOf(object.metadata));
  });
  cluster.listen('ReplicaSet', ({ object, type }) => {
    const { metadata } = object;
    if (type === 'deleted') setKeys.delete(metadata.uid);
    else {
      setKeys.set(metadata.uid, keyOf(metadata));
      sets.enqueue(keyOf(metadata));
    }
    const owner = metadata.ownerReferences?.find(({ kind }) => kind === 'Deployment');
    if (owner !== undefined) deployments.enqueue(`${metadata.namespace}/${owner.name}`);
  });
  cluster.listen('Pod', ({ object }) => {
    const key = setKeys.get(controllerUid(object));
    if (key !== undefined) sets.enqueue(key);
  });
}

function roll(cluster: SimulatedCluster, deployment: Live<'Deployment'>): void {
  const { metadata, spec } = deployment;
  const hash = createRandom(JSON.stringify(spec.template)).suffix(hashLength);
  const name = `${metadata.name}-${hash}`;
  const namespace = metadata.namespace ?? '';
  const replicas = spec.replicas ?? 1;
  const labels = { ...spec.template.metadata?.labels, [labelPodTemplateHash]: hash };
  const current = cluster.get('ReplicaSet', { namespace, name });
  if (current === undefined) {
    cluster.create('ReplicaSet', {
      metadata: {
        namespace,
        name,
        labels,
        ownerReferences: [controllerReference('Deployment', deployment)],
      },
      spec: {
        replicas,
        selector: { matchLabels: labels },
        template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
      },
    });
    return;
  }
  if (current.spec.replicas !== replicas) scale(cluster, current, replicas);
  const { readyReplicas = 0 } =
    (current as { readonly status?: { readyReplicas?: number } }).status ?? {};
  if (readyReplicas < replicas) return;
  for (const set of cluster.all('ReplicaSet')) {
    const isOld =
      set.metadata.uid !== current.metadata.uid &&
      set.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid) === true;
    if (isOld && set.spec.replicas !== 0) scale(cluster, set, 0);
  }
}

function scale(cluster: SimulatedCluster, set: Live<'ReplicaSet'>, replicas: number): void {
  cluster.patch('ReplicaSet', set.metadata, { type: 'merge', body: { spec: { replicas } } });
}
