/**
 * Rules that count other pods: topology spread and pod anti-affinity, compiled.
 *
 * In: a pod's spec, namespace and labels. Out: its hard rules (DoNotSchedule spread, required
 * anti-affinity) with canonical texts, so that the same rule on many pods is one rule. Preferences
 * (ScheduleAnyway, preferred terms) are no rules and not read here. It counts nothing itself.
 *
 * Rules: Kubernetes pod topology spread (own namespace; an absent selector counts nothing;
 * matchLabelKeys adds the pod's own values; nodeAffinityPolicy defaults to Honor, nodeTaintsPolicy
 * to Ignore) and inter-pod anti-affinity (namespaces and namespaceSelector add up; neither means the
 * pod's own namespace; an empty namespaceSelector means all).
 */
import type { PodAffinityTerm, PodSpec, TopologySpreadConstraint } from '../api/kubernetes.ts';
import { labelNamespaceName, normalizedLabelKey } from '../api/labels.ts';
import { compileSelector, type LabelMatcher, ownLabelExpressions } from './label-selector.ts';

type Labels = Readonly<Record<string, string>>;

/** Which pods a rule looks at. */
export interface PodScope {
  /** Equal for scopes that select the same pods. */
  readonly text: string;
  readonly selector: LabelMatcher;
  readonly matchesNamespace: (namespace: string) => boolean;
}

/** A hard spread rule. */
export interface SpreadRule {
  readonly text: string;
  readonly topologyKey: string;
  readonly maxSkew: number;
  /** Fewer eligible domains than this and the smallest count is taken as 0. */
  readonly minDomains: number;
  /** Only nodes that the pod's node selection admits are domains. */
  readonly honorsAffinity: boolean;
  /** Only nodes whose taints the pod tolerates are domains. */
  readonly honorsTaints: boolean;
  readonly scope: PodScope;
}

/** A hard anti-affinity rule: no pod of `scope` in the same domain. */
export interface SeparationRule {
  readonly text: string;
  readonly topologyKey: string;
  readonly scope: PodScope;
}

/** Labels of namespaces that are known. */
export type NamespaceLabels = ReadonlyMap<string, Labels>;

/** Whether a rule looks at a pod with these labels in this namespace. */
export function isInScope(scope: PodScope, namespace: string, labels: Labels): boolean {
  return scope.matchesNamespace(namespace) && scope.selector.matches(labels);
}

/** `app=web in default`; a namespace selector stands in parentheses, `()` for every namespace. */
function scopeText(selector: LabelMatcher, namespaces: readonly string[]): string {
  return `${selector.text || 'all pods'} in ${namespaces.toSorted().join(' ')}`;
}

function ownNamespaceScope(namespace: string, selector: LabelMatcher): PodScope {
  return {
    text: scopeText(selector, [namespace]),
    selector,
    matchesNamespace: (other) => other === namespace,
  };
}

/** Hard spread rules of a pod. */
export function spreadRulesOf(spec: PodSpec, namespace: string, labels: Labels): SpreadRule[] {
  return (spec.topologySpreadConstraints ?? [])
    .filter(({ whenUnsatisfiable }) => whenUnsatisfiable === 'DoNotSchedule')
    .map((constraint) => spreadRuleOf(constraint, namespace, labels));
}

function spreadRuleOf(
  constraint: TopologySpreadConstraint,
  namespace: string,
  labels: Labels,
): SpreadRule {
  const selector = compileSelector(
    constraint.labelSelector,
    ownLabelExpressions(constraint.matchLabelKeys, 'In', labels),
  );
  const rule = {
    topologyKey: normalizedLabelKey(constraint.topologyKey),
    maxSkew: constraint.maxSkew,
    minDomains: constraint.minDomains ?? 1,
    honorsAffinity: constraint.nodeAffinityPolicy !== 'Ignore',
    honorsTaints: constraint.nodeTaintsPolicy === 'Honor',
  };
  const scope = ownNamespaceScope(namespace, selector);
  return { ...rule, scope, text: JSON.stringify([...Object.values(rule), scope.text]) };
}

/** Hard anti-affinity rules of a pod. */
export function separationRulesOf(
  spec: PodSpec,
  namespace: string,
  labels: Labels,
  namespaces: NamespaceLabels,
): SeparationRule[] {
  const terms = spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return (terms ?? []).map((term) => {
    const topologyKey = normalizedLabelKey(term.topologyKey);
    const scope = scopeOfTerm(term, namespace, labels, namespaces);
    return { topologyKey, scope, text: JSON.stringify([topologyKey, scope.text]) };
  });
}

/** Pods that an affinity or anti-affinity term of a pod speaks of. */
export function scopeOfTerm(
  term: PodAffinityTerm,
  namespace: string,
  labels: Labels,
  namespaces: NamespaceLabels,
): PodScope {
  const selector = compileSelector(term.labelSelector, [
    ...ownLabelExpressions(term.matchLabelKeys, 'In', labels),
    ...ownLabelExpressions(term.mismatchLabelKeys, 'NotIn', labels),
  ]);
  const named = new Set(term.namespaces ?? []);
  if (term.namespaceSelector === undefined) {
    if (named.size === 0) {
      return ownNamespaceScope(namespace, selector);
    }
    return {
      text: scopeText(selector, [...named]),
      selector,
      matchesNamespace: (other) => named.has(other),
    };
  }
  const selected = compileSelector(term.namespaceSelector);
  return {
    text: scopeText(selector, [...named, `(${selected.text})`]),
    selector,
    matchesNamespace: (other) =>
      named.has(other) ||
      selected.matches(namespaces.get(other) ?? { [labelNamespaceName]: other }),
  };
}
