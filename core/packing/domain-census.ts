/**
 * Who stands where: bound pods counted over the values of topology keys.
 *
 * In: existing nodes and the rows that pools could make. Out: for a rule, the domains that exist for
 * it and how many pods it counts in each; for a key, whom bound pods refuse to meet there. It knows
 * what is, not what is planned.
 *
 * Rules: kube-scheduler's and Karpenter's. A domain is a value of the key on a node, or on a node
 * that some pool would make; nodeAffinityPolicy and nodeTaintsPolicy say whether those that the pod
 * could not use count. Only bound pods that have not finished are counted; a spread rule does not
 * count those that are being deleted either, while anti-affinity holds until they are gone.
 */
import { labelHostname } from '../api/labels.ts';
import type { ExistingNode } from './existing-nodes.ts';
import type { PlacementRow } from './placement-row.ts';
import type { Family } from './pod-families.ts';
import type { NumberedSpread, RuleBook } from './rule-book.ts';

/** Domains that a rule sees, with the pods that it counts in each. */
export type DomainCounts = ReadonlyMap<string, number>;

/** A scope that bound pods keep out of one domain. */
export interface DomainFoe {
  readonly topologyKey: string;
  readonly value: string;
  readonly scope: number;
}

/** Which nodes a spread rule looks at, as a carrier of it sees them. */
export interface SpreadView {
  /** Equal for views that see the same nodes. */
  readonly text: string;
  readonly sees: (row: PlacementRow) => boolean;
}

/** Policies of the rule over what the pod selects and tolerates. Pods elsewhere are not counted. */
export function spreadView({ rule }: NumberedSpread, family: Family): SpreadView {
  const selection = rule.honorsAffinity ? family.selection : -1;
  const tolerations = rule.honorsTaints ? family.tolerations : -1;
  return {
    text: `${selection}/${tolerations}`,
    sees: (row) =>
      (selection < 0 || row.selected[selection] === 1) &&
      (tolerations < 0 || row.tolerated[tolerations] === 1),
  };
}

export class DomainCensus {
  readonly #nodes: readonly ExistingNode[];
  readonly #poolRows: readonly PlacementRow[];
  readonly #counts = new Map<string, DomainCounts>();

  constructor(nodes: readonly ExistingNode[], poolRows: readonly PlacementRow[]) {
    this.#nodes = nodes;
    this.#poolRows = poolRows;
  }

  /** Domains of a spread rule for those who see nodes like `view`. O(nodes + rows), cached. */
  domainsOf({ rule, scope }: NumberedSpread, view: SpreadView): DomainCounts {
    const text = JSON.stringify([rule.topologyKey, scope, view.text]);
    let counts = this.#counts.get(text);
    if (counts === undefined) {
      counts = this.#count(rule.topologyKey, scope, view.sees);
      this.#counts.set(text, counts);
    }
    return counts;
  }

  #count(key: string, scope: number, sees: (row: PlacementRow) => boolean): DomainCounts {
    const counts = new Map<string, number>();
    for (const row of this.#poolRows) {
      const value = row.domains.get(key);
      if (value !== undefined && !counts.has(value) && sees(row)) {
        counts.set(value, 0);
      }
    }
    for (const { row, boundResidents } of this.#nodes) {
      const value = row.domains.get(key);
      if (value !== undefined && sees(row)) {
        const here = boundResidents.stayingCounts.get(scope) ?? 0;
        counts.set(value, (counts.get(value) ?? 0) + here);
      }
    }
    return new Map([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Bound pods in a scope by value of a key, whatever the node; domains without any are left out. */
  standing(key: string, scope: number): DomainCounts {
    const counts = new Map<string, number>();
    for (const { row, boundResidents } of this.#nodes) {
      const value = row.domains.get(key);
      const here = boundResidents.scopeCounts.get(scope) ?? 0;
      if (value !== undefined && here > 0) {
        counts.set(value, (counts.get(value) ?? 0) + here);
      }
    }
    return counts;
  }
}

/** Scopes that bound pods with anti-affinity keep out of the domains they stand in. */
export function domainFoes(nodes: readonly ExistingNode[], book: RuleBook): DomainFoe[] {
  const foes = new Map<string, DomainFoe>();
  for (const { bound, row } of nodes) {
    for (const { spec, namespace, labels } of bound) {
      for (const { rule, scope } of book.carried(spec, namespace, labels).separations) {
        const value = row.domains.get(rule.topologyKey);
        if (rule.topologyKey !== labelHostname && value !== undefined) {
          foes.set(JSON.stringify([rule.topologyKey, value, scope]), {
            topologyKey: rule.topologyKey,
            value,
            scope,
          });
        }
      }
    }
  }
  return [...foes.values()];
}
