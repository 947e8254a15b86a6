/**
 * What the API server adds to a pod when it is created: priority and runtime overhead.
 *
 * In: PriorityClasses and RuntimeClasses of the input, then specs. Out: the priority of a spec, and
 * the spec with what its RuntimeClass adds. A spec that has been through an API server already comes
 * out unchanged. An unknown PriorityClass is a problem, as there; an unknown RuntimeClass is only
 * reported back, because the pod itself may carry all that it adds.
 */
import type { PodSpec, PriorityClass, RuntimeClass } from '../../core/api/kubernetes.ts';

/** Classes that every cluster has. */
const builtInPriorities: ReadonlyMap<string, number> = new Map([
  ['system-cluster-critical', 2_000_000_000],
  ['system-node-critical', 2_000_001_000],
]);

export class Admission {
  readonly #priorities = new Map(builtInPriorities);
  readonly #runtimeClasses = new Map<string, RuntimeClass>();
  readonly #admitted = new Map<PodSpec, PodSpec>();
  readonly #missingRuntimeClasses = new Set<string>();
  #defaultPriority: number | undefined;

  addPriorityClass(name: string, priorityClass: PriorityClass): void {
    this.#priorities.set(name, priorityClass.value);
    if (priorityClass.globalDefault === true) {
      // Of several defaults the lowest counts.
      this.#defaultPriority = Math.min(priorityClass.value, this.#defaultPriority ?? Infinity);
    }
  }

  addRuntimeClass(name: string, runtimeClass: RuntimeClass): void {
    this.#runtimeClasses.set(name, runtimeClass);
  }

  /** RuntimeClasses that specs name and the input does not hold. */
  get missingRuntimeClasses(): readonly string[] {
    return [...this.#missingRuntimeClasses].sort();
  }

  /** Priority of a pod; undefined if its PriorityClass is unknown. */
  priorityOf(spec: PodSpec): number | undefined {
    if (spec.priority !== undefined) {
      return spec.priority;
    }
    const name = spec.priorityClassName ?? '';
    return name === '' ? (this.#defaultPriority ?? 0) : this.#priorities.get(name);
  }

  /** The spec with what its RuntimeClass adds; the same object for the same spec. */
  admit(spec: PodSpec): PodSpec {
    const name = spec.runtimeClassName ?? '';
    if (name === '') {
      return spec;
    }
    let admitted = this.#admitted.get(spec);
    if (admitted === undefined) {
      admitted = this.#withRuntimeClass(spec, name);
      this.#admitted.set(spec, admitted);
    }
    return admitted;
  }

  #withRuntimeClass(spec: PodSpec, name: string): PodSpec {
    const found = this.#runtimeClasses.get(name);
    if (found === undefined) {
      if (spec.overhead === undefined) {
        this.#missingRuntimeClasses.add(name);
      }
      return spec;
    }
    const overhead = spec.overhead ?? found.overhead?.podFixed;
    const { nodeSelector = {}, tolerations = [] } = found.scheduling ?? {};
    const present = new Set((spec.tolerations ?? []).map((one) => JSON.stringify(one)));
    const added = tolerations.filter((one) => !present.has(JSON.stringify(one)));
    return {
      ...spec,
      ...(overhead === undefined ? {} : { overhead }),
      ...(Object.keys(nodeSelector).length === 0
        ? {}
        : { nodeSelector: { ...spec.nodeSelector, ...nodeSelector } }),
      ...(added.length === 0 ? {} : { tolerations: [...(spec.tolerations ?? []), ...added] }),
    };
  }
}
