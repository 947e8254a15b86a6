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
import { isTerminating } from '../state/snapshot.ts';
import { noResidents, type Residents } from './placement-row.ts';
import type { RuleBook } from './rule-book.ts';

interface Resident {
  readonly spec: PodSpec;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly deletionMs?: number;
}

/** Summary of the residents of one node. O(residents x scopes they are in). */
export function residentsOf(pods: readonly Resident[], book: RuleBook): Residents {
  if (pods.length === 0) {
    return noResidents;
  }
  const ports: HostPort[] = [];
  const foes = new Set<number>();
  for (const { spec, namespace, labels } of pods) {
    ports.push(...hostPortsOf(spec));
    for (const { rule, scope } of book.carried(spec, namespace, labels).separations) {
      if (rule.topologyKey === labelHostname) {
        foes.add(scope);
      }
    }
  }
  const scopeCounts = countScopes(pods, book);
  const isAnyGoing = pods.some(isTerminating);
  const stayingCounts = isAnyGoing
    ? countScopes(
        pods.filter((pod) => !isTerminating(pod)),
        book,
      )
    : scopeCounts;
  return { ports, scopeCounts, stayingCounts, foes };
}

function countScopes(pods: readonly Resident[], book: RuleBook): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const { namespace, labels } of pods) {
    for (const scope of book.scopesOf(namespace, labels).scopes) {
      counts.set(scope, (counts.get(scope) ?? 0) + 1);
    }
  }
  return counts;
}

/** Residents of two groups of pods on one node together. */
export function joinResidents(a: Residents, b: Residents): Residents {
  if (a === noResidents || b === noResidents) {
    return a === noResidents ? b : a;
  }
  const scopeCounts = addCounts(a.scopeCounts, b.scopeCounts);
  const isAnyGoing = a.stayingCounts !== a.scopeCounts || b.stayingCounts !== b.scopeCounts;
  return {
    ports: [...a.ports, ...b.ports],
    scopeCounts,
    stayingCounts: isAnyGoing ? addCounts(a.stayingCounts, b.stayingCounts) : scopeCounts,
    foes: a.foes.union(b.foes),
  };
}

function addCounts(
  a: ReadonlyMap<number, number>,
  b: ReadonlyMap<number, number>,
): ReadonlyMap<number, number> {
  const sum = new Map(a);
  for (const [scope, count] of b) {
    sum.set(scope, (sum.get(scope) ?? 0) + count);
  }
  return sum;
}
