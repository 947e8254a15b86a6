/**
 * Why a family fits nowhere, in words.
 *
 * In: everything that was on offer, and the rules. Out: one sentence for each family: which rules
 * exclude how many offerings and nodes, and the nearest miss. Equal pods get equal texts, and no
 * text names a pod, so that there are few. Only asked for families that found no place.
 */
import type { NodeSelection } from '../scheduling/node-affinity.ts';
import { requirementText } from '../scheduling/node-affinity.ts';
import { offeringLabelKeys, offeringLabels } from '../scheduling/offering-labels.ts';
import { formatAmount } from '../scheduling/quantity.ts';
import {
  addRequirement,
  admitsValue,
  conflictingKey,
  requirementOf,
} from '../scheduling/requirements.ts';
import { taintText } from '../scheduling/taints.ts';
import { isCloudLabel } from '../scheduling/well-known-labels.ts';
import type { ExistingNode } from './existing-nodes.ts';
import type { TemplateOutcome } from './new-offerings.ts';
import type { NewCandidate, PlacementRow, PlacementRule } from './placement-row.ts';
import type { Family } from './pod-families.ts';
import type { PoolTemplate } from './pool-templates.ts';
import { podsDimension, type ResourceAxis } from './resource-axis.ts';
import { isWithinLimits, type SharedLimit } from './shared-limits.ts';

export interface ReasonInput {
  readonly outcomes: readonly TemplateOutcome[];
  /** All candidates that pools admit, before limits and minValues. */
  readonly candidates: readonly NewCandidate[];
  readonly nodes: readonly ExistingNode[];
  readonly rules: readonly PlacementRule[];
  readonly selections: readonly NodeSelection[];
  readonly limits: readonly SharedLimit[];
  readonly axis: ResourceAxis;
}

/** Values listed in one reason at most. */
const maxListed = 3;

/** Writes reasons; caches what several of them need. */
export class RejectionReasons {
  readonly #input: ReasonInput;
  readonly #values = new Map<string, ReadonlySet<string | undefined>>();

  constructor(input: ReasonInput) {
    this.#input = input;
  }

  /** Reason for a family that no rule over domains rejected. O(candidates + nodes). */
  explain(family: Family, request: Float64Array): string {
    const { outcomes, candidates, nodes } = this.#input;
    const parts: string[] = [];
    if (outcomes.length === 0) {
      parts.push('no NodePool launches nodes');
    }
    parts.push(...this.#poolParts(family));
    const misses = new Misses();
    for (const candidate of candidates) {
      misses.count(this.#whyNot(candidate.row, family), candidate);
    }
    const fitting = misses.admitted.filter((candidate) =>
      isWithinLimits(candidate, this.#input.limits),
    );
    if (candidates.length > 0) {
      parts.push(this.#offeringsPart(family, request, misses, fitting));
    }
    const open = nodes.filter(({ row }) => this.#whyNot(row, family) === undefined);
    if (nodes.length > 0) {
      parts.push(existingPart(nodes.length, open.length));
    }
    return `fits nowhere: ${parts.join('; ')}`;
  }

  /** The first rule that keeps the family out of a row. */
  #whyNot(row: PlacementRow, family: Family): string | undefined {
    return this.#input.rules.find((rule) => rule.perBin(row, family) === 0)?.name;
  }

  /** Pools whose taints or own labels keep the family out altogether, and too large DaemonSets. */
  #poolParts(family: Family): string[] {
    const tainted = new Map<string, Set<string>>();
    const parts = new Set<string>();
    for (const { template, tolerated, selected, admitted, daemonsTooLarge } of this.#input
      .outcomes) {
      if (tolerated[family.tolerations] === 0) {
        const taints = template.taints.map(taintText).sort().join(', ');
        tainted.set(taints, (tainted.get(taints) ?? new Set()).add(template.name));
      } else if (selected[family.selection] === 0 && admitted === 0) {
        const key = this.#conflict(family, template);
        const where = key === undefined ? '' : ` (${key})`;
        parts.add(`node selector or affinity excludes NodePool ${template.name}${where}`);
      } else if (daemonsTooLarge > 0) {
        parts.add(
          `DaemonSets leave no room on ${daemonsTooLarge} offerings of NodePool ${template.name}`,
        );
      } else if (admitted === 0) {
        parts.add(`NodePool ${template.name} admits no offering`);
      }
    }
    for (const [taints, pools] of tainted) {
      parts.add(`NodePool ${listed([...pools].sort())} has taints not tolerated (${taints})`);
    }
    return [...parts];
  }

  /** The label on which a template and the pods cannot agree, in the first alternative. */
  #conflict(family: Family, template: PoolTemplate): string | undefined {
    const offered = new Map(template.cloudRequirements);
    for (const [key, value] of Object.entries(template.labels)) {
      addRequirement(offered, requirementOf({ key, operator: 'In', values: [value] }));
    }
    const [first] = this.#input.selections[family.selection]!.alternatives;
    return first === undefined ? undefined : conflictingKey(offered, first, isCloudLabel);
  }

  #offeringsPart(
    family: Family,
    request: Float64Array,
    misses: Misses,
    fitting: readonly NewCandidate[],
  ): string {
    const counts = [...misses.byRule].map(([rule, count]) => `${count} excluded by ${rule}`);
    const total = misses.total;
    const cut = misses.admitted.length - fitting.length;
    if (cut > 0) {
      const names = this.#input.limits
        .filter((limit) => misses.admitted.some((one) => limit.amountOf(one) !== undefined))
        .map(({ owner, amount }) => `${owner} ${amount}`);
      counts.push(`${cut} by limits (${listed(names)})`);
    }
    if (fitting.length > 0) {
      const miss = this.#nearestMiss(request, fitting);
      counts.push(
        miss === undefined
          ? `${fitting.length} by minValues or pools of higher weight`
          : `${fitting.length} by resources (${miss})`,
      );
    }
    const selector = misses.admitted.length === 0 ? this.#unmetRequirement(family) : undefined;
    const hint = selector === undefined ? '' : `; nothing offers ${selector}`;
    return `of ${total} offerings ${counts.join(', ')}${hint}`;
  }

  /** What is short even on the best of the candidates; undefined if one of them holds the pod. */
  #nearestMiss(request: Float64Array, candidates: readonly NewCandidate[]): string | undefined {
    const { axis } = this.#input;
    const short: string[] = [];
    for (let r = 0; r < axis.names.length; r++) {
      const most = candidates.reduce((max, { room }) => Math.max(max, room.plan[r]!), 0);
      if (request[r]! > most) {
        short.push(
          `needs ${this.#amount(r, request[r]!)}, the largest that admits it has ${this.#amount(r, most)}`,
        );
      }
    }
    if (short.length > 0) {
      return short.join('; ');
    }
    const holds = candidates.some(({ room }) => room.plan.every((most, r) => request[r]! <= most));
    if (holds) {
      return undefined;
    }
    const wanted = Array.from(request, (amount, r) => ({ amount, r }))
      .filter(({ amount, r }) => amount > 0 && r !== podsDimension)
      .map(({ amount, r }) => this.#amount(r, amount));
    return `none has ${wanted.join(' and ')} together`;
  }

  #amount(r: number, units: number): string {
    const resource = this.#input.axis.resources[r]!;
    if (r === podsDimension) {
      return `${units} pods`;
    }
    if (resource === 'cpu') {
      return `${units / 1000} cpu`;
    }
    return `${formatAmount(resource, units * this.#input.axis.unit[r]!)} ${resource}`;
  }

