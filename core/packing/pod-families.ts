/**
 * Families: pending pods that no rule tells apart.
 *
 * In: a snapshot, which of its pods are pending, and the rule book. Out: families with everything
 * that later stages ask of a pod; before that, the pods that carry a rule which is not modelled are
 * taken out. Work is done once per spec object and once per labels object, so 100,000 pods of some hundred templates cost
 * little more than a walk over them.
 */
import type { PodSpec, Toleration } from '../api/kubernetes.ts';
import { labelHostname } from '../api/labels.ts';
import { type HostPort, hostPortsOf, hostPortText } from '../scheduling/host-ports.ts';
import { type NodeSelection, nodeSelectionOf, selectionKeys } from '../scheduling/node-affinity.ts';
import { effectiveRequests } from '../scheduling/requests.ts';
import type { Resources } from '../scheduling/resources.ts';
import { unmodelledRule, unweighedPreferences } from '../scheduling/unmodelled-rules.ts';
import { nodeNameField } from '../scheduling/well-known-labels.ts';
import type { ClusterSnapshot, SnapshotPod } from '../state/snapshot.ts';
import type { RejectedPod } from './packing-model.ts';
import type { CarriedRules, RuleBook, ScopeSet } from './rule-book.ts';

/** Interchangeable pods and what decides where they may stand. */
export interface Family {
  readonly index: number;
  /** Indices into `snapshot.pods`, in the order in which they are to be served. */
  readonly pods: readonly number[];
  readonly priority: number;
  readonly requests: Resources;
  /** Index into {@link PodFamilies.selections}. */
  readonly selection: number;
  /** Index into {@link PodFamilies.tolerations}. */
  readonly tolerations: number;
  readonly ports: readonly HostPort[];
  readonly rules: CarriedRules;
  /** Numbers of the scopes that look at these pods. */
  readonly scopes: ReadonlySet<number>;
}

export interface PodFamilies {
  readonly families: readonly Family[];
  readonly selections: readonly NodeSelection[];
  readonly tolerations: readonly (readonly Toleration[])[];
  /** Kinds of preferences that some pod states and that do not count yet. */
  readonly preferences: ReadonlySet<string>;
  /** RuntimeClasses whose overhead and node selection the specs do not tell. */
  readonly runtimeClasses: ReadonlySet<string>;
}

/** What a spec alone decides. Equal specs share one profile. */
interface Profile {
  readonly id: number;
  readonly requests: Resources;
  readonly selection: number;
  readonly tolerations: number;
  readonly ports: readonly HostPort[];
  /** Only existing nodes can hold such pods, so that they compete for them. */
  readonly namesNodes: boolean;
}

/** Numbers things by a text that is equal for equal things. */
class Numbering<Thing> {
  readonly things: Thing[] = [];
  readonly #numbers = new Map<string, number>();

  number(text: string, make: () => Thing): number {
    let number = this.#numbers.get(text);
    if (number === undefined) {
      number = this.things.push(make()) - 1;
      this.#numbers.set(text, number);
    }
    return number;
  }
}

function tolerationsText(tolerations: readonly Toleration[]): string {
  const texts = tolerations.map(({ key, operator, value, effect }) =>
    JSON.stringify([key ?? '', operator || 'Equal', value ?? '', effect ?? '']),
  );
  return [...new Set(texts)].sort().join();
}

/** Profiles of specs, by identity and then by content. */
class ProfileTable {
  readonly selections = new Numbering<NodeSelection>();
  readonly tolerations = new Numbering<readonly Toleration[]>();
  readonly #profiles = new Numbering<Profile>();
  readonly #bySpec = new Map<PodSpec, Profile>();
  readonly preferences = new Set<string>();
  readonly runtimeClasses = new Set<string>();

  of(spec: PodSpec): Profile {
    let profile = this.#bySpec.get(spec);
    if (profile === undefined) {
      profile = this.#compile(spec);
      this.#bySpec.set(spec, profile);
    }
    return profile;
  }

