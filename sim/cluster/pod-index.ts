/**
 * Pods by node and by owner, for the simulated controllers.
 *
 * In: the cluster's changes. Out: the pods that stand on a node or belong to an owner now. What real
 * controllers get from indexes in their informers, here without lag: they react late enough.
 */
import type { Live } from '../../core/api/kinds.ts';
import type { SimulatedCluster } from './cluster.ts';

export interface PodIndex {
  onNode(nodeName: string): Iterable<Live<'Pod'>>;
  ownedBy(ownerUid: string): Iterable<Live<'Pod'>>;
  /** Names of nodes that have pods, existing or not. */
  readonly nodeNames: Iterable<string>;
}

type Pods = Map<string, Live<'Pod'>>;

export function createPodIndex(cluster: SimulatedCluster): PodIndex {
  const byNode = new Map<string, Pods>();
  const byOwner = new Map<string, Pods>();

  function put(pod: Live<'Pod'>): void {
    const { uid } = pod.metadata;
    const { nodeName = '' } = pod.spec;
    if (nodeName !== '') entryOf(byNode, nodeName).set(uid, pod);
    const owner = controllerUid(pod);
    if (owner !== '') entryOf(byOwner, owner).set(uid, pod);
  }

  function remove(pod: Live<'Pod'>): void {
    drop(byNode, pod.spec.nodeName ?? '', pod.metadata.uid);
    drop(byOwner, controllerUid(pod), pod.metadata.uid);
  }

  for (const pod of cluster.all('Pod')) put(pod);
  cluster.listen('Pod', ({ type, object, previous }) => {
    // Neither the node nor the owner of a pod changes once it has one, so it is put over itself.
    if (type === 'deleted') remove(previous ?? object);
    else put(object);
  });
  return {
    onNode: (nodeName) => byNode.get(nodeName)?.values() ?? [],
    ownedBy: (ownerUid) => byOwner.get(ownerUid)?.values() ?? [],
    get nodeNames() {
      return byNode.keys();
    },
  };
}

/** UID of the controlling owner, '' if there is none. */
export function controllerUid({ metadata }: Live<'Pod'>): string {
  return metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid ?? '';
}

function entryOf(index: Map<string, Pods>, key: string): Pods {
  const found = index.get(key);
  if (found !== undefined) return found;
  const made: Pods = new Map();
  index.set(key, made);
  return made;
}

function drop(index: Map<string, Pods>, key: string, uid: string): void {
  const pods = index.get(key);
  pods?.delete(uid);
  if (pods?.size === 0) index.delete(key);
}