  /** A requirement that no candidate meets by itself, in any alternative of the selection. */
  #unmetRequirement(family: Family): string | undefined {
    const { alternatives } = this.#input.selections[family.selection]!;
    const unmet = alternatives.map((requirements) =>
      [...requirements.values()].find((requirement) => {
        for (const value of this.#valuesOf(requirement.key)) {
          if (admitsValue(requirement, value)) {
            return false;
          }
        }
        return true;
      }),
    );
    const known = unmet.filter((requirement) => requirement !== undefined);
    return known.length === 0 || known.length < alternatives.length
      ? undefined
      : listed(known.map(requirementText));
  }

  #valuesOf(key: string): ReadonlySet<string | undefined> {
    let values = this.#values.get(key);
    if (values === undefined) {
      values = new Set(this.#input.candidates.map((candidate) => labelOf(candidate, key)));
      this.#values.set(key, values);
    }
    return values;
  }
}

function labelOf({ template, type, ...offering }: NewCandidate, key: string) {
  return offeringLabelKeys.has(key)
    ? (offeringLabels(offering, new Map())[key] ?? type.labels[key])
    : (type.labels[key] ?? template.labels[key]);
}

/** Candidates by the rule that excludes them. */
class Misses {
  readonly byRule = new Map<string, number>();
  readonly admitted: NewCandidate[] = [];
  total = 0;

  count(rule: string | undefined, candidate: NewCandidate): void {
    this.total++;
    if (rule === undefined) {
      this.admitted.push(candidate);
    } else {
      this.byRule.set(rule, (this.byRule.get(rule) ?? 0) + 1);
    }
  }
}

function existingPart(count: number, open: number): string {
  const nodes = count === 1 ? '1 existing node' : `${count} existing nodes`;
  return open === 0
    ? `${nodes} excluded by rules`
    : `of ${nodes} ${open} admit it and none has room`;
}

function listed(values: readonly string[]): string {
  const distinct = [...new Set(values)];
  return distinct.length > maxListed
    ? `${distinct.slice(0, maxListed).join(', ')} and ${distinct.length - maxListed} more`
    : distinct.join(', ');
}
