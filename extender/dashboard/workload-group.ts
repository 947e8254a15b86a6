/**
 * Under which name the dashboard puts pods together, and what one of them asks for.
 *
 * In: a live pod. Out: `namespace/name` of its workload, one for all Jobs that were made from one
 * generateName, since thousands of Jobs an hour would each be a colour of their own; a short text of
 * its requests. Both are kept with the pod, so that asking again costs nothing.
 */
import type { PodSpec } from '../../core/api/kubernetes.ts';
import { effectiveRequests } from '../../core/scheduling/requests.ts';
import type { LivePod } from '../../core/state/live-pod.ts';
import { workloadName } from '../output/workload-name.ts';
import { workloadsMax } from './state.ts';

/** What the API server appends to a generateName, after the `-` that such names end in. */
const generatedSuffix = /-[bcdfghjklmnpqrstvwxz2456789]{5}$/;
const groupNames = new WeakMap<LivePod, string>();
const requestTexts = new WeakMap<PodSpec, string>();

export const daemonWorkload = -1;
export const otherWorkload = -2;

/** `namespace/name`. */
export function workloadGroup(pod: LivePod): string {
  let name = groupNames.get(pod);
  if (name === undefined) {
    name = workloadName(pod);
    if (pod.ownerKind === 'Job') name = name.replace(generatedSuffix, '');
    groupNames.set(pod, name);
  }
  return name;
}

/** Such as `cpu 1.9 · memory 3.4 GiB · 1 gpu`; `no requests` without any. */
export function requestText(spec: PodSpec): string {
  let text = requestTexts.get(spec);
  if (text === undefined) {
    const parts = Object.entries(effectiveRequests(spec)).map(([name, amount]) =>
      part(name, amount),
    );
    text = parts.join(' · ') || 'no requests';
    requestTexts.set(spec, text);
  }
  return text;
}

function part(resource: string, amount: number): string {
  if (resource === 'cpu') return `cpu ${rounded(amount / 1000)}`;
  if (!isBytes(resource)) return `${amount} ${resource.slice(resource.indexOf('/') + 1)}`;
  const name = resource === 'ephemeral-storage' ? 'storage' : resource;
  const gibibytes = amount / 2 ** 30;
  return gibibytes >= 1
    ? `${name} ${rounded(gibibytes)} GiB`
    : `${name} ${Math.round(amount / 2 ** 20)} MiB`;
}

function isBytes(resource: string): boolean {
  return (
    resource === 'memory' || resource === 'ephemeral-storage' || resource.startsWith('hugepages-')
  );
}

function rounded(value: number): string {
  return String(Number(value.toFixed(value < 10 ? 2 : 1)));
}

/** Gives workloads their numbers, in the order in which they come. */
export class WorkloadNames {
  readonly #numbers = new Map<string, number>();
  #isFull = false;

  /** True once a workload had to go without a number of its own. */
  get isFull(): boolean {
    return this.#isFull;
  }

  get count(): number {
    return this.#numbers.size;
  }

  numberOf(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    if (this.#numbers.size >= workloadsMax) {
      this.#isFull = true;
      return otherWorkload;
    }
    this.#numbers.set(name, this.#numbers.size);
    return this.#numbers.size - 1;
  }

  /** Names from this number on. */
  from(first: number): readonly string[] {
    return [...this.#numbers.keys()].slice(first);
  }

  clear(): void {
    this.#numbers.clear();
    this.#isFull = false;
  }
}
