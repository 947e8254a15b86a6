/**
 * The rules that count other pods, each once, and which pods each of them looks at.
 *
 * In: pods (spec, namespace, labels). Out: their spread and separation rules with numbered scopes,
 * and, once all rules are known, the scopes that a pod is in. Everything is cached by the identity
 * of shared specs and labels, so that the cost follows templates, not pods. It counts nothing.
 */
import type { PodSpec } from '../api/kubernetes.ts';
import {
  isInScope,
  type NamespaceLabels,
  type PodScope,
  type SeparationRule,
  type SpreadRule,
  separationRulesOf,
  spreadRulesOf,
} from '../scheduling/topology.ts';

type Labels = Readonly<Record<string, string>>;

/** A spread rule and the number of its scope. */
export interface NumberedSpread {
  readonly rule: SpreadRule;
  readonly scope: number;
}

/** A separation rule and the number of its scope. */
export interface NumberedSeparation {
  readonly rule: SeparationRule;
  readonly scope: number;
}

/** Rules that one pod carries. Two pods that carry the same rules share one object. */
export interface CarriedRules {
  readonly id: number;
  readonly spreads: readonly NumberedSpread[];
  readonly separations: readonly NumberedSeparation[];
}

/** A set of scopes; pods that are in the same scopes share one object. */
export interface ScopeSet {
  readonly id: number;
  readonly scopes: ReadonlySet<number>;
}

/** Whether what a pod's rules look at depends on its own labels beyond the template. */
function readsOwnLabels(spec: PodSpec): boolean {
  const terms = spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return (
    (spec.topologySpreadConstraints ?? []).some((one) => (one.matchLabelKeys ?? []).length > 0) ||
    (terms ?? []).some(
      (one) => (one.matchLabelKeys ?? []).length + (one.mismatchLabelKeys ?? []).length > 0,
    )
  );
}

function carriesRules(spec: PodSpec): boolean {
  return (
    (spec.topologySpreadConstraints ?? []).length > 0 ||
    (spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).length >
      0
  );
}

/** First learn all rules ({@link carried}), then ask for scopes ({@link scopesOf}). */
export class RuleBook {
  readonly #namespaces: NamespaceLabels;
  readonly #scopes: PodScope[] = [];
  readonly #scopeNumbers = new Map<string, number>();
  readonly #carriedByText = new Map<string, CarriedRules>();
  readonly #carriedBySpec = new Map<PodSpec, Map<string | Labels, Map<string, CarriedRules>>>();
  readonly #setsByText = new Map<string, ScopeSet>();
  readonly #setsByPod = new Map<string, Map<Labels, ScopeSet>>();
  readonly #setsBySignature = new Map<string, ScopeSet>();
  /** Label keys that some selector reads; undefined until scopes are asked for. */
  #keys: readonly string[] | undefined;
  readonly #none: CarriedRules = { id: 0, spreads: [], separations: [] };

  constructor(namespaces: NamespaceLabels) {
    this.#namespaces = namespaces;
    this.#carriedByText.set('', this.#none);
  }

  /** The scopes by number. */
  get scopes(): readonly PodScope[] {
    return this.#scopes;
  }

  /** The hard rules that a pod carries. May not be called with new rules after {@link scopesOf}. */
  carried(spec: PodSpec, namespace: string, labels: Labels): CarriedRules {
    let byLabels = this.#carriedBySpec.get(spec);
    if (byLabels === undefined) {
      byLabels = new Map();
      this.#carriedBySpec.set(spec, byLabels);
      if (!carriesRules(spec)) {
        byLabels.set('none', new Map([['', this.#none]]));
      } else if (!readsOwnLabels(spec)) {
        byLabels.set('template', new Map());
      }
    }
    if (byLabels.has('none')) {
      return this.#none;
    }
    const key = byLabels.has('template') ? 'template' : labels;
    let byNamespace = byLabels.get(key);
    if (byNamespace === undefined) {
      byNamespace = new Map();
      byLabels.set(key, byNamespace);
    }
    let rules = byNamespace.get(namespace);
    if (rules === undefined) {
      rules = this.#compile(spec, namespace, labels);
      byNamespace.set(namespace, rules);
    }
    return rules;
  }

  #compile(spec: PodSpec, namespace: string, labels: Labels): CarriedRules {
    const spreads = spreadRulesOf(spec, namespace, labels);
    const separations = separationRulesOf(spec, namespace, labels, this.#namespaces);
    const texts = [...spreads, ...separations].map((rule) => rule.text);
    const text = [...new Set(texts)].sort().join('\n');
    const known = this.#carriedByText.get(text);
    if (known !== undefined) {
      return known;
    }
    const once = <Rule extends SpreadRule | SeparationRule>(rules: readonly Rule[]) =>
      [...new Map(rules.map((rule) => [rule.text, rule])).values()].map((rule) => ({
        rule,
        scope: this.#number(rule.scope),
      }));
    const rules = {
      id: this.#carriedByText.size,
      spreads: once(spreads),
      separations: once(separations),
    };
    this.#carriedByText.set(text, rules);
    return rules;
  }

  #number(scope: PodScope): number {
    let number = this.#scopeNumbers.get(scope.text);
    if (number === undefined) {
      number = this.#scopes.push(scope) - 1;
      this.#scopeNumbers.set(scope.text, number);
    }
    return number;
  }

  /** Scopes that look at a pod. O(scopes) once for each distinct set of labels that they read. */
  scopesOf(namespace: string, labels: Labels): ScopeSet {
    let byLabels = this.#setsByPod.get(namespace);
    if (byLabels === undefined) {
      byLabels = new Map();
      this.#setsByPod.set(namespace, byLabels);
    }
    const known = byLabels.get(labels);
    if (known !== undefined) {
      return known;
    }
    this.#keys ??= [...new Set(this.#scopes.flatMap(({ selector }) => selector.keys))];
    let signature = namespace;
    for (const key of this.#keys) {
      const value = labels[key];
      signature += value === undefined ? '\n' : `\n=${value}`;
    }
    let set = this.#setsBySignature.get(signature);
    if (set === undefined) {
      set = this.#match(namespace, labels);
      this.#setsBySignature.set(signature, set);
    }
    byLabels.set(labels, set);
    return set;
  }

  #match(namespace: string, labels: Labels): ScopeSet {
    const scopes: number[] = [];
    this.#scopes.forEach((scope, number) => {
      if (isInScope(scope, namespace, labels)) {
        scopes.push(number);
      }
    });
    const text = scopes.join();
    let set = this.#setsByText.get(text);
    if (set === undefined) {
      set = { id: this.#setsByText.size, scopes: new Set(scopes) };
      this.#setsByText.set(text, set);
    }
    return set;
  }
}
