/**
 * What is kept of a pod: the parts of its spec and annotations that placement reads.
 *
 * In: validated specs and annotations, from a watch or from manifests. Out: copies of specs without
 * the rest, in one order; whether an annotation is kept. It shares nothing between pods.
 */
import { PodSpec, type Volume } from '../api/kubernetes.ts';
import { annotationLastApplied } from '../api/labels.ts';
import { projection } from './projection.ts';

/**
 * Longest annotation value that is kept. What placement reads is short; what tools leave behind
 * (configurations, network states) is long and different on every pod.
 */
const annotationCharsMax = 1024;

const projectSpec = projection(PodSpec);

/** A copy of the spec without the node, and of its volumes those that tie the pod to a place. */
export function placementSpecOf(spec: PodSpec): PodSpec {
  const kept = projectSpec(spec);
  delete kept.nodeName;
  const volumes = kept.volumes?.filter(tiesToPlace);
  if (volumes === undefined || volumes.length === 0) delete kept.volumes;
  else kept.volumes = volumes;
  return kept;
}

/** Whether something may read the annotation. */
export function isKeptAnnotation(key: string, value: string): boolean {
  return key !== annotationLastApplied && value.length <= annotationCharsMax;
}

function tiesToPlace(volume: Volume): boolean {
  return (
    volume.persistentVolumeClaim !== undefined ||
    volume.ephemeral !== undefined ||
    volume.awsElasticBlockStore !== undefined
  );
}
