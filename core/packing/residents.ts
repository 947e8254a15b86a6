/**
 * What the pods that stand on a node mean for newcomers.
 *
 * In: pods (or DaemonSet templates) of one node and the rule book. Out: their host ports, how many
 * of them each scope looks at, and whom they refuse to share the node with. Rules over zones are
 * counted elsewhere (`domain-census.ts`).
 */
import type { PodSpec } from '../api/kubernetes.ts';
import { labelHostname } from '../api/labels.ts';
import { type HostPort, hostPortsOf } from '../scheduling/host-ports.ts';
import { noResidents, type Residents } from './placement-row.ts';
import type { RuleBook } from './rule-book.ts';

interface Resident {
  readonly spec: PodSpec;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Summary of the residents of one node. O(residents x scopes they are in). */
export function residentsOf(pods: readonly Resident[], book: RuleBook): Residents {
  if (pods.length === 0) {
    return noResidents;
  }
  const ports: HostPort[] = [];
  const scopeCounts = new Map<number, number>();
  const foes = new Set<number>();
  for (const { spec, namespace, labels } of pods) {
    ports.push(...hostPortsOf(spec));
    for (const scope of book.scopesOf(namespace, labels).scopes) {
      scopeCounts.set(scope, (scopeCounts.get(scope) ?? 0) + 1);
    }
    for (const { rule, scope } of book.carried(spec, namespace, labels).separations) {
      if (rule.topologyKey === labelHostname) {
        foes.add(scope);
      }
    }
  }
  return { ports, scopeCounts, foes };
}

/** Residents of two groups of pods on one node together. */
export function joinResidents(a: Residents, b: Residents): Residents {
  if (a === noResidents || b === noResidents) {
    return a === noResidents ? b : a;
  }
  const scopeCounts = new Map(a.scopeCounts);
  for (const [scope, count] of b.scopeCounts) {
    scopeCounts.set(scope, (scopeCounts.get(scope) ?? 0) + count);
  }
  return { ports: [...a.ports, ...b.ports], scopeCounts, foes: a.foes.union(b.foes) };
}
