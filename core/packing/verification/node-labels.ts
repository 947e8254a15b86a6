/**
 * Which pods a node's labels admit, when some labels of the node are not settled yet.
 *
 * In: labels that a node will have, requirements on labels that its NodePool leaves open, and pods'
 * node selections. Out: whether there are values for the open labels that suit all pods at once. A
 * real node has no open labels. It knows no taints and no resources.
 */
import type { NodeSelection } from '../../scheduling/node-affinity.ts';
import {
  admitsValue,
  intersection,
  isUnsatisfiable,
  type Requirement,
  type Requirements,
  requirementKey,
} from '../../scheduling/requirements.ts';

type Labels = Readonly<Record<string, string>>;

/** Ways to settle open labels that are followed at once; the rest is dropped, at worst too strict. */
const maxWays = 64;

/** Labels of a node, some perhaps open. */
export interface NodeLabels {
  readonly fixed: Labels;
  /** Requirements by key on labels that the node will have and whose values are open. */
  readonly open: Requirements;
}

/** One way to settle the open labels, as far as the pods seen so far ask for it. */
type Way = Requirements;

/** Follows the open labels of one node through the pods that stand on it. */
export class LabelSettlement {
  readonly #labels: NodeLabels;
  #ways: readonly Way[];

  constructor(labels: NodeLabels) {
    this.#labels = labels;
    this.#ways = [labels.open];
  }

  /** Narrows the open labels to what `selection` admits; false (and unchanged) if nothing is left. */
  admit(selection: NodeSelection): boolean {
    const next = new Map<string, Way>();
    for (const way of this.#ways) {
      for (const alternative of selection.alternatives) {
        const narrowed = this.#narrow(way, alternative);
        if (narrowed === way) {
          // This way stays as it is, whatever the other alternatives would make of it.
          next.set(wayText(way), way);
          break;
        }
        if (narrowed !== undefined && next.size < maxWays) next.set(wayText(narrowed), narrowed);
      }
    }
    if (next.size === 0) return false;
    this.#ways = [...next.values()];
    return true;
  }

  /** All labels whose values are known by now. */
  settled(): Labels {
    const labels: Record<string, string> = { ...this.#labels.fixed };
    for (const { key, complement, values } of this.#ways[0]?.values() ?? []) {
      const [only, ...others] = values;
      if (!complement && only !== undefined && others.length === 0) labels[key] = only;
    }
    return labels;
  }

  #narrow(way: Way, alternative: Requirements): Way | undefined {
    let narrowed: Map<string, Requirement> | undefined;
    for (const [key, wanted] of alternative) {
      const open = way.get(key);
      if (open === undefined) {
        if (!admitsValue(wanted, this.#labels.fixed[key])) return undefined;
        continue;
      }
      const both = intersection(open, wanted);
      if (isUnsatisfiable(both)) return undefined;
      if (requirementKey(both) === requirementKey(open)) continue;
      narrowed ??= new Map(way);
      narrowed.set(key, both);
    }
    return narrowed ?? way;
  }
}

function wayText(way: Way): string {
  return [...way.values()].map(requirementKey).sort().join();
}

/** Whether the labels admit the selection by itself. */
export function admitsSelection(labels: NodeLabels, selection: NodeSelection): boolean {
  return new LabelSettlement(labels).admit(selection);
}
