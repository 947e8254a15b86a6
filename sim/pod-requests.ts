/**
 * What a pod requests, computed once per template.
 *
 * In: a spec. Out: its effective request. Binding gives every pod a spec object of its own, but the
 * containers inside stay those of the template: they are what the result is kept by.
 */
import type { PodSpec } from '../core/api/kubernetes.ts';
import { effectiveRequests } from '../core/scheduling/requests.ts';
import type { Resources } from '../core/scheduling/resources.ts';

const perContainers = new WeakMap<PodSpec['containers'], Resources>();

export function requestsOf(spec: PodSpec): Resources {
  const isPlain =
    spec.initContainers === undefined &&
    spec.overhead === undefined &&
    spec.resources === undefined;
  if (!isPlain) return effectiveRequests(spec);
  const known = perContainers.get(spec.containers);
  if (known !== undefined) return known;
  const requests = effectiveRequests(spec);
  perContainers.set(spec.containers, requests);
  return requests;
}
