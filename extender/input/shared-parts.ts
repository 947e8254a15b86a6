/**
 * Parts of pods in the form that placement reads, each distinct one held once.
 *
 * In: specs, labels and annotations of validated pods and templates. Out: the same, reduced to what
 * placement reads and completed as the API server would complete a pod, and identical for identical
 * text, so that 100,000 pods of one template share one spec and work per spec is done once.
 */
import { hash } from 'node:crypto';
import type { Container, PodSpec, PodStatus } from '../../core/api/kubernetes.ts';
import { specOnNode } from '../../core/scheduling/requests.ts';
import { isKeptAnnotation, placementSpecOf } from '../../core/state/pod-parts.ts';

type StringMap = Readonly<Record<string, string>>;

/** From this length on a text is remembered by its digest, which is shorter. */
const digestLength = 64;

/** Members of a spec that many different specs have in common. */
const sharedMembers = [
  'affinity',
  'nodeSelector',
  'overhead',
  'tolerations',
  'topologySpreadConstraints',
] as const;

const noStrings: StringMap = Object.freeze({});

export class SharedParts {
  readonly #byText = new Map<string, object>();
  readonly #strings = new Map<string, string>();

  /**
   * The spec of a pod or template; of a bound pod as its node is charged for it. `fresh` if it is
   * the first of its text.
   */
  spec(spec: PodSpec, status?: PodStatus): { readonly spec: PodSpec; readonly fresh: boolean } {
    const kept = placementSpecOf(spec);
    if (kept.hostNetwork === true) {
      kept.containers.forEach(exposeOnHost);
      kept.initContainers?.forEach(exposeOnHost);
    }
    const { value, fresh } = this.#share(specOnNode(kept, status));
    if (fresh) {
      this.#shareMembers(value);
    }
    return { spec: value, fresh };
  }

  labels(labels: StringMap | undefined): StringMap {
    return labels === undefined ? noStrings : this.#share(sorted(Object.entries(labels))).value;
  }

  annotations(annotations: StringMap | undefined): StringMap {
    const kept = Object.entries(annotations ?? {}).filter(([key, value]) =>
      isKeptAnnotation(key, value),
    );
    return kept.length === 0 ? noStrings : this.#share(sorted(kept)).value;
  }

  /** One string object for equal strings: for what repeats, as namespaces do. */
  string(text: string): string {
    const known = this.#strings.get(text);
    if (known !== undefined) {
      return known;
    }
    const copy = detached(text);
    this.#strings.set(copy, copy);
    return copy;
  }

  /** Specs that differ in their requests only still share the rest. */
  #shareMembers(spec: PodSpec): void {
    const members = spec as Record<string, unknown>;
    for (const name of sharedMembers) {
      const member = members[name];
      if (typeof member === 'object' && member !== null) {
        members[name] = this.#share(member).value;
      }
    }
    for (const container of spec.containers) {
      if (container.ports !== undefined) {
        container.ports = this.#share(container.ports).value;
      }
    }
  }

  #share<T extends object>(value: T): { readonly value: T; readonly fresh: boolean } {
    const text = JSON.stringify(value);
    const key = text.length < digestLength ? text : hash('sha256', text, 'base64');
    const known = this.#byText.get(key);
    if (known !== undefined) {
      return { value: known as T, fresh: false };
    }
    // From the text, so that nothing of the input stays in memory through a part of one string.
    const copy = JSON.parse(text) as T;
    this.#byText.set(key, copy);
    return { value: copy, fresh: true };
  }
}

/** A copy of an ASCII string that does not hold on to the longer string it was cut from. */
export function detached(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

function sorted(entries: [string, string][]): StringMap {
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** On the host's network every container port is a port of the host. */
function exposeOnHost(container: Container): void {
  for (const port of container.ports ?? []) {
    if ((port.hostPort ?? 0) === 0) {
      port.hostPort = port.containerPort;
    }
  }
}
