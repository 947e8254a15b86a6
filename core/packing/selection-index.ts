/**
 * Node selections against thousands of offerings, without asking each pair.
 *
 * In: node selections, and the instance types of a node class. Out: for every type a row number
 * (types that no selection tells apart share one), and whether a selection admits a row in a zone
 * with a capacity type under a template. A selection's alternatives are split by who decides a
 * label: the type, the place (zone, region, capacity type, reservation), or the template.
 */
import type { NodeSelection } from '../scheduling/node-affinity.ts';
import { offeringLabelKeys } from '../scheduling/offering-labels.ts';
import {
  admitsLabels,
  type Requirement,
  type Requirements,
  requirementKey,
} from '../scheduling/requirements.ts';
import { isCloudLabel } from '../scheduling/well-known-labels.ts';
import type { InstanceType } from '../state/instance-type.ts';

type Labels = Readonly<Record<string, string>>;

/** Who decides a label of a new node. */
export type LabelSource = 'type' | 'place' | 'template';

/** One alternative of a selection, split by source. */
interface SplitAlternative {
  readonly selection: number;
  readonly template: Requirements;
  /** Indices into the conjunctions of the two kinds. */
  readonly type: number;
  readonly place: number;
}

/** Distinct sets of requirements, numbered; 0 is the empty one. */
class Conjunctions {
  readonly all: Requirements[] = [new Map()];
  readonly #numbers = new Map<string, number>([['', 0]]);

  number(requirements: Requirements): number {
    const text = [...requirements.values()].map(requirementKey).sort().join();
    let number = this.#numbers.get(text);
    if (number === undefined) {
      number = this.all.push(requirements) - 1;
      this.#numbers.set(text, number);
    }
    return number;
  }

  /** [conjunction] whether the labels satisfy it. */
  hold(labels: Labels): Uint8Array {
    return Uint8Array.from(this.all, (requirements) =>
      admitsLabels(requirements, labels) ? 1 : 0,
    );
  }
}

/** Types that nobody can tell apart. */
export interface TypeRow {
  readonly index: number;
  /** [type conjunction] whether its types satisfy it. */
  readonly holds: Uint8Array;
  /** Values of the topology keys that the type decides. */
  readonly domains: ReadonlyMap<string, string>;
}

/** All selections, prepared for the types of one node class. */
export class SelectionIndex {
  readonly #typeKeys: ReadonlySet<string>;
  readonly #typeConjunctions = new Conjunctions();
  readonly #placeConjunctions = new Conjunctions();
  readonly #alternatives: SplitAlternative[] = [];
  readonly #selectionCount: number;
  /** [type] */
  readonly typeRows: readonly TypeRow[];

  constructor(
    types: readonly InstanceType[],
    selections: readonly NodeSelection[],
    topologyKeys: ReadonlySet<string>,
  ) {
    this.#typeKeys = new Set(types.flatMap((type) => Object.keys(type.labels)));
    this.#selectionCount = selections.length;
    selections.forEach(({ alternatives }, selection) => {
      for (const requirements of alternatives) {
        this.#alternatives.push(this.#split(selection, requirements));
      }
    });
    this.typeRows = this.#rowsOf(types, [...topologyKeys]);
  }

  /** Who decides the label on nodes of these types. */
  sourceOf(key: string): LabelSource {
    if (offeringLabelKeys.has(key)) {
      return 'place';
    }
    return this.#typeKeys.has(key) ? 'type' : 'template';
  }

  #split(selection: number, requirements: Requirements): SplitAlternative {
    const parts: Record<LabelSource, Map<string, Requirement>> = {
      type: new Map(),
      place: new Map(),
      template: new Map(),
    };
    for (const [key, requirement] of requirements) {
      parts[this.sourceOf(key)].set(key, requirement);
    }
    return {
      selection,
      template: parts.template,
      type: this.#typeConjunctions.number(parts.type),
      place: this.#placeConjunctions.number(parts.place),
    };
  }

  #rowsOf(types: readonly InstanceType[], topologyKeys: readonly string[]): TypeRow[] {
    const keys = topologyKeys.filter((key) => this.sourceOf(key) === 'type');
    const rows = new Map<string, TypeRow>();
    return types.map(({ labels }) => {
      const holds = this.#typeConjunctions.hold(labels);
      const values = keys.map((key) => labels[key]);
      const text = `${holds.join('')} ${JSON.stringify(values)}`;
      let row = rows.get(text);
      if (row === undefined) {
        const domains = new Map<string, string>();
        keys.forEach((key, at) => {
          const value = values[at];
          if (value !== undefined) {
            domains.set(key, value);
          }
        });
        row = { index: rows.size, holds, domains };
        rows.set(text, row);
      }
      return row;
    });
  }

  /** [place conjunction] whether a place with these labels satisfies it. */
  placeHolds(labels: Labels): Uint8Array {
    return this.#placeConjunctions.hold(labels);
  }

  /** [alternative] whether a template with these labels satisfies its part. */
  templateHolds(labels: Labels): Uint8Array {
    return Uint8Array.from(this.#alternatives, ({ template }) =>
      admitsLabels(template, labels) ? 1 : 0,
    );
  }

  /** [selection] whether a template could be admitted, whatever the type and the place. */
  admitsTemplate(templateHolds: Uint8Array): Uint8Array {
    const admitted = new Uint8Array(this.#selectionCount);
    this.#alternatives.forEach(({ selection }, at) => {
      admitted[selection]! |= templateHolds[at]!;
    });
    return admitted;
  }

  /** [selection] whether the nodes of a row, a place and a template are admitted. */
  admitted(row: TypeRow, placeHolds: Uint8Array, templateHolds: Uint8Array): Uint8Array {
    const admitted = new Uint8Array(this.#selectionCount);
    this.#alternatives.forEach(({ selection, type, place }, at) => {
      admitted[selection]! |= templateHolds[at]! & row.holds[type]! & placeHolds[place]!;
    });
    return admitted;
  }
}

/** What the requirements of a pool say about types, and what about places. */
export function splitCloudRequirements(requirements: Requirements): {
  readonly ofType: Requirements;
  readonly ofPlace: Requirements;
} {
  const entries = [...requirements];
  return {
    ofType: new Map(entries.filter(([key]) => isCloudLabel(key) && !offeringLabelKeys.has(key))),
    ofPlace: new Map(entries.filter(([key]) => offeringLabelKeys.has(key))),
  };
}
