/**
 * What a pod takes from a node: the effective request, as kube-scheduler counts it.
 *
 * In: a pod's spec (and, for a pod on a node, its status). Out: integers in the units of
 * `resources.ts`, rounded up, zeros left out; the pod's own slot (`pods`) is not in them. Source:
 * the rules of `k8s.io/component-helpers/resource` (PodRequests) after the API server's defaulting
 * (requests from limits, pod-level requests from pod-level limits), so that a template that never
 * passed an API server counts like the pod made from it. It knows no nodes.
 */
import type {
  Container,
  ContainerStatus,
  PodSpec,
  PodStatus,
  ResourceRequirements,
} from '../api/kubernetes.ts';
import type { ResourceList } from '../api/scalars.ts';
import { amountOf, parseQuantity, requestedResources } from './quantity.ts';
import type { Resources } from './resources.ts';

const perSpec = new WeakMap<PodSpec, Resources>();

/**
 * Effective request of a pod that is to be placed. Cached by identity of `spec`, which must not be
 * changed afterwards.
 *
 * @throws {InputError} without location if a quantity is malformed; validated specs have none.
 */
export function effectiveRequests(spec: PodSpec): Resources {
  const known = perSpec.get(spec);
  if (known !== undefined) {
    return known;
  }
  const total = containersRequest(spec);
  const podLevel = spec.resources === undefined ? {} : podLevelRequests(spec.resources, total);
  for (const [resource, amount] of Object.entries(podLevel)) {
    total.set(resource, amount);
  }
  addTo(total, requestedResources(spec.overhead ?? {}));
  const result = Object.fromEntries(
    [...total].filter(([, amount]) => amount > 0).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  perSpec.set(spec, result);
  return result;
}

/** Effective request of a pod that holds its place on a node, in-place resize included. */
export function effectiveRequestsOnNode(spec: PodSpec, status: PodStatus | undefined): Resources {
  return effectiveRequests(specOnNode(spec, status));
}

/**
 * The spec whose effective request is what a node is charged for this pod. While a container is
 * being resized that is the larger of what is wanted, allocated and in force; a resize that can
 * never fit does not count as wanted. The same object is returned if the status changes nothing.
 */
export function specOnNode(spec: PodSpec, status: PodStatus | undefined): PodSpec {
  if (status === undefined) {
    return spec;
  }
  const resizeInfeasible = (status.conditions ?? []).some(
    (one) => one.type === 'PodResizePending' && one.reason === 'Infeasible',
  );
  const charge = (container: Container, statuses: readonly ContainerStatus[] | undefined) => {
    const found = statuses?.find((one) => one.name === container.name);
    if (found?.resources === undefined) {
      return container;
    }
    const wanted = resizeInfeasible ? {} : containerRequestList(container);
    const lists = [found.resources.requests ?? {}, found.allocatedResources ?? {}, wanted];
    const requests = largest(lists);
    if (sameAmounts(requests, containerRequestList(container))) {
      return container;
    }
    return { ...container, resources: { requests } };
  };
  const containers = spec.containers.map((one) => charge(one, status.containerStatuses));
  const initContainers = spec.initContainers?.map((one) =>
    one.restartPolicy === 'Always' ? charge(one, status.initContainerStatuses) : one,
  );
  const resources = podResourcesOnNode(spec.resources, status, resizeInfeasible);
  const unchanged =
    resources === spec.resources &&
    containers.every((one, index) => one === spec.containers[index]) &&
    (initContainers ?? []).every((one, index) => one === spec.initContainers?.[index]);
  return unchanged
    ? spec
    : {
        ...spec,
        containers,
        ...(initContainers === undefined ? {} : { initContainers }),
        ...(resources === undefined ? {} : { resources }),
      };
}

/** Requests of one container after defaulting: what has a limit and no request requests its limit. */
export function containerRequestList(container: Container): ResourceList {
  const { requests = {}, limits } = container.resources ?? {};
  return limits === undefined ? requests : { ...limits, ...requests };
}

/** True for the resources that may be requested for a pod as a whole. */
export function isPodLevelResource(resource: string): boolean {
  return resource === 'cpu' || resource === 'memory' || resource.startsWith('hugepages-');
}

/**
 * Containers run together; plain init containers run one after another before them, each beside
 * the sidecars that started before it. The peak of the two counts, per resource.
 */
function containersRequest(spec: PodSpec): Map<string, number> {
  const total = new Map<string, number>();
  for (const container of spec.containers) {
    addTo(total, requestedResources(containerRequestList(container)));
  }
  const sidecars = new Map<string, number>();
  const peak = new Map<string, number>();
  for (const container of spec.initContainers ?? []) {
    const own = requestedResources(containerRequestList(container));
    let running = sidecars;
    if (container.restartPolicy === 'Always') {
      addTo(total, own);
      addTo(sidecars, own);
    } else {
      running = new Map(sidecars);
      addTo(running, own);
    }
    raiseTo(peak, running);
  }
  raiseTo(total, peak);
  return total;
}

/** Pod-level requests replace the sum over containers, resource by resource. */
function podLevelRequests(
  resources: ResourceRequirements,
  aggregate: ReadonlyMap<string, number>,
): Record<string, number> {
  const amounts: Record<string, number> = {};
  for (const [resource, limit] of Object.entries(resources.limits ?? {})) {
    // Overcommittable resources default to what the containers request, if any of them does.
    const fromContainers = aggregate.has(resource) && !resource.startsWith('hugepages-');
    if (isPodLevelResource(resource) && !fromContainers) {
      amounts[resource] = amountOf(resource, limit);
    }
  }
  for (const [resource, quantity] of Object.entries(resources.requests ?? {})) {
    if (isPodLevelResource(resource)) {
      amounts[resource] = amountOf(resource, quantity);
    }
  }
  return amounts;
}

function podResourcesOnNode(
  resources: ResourceRequirements | undefined,
  status: PodStatus,
  resizeInfeasible: boolean,
): ResourceRequirements | undefined {
  if (resources?.requests === undefined || status.resources === undefined) {
    return resources;
  }
  const wanted = resizeInfeasible ? {} : resources.requests;
  const charged = largest([
    status.resources.requests ?? {},
    status.allocatedResources ?? {},
    wanted,
  ]);
  const requests = Object.fromEntries(
    Object.keys(resources.requests).map((resource) => [
      resource,
      isPodLevelResource(resource)
        ? (charged[resource] ?? '0')
        : (resources.requests?.[resource] ?? '0'),
    ]),
  );
  return sameAmounts(requests, resources.requests) ? resources : { ...resources, requests };
}

/** Per resource the largest quantity of several lists, as it was written. */
function largest(lists: readonly ResourceList[]): ResourceList {
  const result: ResourceList = {};
  for (const [resource, quantity] of lists.flatMap((list) => Object.entries(list))) {
    const before = result[resource];
    if (before === undefined || parseQuantity(quantity) > parseQuantity(before)) {
      result[resource] = quantity;
    }
  }
  return result;
}

function sameAmounts(a: ResourceList, b: ResourceList): boolean {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => parseQuantity(a[key] ?? '0') === parseQuantity(b[key] ?? '0'));
}

function addTo(sum: Map<string, number>, amounts: Resources): void {
  for (const [resource, amount] of Object.entries(amounts)) {
    // Amounts are capped at 2^53 - 1, and so are their sums: no node is that large.
    const added = (sum.get(resource) ?? 0) + amount;
    sum.set(resource, Math.min(Number.MAX_SAFE_INTEGER, added));
  }
}

function raiseTo(floor: Map<string, number>, amounts: ReadonlyMap<string, number>): void {
  for (const [resource, amount] of amounts) {
    floor.set(resource, Math.max(floor.get(resource) ?? 0, amount));
  }
}
