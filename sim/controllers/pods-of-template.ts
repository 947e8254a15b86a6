/**
 * Making and counting the pods of a workload controller.
 *
 * In: an owner and its template. Out: pods that it controls. The template's spec object goes into
 * every pod as it is, so that the pods of one template share it.
 */
import type { Kind, Live } from '../../core/api/kinds.ts';
import { kinds } from '../../core/api/kinds.ts';
import type { OwnerReference, PodSpec, PodTemplateSpec } from '../../core/api/kubernetes.ts';
import type { SimulatedCluster } from '../cluster/cluster.ts';
import { deleteObject } from '../cluster/deletion.ts';

export interface PodTraits {
  readonly spec?: PodSpec;
  readonly labels?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
}

/** The reference that makes an object its controller's. */
export function controllerReference(kind: Kind, owner: Live<Kind>): OwnerReference {
  return {
    apiVersion: kinds[kind].apiVersion,
    kind: kinds[kind].kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid,
    controller: true,
  };
}

export function createPod(
  cluster: SimulatedCluster,
  kind: Kind,
  owner: Live<Kind>,
  template: PodTemplateSpec,
  traits: PodTraits = {},
): Live<'Pod'> {
  const { labels = {}, finalizers = [] } = traits;
  return cluster.create('Pod', {
    metadata: {
      ...(owner.metadata.namespace === undefined ? {} : { namespace: owner.metadata.namespace }),
      generateName: `${owner.metadata.name}-`,
      labels: { ...template.metadata?.labels, ...labels },
      ...(template.metadata?.annotations === undefined
        ? {}
        : { annotations: template.metadata.annotations }),
      ...(finalizers.length === 0 ? {} : { finalizers: [...finalizers] }),
      ownerReferences: [controllerReference(kind, owner)],
    },
    spec: traits.spec ?? template.spec,
  });
}

/** Neither ended nor about to go. */
export function isActive({ metadata, status }: Live<'Pod'>): boolean {
  return (
    metadata.deletionTimestamp === undefined &&
    status?.phase !== 'Succeeded' &&
    status?.phase !== 'Failed'
  );
}

/** Deletes so many of the pods, those that are least along first. */
export function deletePods(
  cluster: SimulatedCluster,
  pods: readonly Live<'Pod'>[],
  count: number,
): void {
  const rank = ({ spec, status }: Live<'Pod'>): number =>
    (spec.nodeName ?? '') === '' ? 0 : status?.phase === 'Running' ? 2 : 1;
  const leastAlong = pods.toSorted((a, b) => rank(a) - rank(b));
  for (const { metadata } of leastAlong.slice(0, count)) {
    deleteObject(cluster, 'Pod', metadata, { uid: metadata.uid });
  }
}
