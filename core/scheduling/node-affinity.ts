/**
 * Which nodes a pod's own spec lets it stand on: nodeSelector, required node affinity, os.
 *
 * In: a pod spec. Out: alternatives (any one must hold), each a set of requirements by key; equal
 * selections have equal texts, so that work is done once for each. Preferred affinity is no rule
 * and not read here. It knows no node.
 *
 * Rules: Kubernetes node affinity. `matchFields` on `metadata.name` becomes a requirement on
 * {@link nodeNameField}, which only existing nodes have.
 */
import type { NodeSelectorTerm, PodSpec } from '../api/kubernetes.ts';
import { labelOs, normalizedLabelKey } from '../api/labels.ts';
import {
  addRequirement,
  isUnsatisfiable,
  type Requirement,
  type RequirementExpression,
  type Requirements,
  requirementKey,
  requirementOf,
  requirementsOf,
} from './requirements.ts';
import { nodeNameField } from './well-known-labels.ts';

/** Nodes that a pod may stand on. No alternatives: none; one empty alternative: all. */
export interface NodeSelection {
  readonly text: string;
  readonly alternatives: readonly Requirements[];
}

/** Selects every node. */
export const everyNode: NodeSelection = { text: '[""]', alternatives: [new Map()] };

function termRequirements(term: NodeSelectorTerm): Map<string, Requirement> | undefined {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length + fields.length === 0) {
    return undefined;
  }
  const requirements = requirementsOf(expressions, normalizedLabelKey);
  for (const field of fields) {
    if (field.key !== 'metadata.name') {
      return undefined;
    }
    addRequirement(requirements, requirementOf({ ...field, key: nodeNameField }));
  }
  return requirements;
}

/** Compiles what a pod's spec demands of its node's labels and name. */
export function nodeSelectionOf(spec: PodSpec): NodeSelection {
  const always: RequirementExpression[] = Object.entries(spec.nodeSelector ?? {}).map(
    ([key, value]) => ({ key, operator: 'In', values: [value] }),
  );
  if (spec.os !== undefined) {
    always.push({ key: labelOs, operator: 'In', values: [spec.os.name] });
  }
  const base = requirementsOf(always, normalizedLabelKey);
  const terms =
    spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  if (terms === undefined) {
    return base.size === 0 ? everyNode : selectionOf([base]);
  }
  const alternatives: Requirements[] = [];
  for (const term of terms) {
    const requirements = termRequirements(term);
    if (requirements !== undefined) {
      for (const requirement of base.values()) {
        addRequirement(requirements, requirement);
      }
      alternatives.push(requirements);
    }
  }
  return selectionOf(alternatives);
}

/** Alternatives in canonical order, without repeats and without those that nothing can meet. */
function selectionOf(alternatives: readonly Requirements[]): NodeSelection {
  const byText = new Map<string, Requirements>();
  for (const requirements of alternatives) {
    const all = [...requirements.values()];
    if (!all.some(isUnsatisfiable)) {
      byText.set(all.map(requirementKey).sort().join(), requirements);
    }
  }
  const texts = [...byText.keys()].sort();
  return {
    text: JSON.stringify(texts),
    alternatives: texts.flatMap((text) => byText.get(text) ?? []),
  };
}

/** Label keys that the answer may depend on. */
export function selectionKeys(selection: NodeSelection): Set<string> {
  return new Set(selection.alternatives.flatMap((requirements) => [...requirements.keys()]));
}

/** A requirement as people write it, for reasons. */
export function requirementText(requirement: Requirement): string {
  const bounds = [
    requirement.gte === -Infinity ? [] : [`>= ${requirement.gte}`],
    requirement.lte === Infinity ? [] : [`<= ${requirement.lte}`],
  ].flat();
  const values = [...requirement.values].sort();
  const shown = values.length > 4 ? [...values.slice(0, 4), '...'] : values;
  if (!requirement.complement) {
    if (values.length === 0) {
      return `no ${requirement.key}`;
    }
    return `${requirement.key} in (${shown.join(', ')})`;
  }
  if (values.length > 0) {
    bounds.unshift(`not in (${shown.join(', ')})`);
  }
  return bounds.length === 0
    ? `${requirement.key} present`
    : `${requirement.key} ${bounds.join(' and ')}`;
}
