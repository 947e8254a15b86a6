// What a pod on a node takes from it, in exact integers.
//
// In:  a Pod as the API server stores it. Out: an amount per resource.
// The rule is kube-scheduler 1.36's own (k8s.io/component-helpers resource/helpers.go,
// for a pod that is already on a node), written a second time here on purpose: the
// check of what the product places must share no code with what places it.

import type { Container, ContainerStatus, Pod, Quantities, Resources } from './objects.ts';

/** Amounts by resource name: "cpu" in thousandths of a core, the rest in whole units (bytes, pieces), rounded up. */
export type Amounts = ReadonlyMap<string, bigint>;

/** The pod's request including init containers, sidecars, pod-level resources, resize in progress and overhead. */
export function effectiveRequest(pod: Pod): Amounts {
  const status = pod.status;
  const isInfeasible = (status?.conditions ?? []).some(
    (condition) => condition.type === 'PodResizePending' && condition.reason === 'Infeasible',
  );
  const actual = (
    container: Container,
    statuses: readonly ContainerStatus[] | undefined,
  ): Amounts => {
    const own = statuses?.find((candidate) => candidate.name === container.name);
    return resized(container.resources, own?.resources, own?.allocatedResources, isInfeasible);
  };

  let total = sum(
    pod.spec.containers.map((container) => actual(container, status?.containerStatuses)),
  );
  let sidecars: Amounts = new Map();
  let peak: Amounts = new Map();
  for (const container of pod.spec.initContainers ?? []) {
    if (container.restartPolicy === 'Always') {
      const request = actual(container, status?.initContainerStatuses);
      total = sum([total, request]);
      sidecars = sum([sidecars, request]);
      peak = maximum([peak, sidecars]);
    } else {
      peak = maximum([peak, sum([sidecars, parseQuantities(container.resources?.requests)])]);
    }
  }
  total = maximum([total, peak]);

  const podLevel = pod.spec.resources?.requests;
  if (podLevel !== undefined && Object.keys(podLevel).some(isPodLevelResource)) {
    const replaced = new Map(total);
    const amounts = resized(
      pod.spec.resources,
      status?.resources,
      status?.allocatedResources,
      isInfeasible,
    );
    for (const name of Object.keys(podLevel).filter(isPodLevelResource))
      replaced.set(name, amounts.get(name) ?? 0n);
    total = replaced;
  }
  return sum([total, parseQuantities(pod.spec.overhead)]);
}

/** Each quantity of a list as an integer; see {@link Amounts}. */
export function parseQuantities(quantities: Quantities | undefined): Amounts {
  return new Map(
    Object.entries(quantities ?? {}).map(([name, quantity]) => [
      name,
      parseQuantity(name, quantity),
    ]),
  );
}

/** Adds amounts up by resource. */
export function sum(list: readonly Amounts[]): Amounts {
  return combine(list, (left, right) => left + right);
}

function maximum(list: readonly Amounts[]): Amounts {
  return combine(list, (left, right) => (left > right ? left : right));
}

function combine(list: readonly Amounts[], join: (left: bigint, right: bigint) => bigint): Amounts {
  const result = new Map<string, bigint>();
  for (const amounts of list) {
    for (const [name, amount] of amounts) result.set(name, join(result.get(name) ?? 0n, amount));
  }
  return result;
}

/** While a resize is under way the larger of what is wanted, granted and in force counts. */
function resized(
  wanted: Resources | undefined,
  inForce: Resources | undefined,
  granted: Quantities | undefined,
  isInfeasible: boolean,
): Amounts {
  const spec = parseQuantities(wanted?.requests);
  if (inForce === undefined) return spec;
  const known = [parseQuantities(inForce.requests), parseQuantities(granted)];
  return maximum(isInfeasible ? known : [...known, spec]);
}

function isPodLevelResource(name: string): boolean {
  return name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');
}

const DECIMAL_SUFFIXES: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  '': 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const BINARY_SUFFIXES: Readonly<Record<string, number>> = {
  Ki: 10,
  Mi: 20,
  Gi: 30,
  Ti: 40,
  Pi: 50,
  Ei: 60,
};
const QUANTITY = /^\+?(\d*)\.?(\d*)(?:[eE]([+-]?\d+)|([KMGTPE]i|[numkMGTPE]?))$/;

/** A quantity in the unit of its resource, rounded up. Never a floating-point number on the way. */
function parseQuantity(name: string, quantity: string): bigint {
  const match = QUANTITY.exec(quantity);
  const [, whole = '', fraction = '', exponent, suffix = ''] = match ?? [];
  if (whole === '' && fraction === '') throw new Error(`${name}: "${quantity}" is not a quantity`);
  const powerOfTwo = BINARY_SUFFIXES[suffix] ?? 0;
  const powerOfTen =
    (exponent === undefined ? (DECIMAL_SUFFIXES[suffix] ?? 0) : Number(exponent)) -
    fraction.length +
    (name === 'cpu' ? 3 : 0);
  const digits = BigInt(whole + fraction) << BigInt(powerOfTwo);
  if (powerOfTen >= 0) return digits * 10n ** BigInt(powerOfTen);
  const divisor = 10n ** BigInt(-powerOfTen);
  return (digits + divisor - 1n) / divisor;
}