  #compile(spec: PodSpec): Profile {
    for (const kind of unweighedPreferences(spec)) {
      this.preferences.add(kind);
    }
    if (spec.runtimeClassName !== undefined && spec.overhead === undefined) {
      this.runtimeClasses.add(spec.runtimeClassName);
    }
    const requests = effectiveRequests(spec);
    const nodeSelection = nodeSelectionOf(spec);
    const selection = this.selections.number(nodeSelection.text, () => nodeSelection);
    const tolerated = spec.tolerations ?? [];
    const tolerations = this.tolerations.number(tolerationsText(tolerated), () => tolerated);
    const ports = hostPortsOf(spec);
    const portTexts = ports.map(hostPortText).sort();
    const text = JSON.stringify([
      Object.entries(requests).sort(([a], [b]) => (a < b ? -1 : 1)),
      selection,
      tolerations,
      portTexts,
    ]);
    const keys = selectionKeys(nodeSelection);
    const namesNodes = keys.has(nodeNameField) || keys.has(labelHostname);
    const id = this.#profiles.number(text, () => ({
      id: this.#profiles.things.length,
      requests,
      selection,
      tolerations,
      ports,
      namesNodes,
    }));
    return this.#profiles.things[id]!;
  }
}

/** A family while pods are still being added. */
interface Gathering {
  readonly profile: Profile;
  readonly rules: CarriedRules;
  readonly set: ScopeSet;
  readonly pods: number[];
  priority: number;
}

/** Pending pods by whether all their hard rules are modelled. */
export interface PlannablePods {
  readonly pods: readonly number[];
  readonly rejected: readonly RejectedPod[];
}

/**
 * Refuses pods with a hard rule that is not modelled, and enters the rules of the others into the
 * book. Must come before {@link podFamilies}.
 */
export function plannablePods(
  snapshot: ClusterSnapshot,
  pending: readonly number[],
  book: RuleBook,
): PlannablePods {
  const pods: number[] = [];
  const rejected: RejectedPod[] = [];
  for (const index of pending) {
    const pod = snapshot.pods[index]!;
    const reason = unmodelledRule(pod);
    if (reason === undefined) {
      book.carried(pod.spec, pod.namespace, pod.labels);
      pods.push(index);
    } else {
      rejected.push({ pod: index, reason });
    }
  }
  return { pods, rejected };
}

/**
 * Groups the plannable pods. Priorities keep pods apart only if `byPriority` (something is scarce), or
 * if the pods name nodes; within a family the order of pods sees to priorities.
 */
export function podFamilies(
  snapshot: ClusterSnapshot,
  plannable: readonly number[],
  book: RuleBook,
  byPriority: boolean,
): PodFamilies {
  const profiles = new ProfileTable();
  const gathered = new Map<string, Gathering>();
  for (const index of plannable) {
    const pod = snapshot.pods[index]!;
    const profile = profiles.of(pod.spec);
    const rules = book.carried(pod.spec, pod.namespace, pod.labels);
    const set = book.scopesOf(pod.namespace, pod.labels);
    const rank = byPriority || profile.namesNodes ? pod.priority : '';
    const key = `${profile.id}/${rules.id}/${set.id}/${rank}`;
    const family = gathered.get(key);
    if (family === undefined) {
      gathered.set(key, { profile, rules, set, pods: [index], priority: pod.priority });
    } else {
      family.pods.push(index);
      family.priority = Math.max(family.priority, pod.priority);
    }
  }
  const families = [...gathered.values()].map(({ profile, rules, set, pods, priority }, index) => ({
    index,
    pods: pods.sort((a, b) => servingOrder(snapshot.pods[a]!, snapshot.pods[b]!)),
    priority,
    requests: profile.requests,
    selection: profile.selection,
    tolerations: profile.tolerations,
    ports: profile.ports,
    rules,
    scopes: set.scopes,
  }));
  return {
    families,
    selections: profiles.selections.things,
    tolerations: profiles.tolerations.things,
    preferences: profiles.preferences,
    runtimeClasses: profiles.runtimeClasses,
  };
}

/** Higher priority first, then older, then by name. */
function servingOrder(a: SnapshotPod, b: SnapshotPod): number {
  if (a.priority !== b.priority) {
    return b.priority - a.priority;
  }
  if (a.createdMs !== b.createdMs) {
    return a.createdMs - b.createdMs;
  }
  if (a.namespace !== b.namespace) {
    return a.namespace < b.namespace ? -1 : 1;
  }
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
